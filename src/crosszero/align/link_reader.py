"""Links of any tool and any gold standard: Pharaoh, WPT's lines, TSV as XL-WA's, our JSONL.

Whether words count from 0 or from 1 is told by the file as a whole; reading one as the other would
ruin a score without any error. Where the texts are known, an index 0 proves base 0, and an index
equal to the length of its sentence proves base 1; a file that proves neither is refused. Where they
are not, an index 0 proves base 0, and that no first word of any sentence is linked is not to be
believed. WPT's files (Mihalcea and Pedersen 2003) count from 1, and 0 is their NULL: a word that is
linked to nothing, which is no link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crosszero.align.linked_pairs import is_index
from crosszero.align.pharaoh import PharaohLink, parse_links
from crosszero.align.spans import GoldLinks
from crosszero.bitext.lines import MAX_ROW, require_lines
from crosszero.errors import ConfigError, DataError

_WPT = re.compile(r"([0-9]{1,9})\s+([0-9]{1,9})\s+([0-9]{1,9})(?:\s+([SP]))?(?:\s+[0-9.eE+-]+)?")
_ENOUGH = 10  # sentences with links, among which one would link a first word
_Rows = list[list[PharaohLink]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFile:
    """What was read.

    Attributes:
        rows: links of each sentence pair, counted from 0.
        base: what the file counts from.
        null: links to NULL that were left out.
        numbered: whether its lines tell the number of their sentence (WPT), so that sentences
            without links may be missing at the end.
    """

    rows: tuple[GoldLinks, ...]
    base: int
    null: int = 0
    numbered: bool = False

    def fill(self, size: int) -> tuple[GoldLinks, ...]:
        """Give `size` rows if that can be, by adding rows without links at the end."""
        missing = size - len(self.rows) if self.numbered else 0
        return self.rows + (GoldLinks(sure=frozenset()),) * missing


def read_links(
    path: str | Path,
    *,
    base: int | None = None,
    lengths: Sequence[tuple[int, int]] | None = None,
) -> LinkFile:
    """Read links in any of the formats.

    Args:
        path: the file, plain or .gz; an empty line is a sentence pair without links.
        base: 0 or 1, what it counts from; none: found out.
        lengths: for each sentence pair the numbers of source and target words, where known.

    Raises:
        DataError: a line is no links, a link lies outside its sentence, the file contradicts itself
            or `base`, or is not as long as `lengths`. Names file and line.
        ConfigError: `base` is neither 0 nor 1, or is needed because the file shows neither.

    Example:
        >>> read_links("gold/de-en.gold").base                           # doctest: +SKIP
        0
    """
    if base not in (None, 0, 1):
        raise ConfigError(f"base must be 0 or 1, not {base}")
    lines = list(require_lines(path, empty_lines=True, longest=MAX_ROW))
    first = next((line for line in lines if line), "")
    null, numbered = 0, bool(_WPT.fullmatch(first))
    if numbered:
        rows, null = _read_wpt(path, lines)
        rows += [[] for _ in range(len(lengths or ()) - len(rows))]
        base = 1 if base is None else base
    elif first.startswith("{"):
        rows = [_read_json(path, number, line) for number, line in enumerate(lines, start=1)]
        base = 0
    else:
        if _has_texts(path, first):
            lines = [_take_links(path, number, line) for number, line in enumerate(lines, start=1)]
        rows = [
            parse_links(path, number, line, scores=lengths is None)
            for number, line in enumerate(lines, start=1)
        ]
    if lengths is not None:
        base = _find_base(path, rows, lengths, base)
    elif base is None:
        base = _guess_base(path, rows)
    return LinkFile(rows=_shift(path, rows, base), base=base, null=null, numbered=numbered)


def _read_wpt(path: str | Path, lines: list[str]) -> tuple[_Rows, int]:
    rows: _Rows = []
    null = 0
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        parts = _WPT.fullmatch(line)
        if parts is None or not 1 <= int(parts[1]) <= 10_000_000:
            raise DataError(path, "is not a line 'sentence source target [S|P]'", number)
        rows += [[] for _ in range(int(parts[1]) - len(rows))]
        link = PharaohLink(int(parts[2]), int(parts[3]), parts[4] != "P", None)
        if 0 in link[:2]:
            null += 1
        else:
            rows[int(parts[1]) - 1].append(link)
    return rows, null


def _has_texts(path: str | Path, line: str) -> bool:
    """Tell lines of a text, its translation and their links from lines of links."""
    try:
        parse_links(path, 1, line.split("\t")[0])
    except DataError:
        return line.count("\t") > 1
    return False


def _take_links(path: str | Path, number: int, line: str) -> str:
    columns = line.split("\t")
    if line and len(columns) < 2:
        raise DataError(path, "is not 'source TAB target TAB links'", number)
    return columns[2] if len(columns) > 2 else ""


def _read_json(path: str | Path, number: int, line: str) -> list[PharaohLink]:
    try:
        links = json.loads(line)["links"] if line else []
        pairs = [(link[0], link[1]) for link in links]
        if not all(is_index(index) for pair in pairs for index in pair):
            raise TypeError
        return [PharaohLink(*pair, True, None) for pair in pairs]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise DataError(path, 'is not {"links": [[source, target], ...]}', number) from error


def _find_base(
    path: str | Path, rows: _Rows, lengths: Sequence[tuple[int, int]], given: int | None
) -> int:
    """Find the base by the lengths of the sentences, in which all links must lie."""
    if len(rows) != len(lengths):
        message = f"{len(rows)} lines for {len(lengths)} sentence pairs"
        raise DataError(path, message, min(len(rows), len(lengths)))
    proofs: dict[int, int] = {}  # of each base the first line that proves it
    for number, (row, sizes) in enumerate(zip(rows, lengths, strict=True), start=1):
        for link in row:
            ends = list(zip(link[:2], sizes, strict=True))
            if any(index > size for index, size in ends):
                message = f"points outside a pair of {sizes[0]} and {sizes[1]} words"
                raise DataError(path, f"link {link} {message}", number)
            if any(index == 0 for index, _ in ends):
                proofs.setdefault(0, number)
            if any(index == size for index, size in ends):
                proofs.setdefault(1, number)
            if given is not None and 1 - given in proofs:
                what = "has an index 0" if given else "points past the last word"
                raise DataError(path, f"link {link} {what}, but base={given} was given", number)
            if given is None and len(proofs) == 2:
                raise DataError(
                    path,
                    f"link {link} contradicts line {min(proofs.values())}: an index 0 means that "
                    "words count from 0, an index equal to the sentence's length that they count "
                    "from 1",
                    number,
                )
    if given is None and not proofs and any(rows):
        stem = Path(path).with_suffix("")
        raise ConfigError(
            f"{path}: no index is 0 and none equals the length of its sentence, so the file may "
            "count words from 0 or from 1; pass base=0 or base=1, write the stem in a recipe "
            f"as {stem}:0 or {stem}:1, or a suite's alignment_pairs: [{stem.name}:0] or "
            f"[{stem.name}:1]"
        )
    return next(iter(proofs), 0) if given is None else given


def _guess_base(path: str | Path, rows: _Rows) -> int:
    """Find the base of links whose sentences are not known."""
    if any(0 in link[:2] for row in rows for link in row):
        return 0
    linked = sum(map(bool, rows))
    if linked >= _ENOUGH:
        return 1
    if not linked:
        return 0
    raise ConfigError(
        f"{path}: no index is 0, and {linked} sentences are too few to tell whether it counts "
        "words from 0 or from 1: give --base or --gold-base"
    )


def _shift(path: str | Path, rows: _Rows, base: int) -> tuple[GoldLinks, ...]:
    made = []
    for number, row in enumerate(rows, start=1):
        if any(min(link[:2]) < base for link in row):
            raise DataError(path, f"an index is below {base}, from which words count", number)
        sure, possible = (
            frozenset((i - base, j - base) for i, j, is_sure, _ in row if is_sure == wanted)
            for wanted in (True, False)
        )
        made.append(GoldLinks(sure=sure, possible=possible))
    return tuple(made)

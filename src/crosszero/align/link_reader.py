"""Links of any tool and any gold standard: Pharaoh, WPT's lines, TSV as XL-WA's, our JSONL.

Whether words count from 0 or from 1 is told by the file as a whole; reading one as the other would
ruin a score without any error. Where the texts are known, an index 0 proves base 0, and an index
equal to the length of its sentence proves base 1; a file beside its texts that proves neither is
refused. Elsewhere an index 0 proves base 0, and that no first word of any sentence is linked is not
to be believed. JSONL counts from 0. WPT's files (Mihalcea and Pedersen 2003) count from 1, and 0 is
their NULL: a word that is linked to nothing, which is no link. Who says that such a file counts
from 0 says that 0 is a word.

A link must lie inside its sentence, where that is known: by the caller, or because the texts stand
beside the links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import le
from pathlib import Path
from typing import Any

from crosszero.align.linked_pairs import ENOUGH, is_index
from crosszero.align.pharaoh import PharaohLink, parse_links
from crosszero.align.spans import GoldLinks
from crosszero.align.word_boundaries import normalise
from crosszero.bitext.lines import MAX_ROW, require_lines, split_words
from crosszero.errors import ConfigError, DataError, quote

_WPT = re.compile(r"([0-9]{1,9})\s+([0-9]{1,9})\s+([0-9]{1,9})(?:\s+([SP]))?(?:\s+[0-9.eE+-]+)?")
_ROW = '{"links": [[source, target], ...]}, which are whole numbers from 0'
_Row = list[PharaohLink]
_Sizes = tuple[int, int] | None  # words of a source and a target text, where they are known
_Texts = tuple[list[str], list[str]] | None  # these words


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFile:
    """What was read.

    Attributes:
        rows: links of each sentence pair, counted from 0.
        base: what the file counts from.
        null: links to NULL that were left out.
        numbered: whether its lines tell the number of their sentence (WPT), so that sentences
            without links may be missing at the end.
        texts: source and target words of each sentence pair, where the file tells them.
    """

    rows: tuple[GoldLinks, ...]
    base: int
    null: int = 0
    numbered: bool = False
    texts: Sequence[_Texts] = ()

    def fill(self, size: int) -> tuple[GoldLinks, ...]:
        """Give `size` rows if that can be, by adding rows without links at the end."""
        missing = size - len(self.rows) if self.numbered else 0
        return self.rows + (GoldLinks(sure=frozenset()),) * missing

    def check_words(self, path: str | Path, other: LinkFile, other_path: str | Path) -> None:
        """See that links of the same sentences can count the same words, or DataError.

        Args:
            path: where these links are from.
            other, other_path: links that may tell how many words a sentence has.
        """
        own = self.texts or [None] * len(self.rows)
        rows = zip(self.rows, own, other.texts, strict=False)
        for number, (row, mine, theirs) in enumerate(rows, start=1):
            if theirs is None:
                continue
            ends = list(zip(*row.allowed, strict=True))
            least = _count(mine) or ((1 + max(ends[0]), 1 + max(ends[1])) if ends else (0, 0))
            there = len(theirs[0]), len(theirs[1])
            if least != there if mine else not all(map(le, least, there)):
                words = f"has {'' if mine else 'at least '}{least[0]} and {least[1]} words"
                raise DataError(
                    path,
                    f"{words} in this sentence pair, but {other_path} has {there[0]} and "
                    f"{there[1]}: both must be cut into the same words",
                    number,
                )
            for word, that in zip(chain(*mine), chain(*theirs), strict=True) if mine else ():
                if normalise(word) != normalise(that):
                    message = f"its word {quote(word)} is {quote(that)} in {other_path}: are these "
                    raise DataError(path, f"{message}links of other texts?", number)


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
        ConfigError: `base` is neither 0 nor 1, is needed because the file shows neither, or is 1
            for JSONL.

    Example:
        >>> read_links("gold/de-en.gold").base                           # doctest: +SKIP
        0
    """
    if base not in (None, 0, 1):
        raise ConfigError(f"base must be 0 or 1, not {base}")
    lines = list(require_lines(path, empty_lines=True, longest=MAX_ROW))
    first = next((line for line in lines if line), "")
    null, numbered = 0, bool(_WPT.fullmatch(first))
    texts: Sequence[_Texts] = ()
    if numbered:
        base = 1 if base is None else base
        rows, null = _read_wpt(path, lines, has_null=base == 1)
        rows += [[] for _ in range(len(lengths or ()) - len(rows))]
    elif first.startswith("{"):
        if base == 1:
            raise ConfigError(
                f"{path}: base=1 was given, but JSONL counts words from 0; leave it out"
            )
        base = 0
        rows, texts = _read_each(lines, partial(_read_json, path))
    else:
        read = _read_columns if _has_texts(path, first) else _read_pharaoh
        rows, texts = _read_each(lines, partial(read, path, scores=lengths is None))
    if lengths is not None and len(rows) != len(lengths):
        message = f"{len(rows)} lines for {len(lengths)} sentence pairs"
        raise DataError(path, message, min(len(rows), len(lengths)))
    sizes = list(map(_count, texts)) if lengths is None else lengths
    found = _find_base(path, rows, sizes, base)
    if found is None and lengths is not None and any(rows):
        stem = Path(path).with_suffix("")
        raise ConfigError(
            f"{path}: no index is 0 and none equals the length of its sentence, so the file may "
            "count words from 0 or from 1; pass base=0 or base=1, write the stem in a recipe "
            f"as {stem}:0 or {stem}:1, or a suite's alignment_pairs: [{stem.name}:0] or "
            f"[{stem.name}:1]"
        )
    base = _guess_base(path, rows) if found is None else found
    rows_from_0 = _shift(path, rows, base)
    return LinkFile(rows=rows_from_0, base=base, null=null, numbered=numbered, texts=texts)


def _count(texts: _Texts) -> _Sizes:
    return None if texts is None else (len(texts[0]), len(texts[1]))


def _read_each(
    lines: Iterable[str], read: Callable[[int, str], tuple[_Row, _Texts]]
) -> tuple[list[_Row], list[_Texts]]:
    found = [read(number, line) for number, line in enumerate(lines, start=1)]
    return [row for row, _ in found], [texts for _, texts in found]


def _read_wpt(path: str | Path, lines: list[str], *, has_null: bool) -> tuple[list[_Row], int]:
    rows: list[_Row] = []
    null = 0
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        parts = _WPT.fullmatch(line)
        if parts is None or not 1 <= int(parts[1]) <= 10_000_000:
            raise DataError(path, "is not a line 'sentence source target [S|P]'", number)
        rows += [[] for _ in range(int(parts[1]) - len(rows))]
        link = PharaohLink(int(parts[2]), int(parts[3]), parts[4] != "P", None)
        if has_null and 0 in link[:2]:
            null += 1
        else:
            rows[int(parts[1]) - 1].append(link)
    return rows, null


def _read_pharaoh(path: str | Path, number: int, line: str, *, scores: bool) -> tuple[_Row, _Texts]:
    return parse_links(path, number, line, scores=scores), None


def _has_texts(path: str | Path, line: str) -> bool:
    """Tell lines of a text, its translation and their links from lines of links."""
    try:
        parse_links(path, 1, line.split("\t")[0])
    except DataError:
        return line.count("\t") > 1
    return False


def _read_columns(path: str | Path, number: int, line: str, *, scores: bool) -> tuple[_Row, _Texts]:
    if not line:
        return [], None
    source, *more = line.split("\t")
    if not more:
        raise DataError(path, "is not 'source TAB target TAB links'", number)
    target, links, *_ = (*more, "")
    texts = split_words(source), split_words(target)
    return parse_links(path, number, links, scores=scores), texts


def _read_json(path: str | Path, number: int, line: str) -> tuple[_Row, _Texts]:
    try:
        row = json.loads(line) if line else {"links": []}
        links = row["links"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(path, f"is not {_ROW}", number) from error
    found = []
    for link in links if isinstance(links, list) else [links]:
        if not isinstance(link, list) or len(link) < 2 or not all(map(is_index, link[:2])):
            raise DataError(path, f"{quote(link)} is not a link: {_ROW}", number)
        found.append(PharaohLink(link[0], link[1], True, None))
    source, target = row.get("source_words"), row.get("target_words")
    if not isinstance(source, list) or not isinstance(target, list):
        return found, None
    return found, (list(map(_spell, source)), list(map(_spell, target)))


def _spell(word: Any) -> str:
    """A word beside its places, as align writes it, or without."""
    return str(word[0] if isinstance(word, list) and word else word)


def _find_base(
    path: str | Path, rows: list[_Row], all_sizes: Sequence[_Sizes], given: int | None
) -> int | None:
    """Find the base by the lengths of the sentences, in which all links must lie.

    Returns:
        What is given or proved, ``None`` for neither.
    """
    proofs: dict[int, int] = {}  # of each base the first line that proves it
    for number, (row, sizes) in enumerate(zip(rows, all_sizes, strict=False), start=1):
        for link in row:
            if sizes is None:
                break
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
    return next(iter(proofs), None) if given is None else given


def _guess_base(path: str | Path, rows: list[_Row]) -> int:
    """Find the base of links whose sentences are not known."""
    if any(0 in link[:2] for row in rows for link in row):
        return 0
    linked = sum(map(bool, rows))
    if linked >= ENOUGH:
        return 1
    if not linked:
        return 0
    raise ConfigError(
        f"{path}: no index is 0, and {linked} sentences are too few to tell whether it counts "
        "words from 0 or from 1: give --base or --gold-base"
    )


def _shift(path: str | Path, rows: list[_Row], base: int) -> tuple[GoldLinks, ...]:
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

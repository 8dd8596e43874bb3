"""Links of any tool and any gold standard, without the texts: Pharaoh, WPT's lines, our JSONL.

Whether words count from 0 or from 1 is told by the file as a whole: an index 0 proves base 0, and
that no first word of any sentence is linked is not to be believed. WPT's files (Mihalcea and
Pedersen 2003) count from 1, and 0 is their NULL: a word that is linked to nothing, which is no
link.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crosszero.align.gold import GoldLinks
from crosszero.align.pharaoh import parse_links
from crosszero.bitext.lines import require_lines
from crosszero.errors import ConfigError, DataError

_WPT = re.compile(r"([0-9]{1,9})\s+([0-9]{1,9})\s+([0-9]{1,9})(?:\s+([SP]))?(?:\s+[0-9.eE+-]+)?")
_ENOUGH = 10  # sentences with links, among which one would link a first word


class _Link(NamedTuple):
    source: int
    target: int
    sure: bool


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


def read_links(path: str | Path, *, base: int | None = None) -> LinkFile:
    """Read links in any of the formats.

    Args:
        path: the file, plain or .gz.
        base: 0 or 1, what it counts from; none: found out.

    Raises:
        DataError: a line is no links, or contradicts `base`.
        ConfigError: the base can't be told.

    Example:
        >>> read_links("gold/de-en.gold").base                           # doctest: +SKIP
        0
    """
    lines = list(require_lines(path, empty_lines=True))
    first = next((line for line in lines if line), "")
    null = 0
    if _WPT.fullmatch(first):
        found, null = _read_wpt(path, lines)
        base = 1 if base is None else base
        return LinkFile(rows=_shift(path, found, base), base=base, null=null, numbered=True)
    if first.startswith("{"):
        rows = [_read_json(path, number, line) for number, line in enumerate(lines, start=1)]
        return LinkFile(rows=_shift(path, rows, 0), base=0)
    rows = [
        [_Link(*link[:3]) for link in parse_links(path, number, line)]
        for number, line in enumerate(lines, start=1)
    ]
    if base is None:
        base = _find_base(path, rows)
    return LinkFile(rows=_shift(path, rows, base), base=base)


def _read_wpt(path: str | Path, lines: list[str]) -> tuple[list[list[_Link]], int]:
    rows: list[list[_Link]] = []
    null = 0
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        parts = _WPT.fullmatch(line)
        if parts is None or not 1 <= int(parts[1]) <= 10_000_000:
            raise DataError(path, "is not a line 'sentence source target [S|P]'", number)
        rows += [[] for _ in range(int(parts[1]) - len(rows))]
        if "0" in (parts[2].lstrip("0") or "0", parts[3].lstrip("0") or "0"):
            null += 1
            continue
        rows[int(parts[1]) - 1].append(_Link(int(parts[2]), int(parts[3]), parts[4] != "P"))
    return rows, null


def _read_json(path: str | Path, number: int, line: str) -> list[_Link]:
    try:
        links = json.loads(line)["links"] if line else []
        return [_Link(int(link[0]), int(link[1]), True) for link in links]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise DataError(path, 'is not {"links": [[source, target], ...]}', number) from error


def _find_base(path: str | Path, rows: list[list[_Link]]) -> int:
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


def _shift(path: str | Path, rows: list[list[_Link]], base: int) -> tuple[GoldLinks, ...]:
    made = []
    for number, row in enumerate(rows, start=1):
        if any(min(link[:2]) < base for link in row):
            raise DataError(path, f"an index is below {base}, from which words count", number)
        sure = frozenset((i - base, j - base) for i, j, is_sure in row if is_sure)
        possible = frozenset((i - base, j - base) for i, j, is_sure in row if not is_sure)
        made.append(GoldLinks(sure=sure, possible=possible))
    return tuple(made)

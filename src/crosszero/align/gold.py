"""Gold word alignments in Pharaoh format: ``0-0 1-2 3p4``, one line per sentence pair.

``i-j`` is a sure link, ``ipj`` a possible one. Some published files count words from 1, others from
0, and none says which. Reading one as the other ruins the score without any error. So the base is
inferred from the file (an index 0 proves base 0, an index equal to the sentence's length proves
base 1). A file that proves neither is refused until the user gives the base: ``base=1`` in Python,
``gold/de-en:1`` in a recipe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crosszero.align.pharaoh import PharaohLink, parse_links
from crosszero.align.spans import Link
from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import ConfigError, DataError

_STEM = re.compile(r"(.+):([01])", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldLinks:
    """The gold links of one sentence pair, 0-based (source word, target word).

    Attributes:
        sure: links that an aligner has to find.
        possible: links that it may give; the sure ones need not be repeated.
    """

    sure: frozenset[Link]
    possible: frozenset[Link] = field(default_factory=frozenset)

    @property
    def allowed(self) -> frozenset[Link]:
        """P of the definitions: possible and sure links."""
        return self.possible | self.sure


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentSet:
    """Tokenised sentence pairs with their gold links.

    Attributes:
        source, target: n sentences each, as words.
        gold: n sets of links.
    """

    source: tuple[tuple[str, ...], ...]
    target: tuple[tuple[str, ...], ...]
    gold: tuple[GoldLinks, ...]


def read_alignment_set(stem: str | Path, *, base: int | None = None) -> AlignmentSet:
    """Read ``<stem>.src``, ``<stem>.tgt`` (words separated by spaces or tabs) and ``<stem>.gold``.

    Args:
        stem: path without the three endings. A ``:0`` or ``:1`` at its end is no part of the path,
            it gives the base where only a path can be given, as in a recipe.
        base: 0 or 1, what the gold file counts from; None to find out.

    Raises:
        DataError: a file is missing or empty, lengths differ, or a link does not fit.
        ConfigError: the base can't be told from the file, or `stem` and `base` disagree.

    Example:
        >>> len(read_alignment_set("gold/de-en").gold)      # doctest: +SKIP
        100
    """
    path_stem, given = split_base(stem)
    if given is not None and base not in (None, given):
        raise ConfigError(
            f"{stem} and base={base} disagree on whether the gold file counts from 0 or from 1"
        )
    base = base if given is None else given
    source, target = read_sides(path_stem)
    lengths = [(len(one), len(other)) for one, other in zip(source, target, strict=True)]
    gold = read_gold(f"{path_stem}.gold", lengths, base=base)
    return AlignmentSet(source=source, target=target, gold=tuple(gold))


def read_sides(stem: str | Path) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Read ``<stem>.src`` and ``<stem>.tgt`` alone, for predictions.

    Args:
        stem: path without ending and without base.

    Returns:
        The source sentences and the target sentences, as words.

    Raises:
        DataError: a file is missing or empty, or lengths differ.
    """
    sides = []
    for ending in (".src", ".tgt"):
        path = Path(f"{stem}{ending}")
        sides.append(
            tuple(tuple(split_words(line)) for line in require_lines(path, empty_lines=True))
        )
    source, target = sides
    if len(source) != len(target):
        raise DataError(
            f"{stem}.tgt",
            f"{len(target)} lines, but {stem}.src has {len(source)}",
            min(len(source), len(target)),
        )
    return source, target


def split_base(stem: str | Path) -> tuple[str, int | None]:
    """Part a stem from the base of its gold file.

    Args:
        stem: path without ending, as it stands in a recipe.

    Returns:
        The path, and 0 or 1, or None if the stem does not say.

    Example:
        >>> split_base("gold/de-en:1"), split_base("gold/de-en")
        (('gold/de-en', 1), ('gold/de-en', None))
    """
    parts = _STEM.fullmatch(str(stem))
    return (str(stem), None) if parts is None else (parts[1], int(parts[2]))


def read_gold(
    path: str | Path, lengths: Sequence[tuple[int, int]], *, base: int | None = None
) -> list[GoldLinks]:
    """Read gold links and bring them to base 0.

    Args:
        path: the file; an empty line is a sentence pair without links.
        lengths: for each line the numbers of source and target words.
        base: 0 or 1, what the file counts from; None to find out.

    Raises:
        DataError: file and `lengths` differ in number, a link is malformed or out of range, or
            the file contradicts itself about its base. Names file and line.
        ConfigError: `base` is neither 0 nor 1, or is needed because the file shows neither.

    Example:
        >>> read_gold("one.gold", [(2, 2)])[0].sure      # "1-1 2-2"      # doctest: +SKIP
        frozenset({(0, 0), (1, 1)})
    """
    if base not in (None, 0, 1):
        raise ConfigError(f"base must be 0 or 1, not {base}")
    lines = list(require_lines(path, empty_lines=True))
    if len(lines) != len(lengths):
        raise DataError(
            path,
            f"{len(lines)} lines for {len(lengths)} sentence pairs",
            min(len(lines), len(lengths)),
        )
    rows = [
        parse_links(path, number, line, scores=False) for number, line in enumerate(lines, start=1)
    ]
    start = _find_base(path, rows, lengths, base)
    gold = []
    for row in rows:
        sure, possible = (
            frozenset((i - start, j - start) for i, j, is_sure, _ in row if is_sure == wanted)
            for wanted in (True, False)
        )
        gold.append(GoldLinks(sure=sure, possible=possible))
    return gold


def _find_base(
    path: str | Path,
    rows: list[list[PharaohLink]],
    lengths: Sequence[tuple[int, int]],
    given: int | None,
) -> int:
    zero = full = None  # the lines that prove base 0 and base 1
    for number, (row, (left, right)) in enumerate(zip(rows, lengths, strict=True), start=1):
        for link in row:
            source, target = link[:2]
            if source > left or target > right:
                sizes = f"{left} and {right} words"
                raise DataError(path, f"link {link} points outside a pair of {sizes}", number)
            if given != 0 and zero is None and (source == 0 or target == 0):
                zero = number
            if given != 1 and full is None and (source == left or target == right):
                full = number
            _check_base(path, number, link, given, zero, full)
    if given is not None:
        return given
    if zero is None and full is None and any(rows):
        stem = Path(path).with_suffix("")
        raise ConfigError(
            f"{path}: no index is 0 and none equals the length of its sentence, so the file may "
            "count words from 0 or from 1; pass base=0 or base=1, write the stem in a recipe "
            f"as {stem}:0 or {stem}:1, or a suite's alignment_pairs: [{stem.name}:0] or "
            f"[{stem.name}:1]"
        )
    return 1 if full is not None else 0


def _check_base(
    path: str | Path,
    number: int,
    link: PharaohLink,
    given: int | None,
    zero: int | None,
    full: int | None,
) -> None:
    if given == 1 and zero is not None:
        raise DataError(path, f"link {link} has an index 0, but base=1 was given", number)
    if given == 0 and full is not None:
        raise DataError(
            path, f"link {link} points past the last word, but base=0 was given", number
        )
    if given is None and zero is not None and full is not None:
        other = min(zero, full)
        raise DataError(
            path,
            f"link {link} contradicts line {other}: an index 0 means that words count from 0, an "
            "index equal to the sentence's length that they count from 1",
            number,
        )

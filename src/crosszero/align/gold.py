"""Sentence pairs with gold links: ``<stem>.src``, ``<stem>.tgt`` and ``<stem>.gold``.

Some published gold files count words from 1, others from 0, and none says which. Where a file does
not prove it (:mod:`crosszero.align.link_reader`), the user gives the base: ``base=1`` in Python,
``gold/de-en:1`` in a recipe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crosszero.align.link_reader import read_links
from crosszero.align.spans import GoldLinks
from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import ConfigError, DataError

GOLD, GOLD_HASHES = "gold", "gold.json"
"""In an encoder's folder what it was trained on; see :mod:`crosszero.samples.gold`."""
_STEM = re.compile(r"(.+):([01])", re.DOTALL)


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
    gold = read_links(f"{path_stem}.gold", lengths=lengths, base=base).rows
    return AlignmentSet(source=source, target=target, gold=gold)


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

"""Mined pairs as columns (32 bytes a pair, a list of tuples takes 170), and their file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

from crosszero.files import atomic_file
from crosszero.search.margin import Doubles
from crosszero.search.top_k import Ints

_BLOCK = 4096  # pairs that are Python objects at a time
DIGITS = 6  # of scores that are written


class MinedPair(NamedTuple):
    """Two sentences that are each other's translation, as far as their vectors tell.

    Attributes:
        source: row of the source sentence, from 0.
        target: row of the target sentence, from 0.
        score: margin score; see :mod:`crosszero.search.margin`.
    """

    source: int
    target: int
    score: float


class MinedPairs(Sequence[MinedPair]):
    """A sequence of :class:`MinedPair`; equal to any sequence of the same pairs.

    Args:
        source, target: (pairs,) rows of the sentences.
        score: (pairs,) margin scores.
        rival: (pairs,) those of the best other candidate of either sentence, -inf where there is
            none: what chance would have offered. ``None`` unless they were mined one-to-one.

    Example:
        >>> import numpy as np
        >>> pairs = MinedPairs(np.array([0, 2]), np.array([1, 0]), np.array([1.5, 1.25]))
        >>> pairs[-1]
        MinedPair(source=2, target=0, score=1.25)
        >>> pairs[:1] == [(0, 1, 1.5)]
        True
    """

    def __init__(
        self, source: Ints, target: Ints, score: Doubles, rival: Doubles | None = None
    ) -> None:
        self.source, self.target, self.score, self.rival = source, target, score, rival

    def __len__(self) -> int:
        return len(self.score)

    @overload
    def __getitem__(self, place: int) -> MinedPair: ...
    @overload
    def __getitem__(self, place: slice) -> MinedPairs: ...

    def __getitem__(self, place: int | slice) -> MinedPair | MinedPairs:
        columns = self.source[place], self.target[place], self.score[place]
        if isinstance(place, slice):
            return MinedPairs(*columns, None if self.rival is None else self.rival[place])
        return MinedPair(int(columns[0]), int(columns[1]), float(columns[2]))

    def __iter__(self) -> Iterator[MinedPair]:
        for start in range(0, len(self), _BLOCK):
            block = slice(start, start + _BLOCK)
            columns = self.source[block], self.target[block], self.score[block]
            yield from map(MinedPair, *(column.tolist() for column in columns))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        pairs = zip(self, other, strict=False)
        return len(self) == len(other) and all(one == two for one, two in pairs)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def __repr__(self) -> str:
        return f"MinedPairs({list(self)!r})" if len(self) < 10 else f"<{len(self):,} MinedPairs>"


def write_pairs(
    out: str | Path,
    pairs: MinedPairs,
    source: Sequence[str],
    target: Sequence[str],
    *,
    threshold: float | None = None,
) -> int:
    """Write pairs as TSV, best first: score with six digits, source text, target text.

    Args:
        out: the file; it takes its name when it is whole.
        pairs: rows of `source` and `target`.
        source, target: texts of one line; a tab in them becomes a space.
        threshold: pairs with a lower score are left out.

    Returns:
        How many pairs were written.
    """
    source, target = list(source), list(target)  # a pandas.Series is not read by rows
    count = 0
    with atomic_file(out) as file:
        for i, j, score in pairs:
            if threshold is not None and not reaches(score, threshold):
                break
            texts = (text.replace("\t", " ") for text in (source[i], target[j]))
            file.write("\t".join([spell_score(score), *texts]) + "\n")
            count += 1
    return count


def spell_score(score: float) -> str:
    """Give the digits of a score that are written."""
    return f"{score:.{DIGITS}f}"


def reaches(score: float, threshold: float) -> bool:
    """Tell whether a score reaches a threshold, to the digits that are written.

    What is written as 1.000000 reaches 1, though rounding may have left it a little below.

    Example:
        >>> reaches(0.99999994, 1.0), reaches(0.999999, 1.0)
        (True, False)
    """
    return round(score, DIGITS) >= round(threshold, DIGITS)

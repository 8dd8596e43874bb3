"""Rows of different lengths in one array, as token numbers of texts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """n rows, one after another.

    Attributes:
        values: (sum of lengths,) numbers of all rows.
        lengths: (n,) how many each row has.
    """

    values: Integers
    lengths: Integers

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        """Join rows.

        Example:
            >>> Ragged.of([[4, 5], [6]]).take(np.array([1, 0])).values
            array([6, 4, 5])
        """
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        values = np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum()))
        return cls(values, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Integers:
        return self.values[self.starts[row] : self.starts[row] + self.lengths[row]]

    @cached_property
    def starts(self) -> Integers:
        """(n,) where each row begins."""
        starts: Integers = np.cumsum(self.lengths) - self.lengths
        return starts

    def take(self, members: Integers) -> Ragged:
        """Some of the rows, in the order given."""
        lengths = self.lengths[members]
        return Ragged(self.values[spread(self.starts[members], lengths)], lengths)


def spread(starts: Integers, lengths: Integers) -> Integers:
    """All numbers of m ranges, each given by its first number and how many there are.

    Example:
        >>> spread(np.array([5, 0]), np.array([2, 3]))
        array([5, 6, 0, 1, 2])
    """
    before = np.cumsum(lengths) - lengths
    inside = np.arange(int(lengths.sum()), dtype=np.int64)
    inside += np.repeat(starts - before, lengths)
    return inside

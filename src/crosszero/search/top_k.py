"""The best k candidates of many items, kept while blocks of similarities go by.

Reading a block must cost less than computing it, so most of it is never looked at twice: the
largest value of each run of 64 similarities is taken, and only runs that can hold one of the k best
are opened. The k-th largest of the runs' maxima is a lower bound for the k-th best of the item, so
nothing is lost. Items may be the rows of a block or its columns: one matrix product then serves
both directions of a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_RUN = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest candidates of every query, best first.

    Attributes:
        index: (queries, k) row numbers in the candidates.
        similarity: (queries, k) cosines, from -1 to 1, float32.
    """

    index: Ints
    similarity: Floats


class Nearest:
    """The best `k` candidates of each of many items so far; as many must come by.

    Of equal similarities the candidate with the lower number is better. Blocks must come with
    rising numbers of candidates for each item.

    Attributes:
        value: (items, k) similarities, best first.
        index: (items, k) numbers of the candidates.

    Example:
        >>> best = Nearest(2, 1)
        >>> best.add(np.array([[0.1, 0.9, 0.9], [0.5, 0.2, 0.1]], np.float32), item=0, candidate=7)
        >>> best.index.tolist()
        [[8], [7]]
    """

    def __init__(self, items: int, k: int) -> None:
        self.value = np.full((items, k), -np.inf, dtype=np.float32)
        self.index = np.zeros((items, k), dtype=np.int64)

    def add(self, block: Floats, *, item: int, candidate: int, columns: bool = False) -> None:
        """Take a block of similarities, (rows, columns), all of them finite.

        `item` and `candidate` are the numbers of the first ones. With `columns`, the items are the
        columns of the block and the candidates its rows.
        """
        table = block.T if columns else block  # (items, candidates)
        k = self.value.shape[1]
        known = self.value[item : item + len(table), -1]  # (items,) to be exceeded
        peaks = _column_peaks(block).T if columns else _row_peaks(block)  # (items, runs)
        rows = np.flatnonzero((peaks > known[:, None]).any(axis=1))
        if not len(rows):
            return
        peaks, known = peaks[rows], known[rows]
        hits = peaks > known[:, None]
        if (runs := peaks.shape[1]) >= k:
            least = np.partition(peaks, runs - k, axis=1)[:, runs - k]
            hits &= peaks >= least[:, None]
        else:
            least = np.full(len(rows), -np.inf, dtype=np.float32)
        owner, run = np.nonzero(hits)
        places = run[:, None] * _RUN + np.arange(_RUN)  # (hits, 64)
        inside = places < table.shape[1]
        values = table[rows[owner][:, None], np.where(inside, places, 0)]
        inside &= (values > known[owner][:, None]) & (values >= least[owner][:, None])
        hit, offset = np.nonzero(inside)
        self._put(rows + item, owner[hit], values[hit, offset], places[hit, offset] + candidate)

    def merge(self, items: Ints, value: Floats, index: Ints) -> None:
        """Take what another one found for some items, (items, any number) each."""
        owner = np.repeat(np.arange(len(items)), value.shape[1])
        self._put(items, owner, value.ravel(), index.ravel())

    def _put(self, items: Ints, owner: Ints, values: Floats, places: Ints) -> None:
        """Put what was found for `items` (as places in that list) among what is known of them."""
        k = self.value.shape[1]
        every = np.concatenate([np.repeat(np.arange(len(items)), k), owner])
        value = np.concatenate([self.value[items].ravel(), values])
        index = np.concatenate([self.index[items].ravel(), places])
        order = np.lexsort((index, -value, every))
        counts = np.bincount(owner, minlength=len(items)) + k
        first = np.cumsum(counts) - counts
        chosen = order[first[:, None] + np.arange(k)]
        self.value[items], self.index[items] = value[chosen], index[chosen]


def _row_peaks(block: Floats) -> npt.NDArray[Any]:
    """Largest value of each run of a row: (rows, runs)."""
    rows, width = block.shape
    whole = width - width % _RUN
    peaks = block[:, :whole].reshape(rows, -1, _RUN).max(axis=2) if whole else block[:, :0]
    if whole < width:
        peaks = np.concatenate([peaks, block[:, whole:].max(axis=1, keepdims=True)], axis=1)
    return peaks


def _column_peaks(block: Floats) -> npt.NDArray[Any]:
    """Largest value of each run of a column: (runs, columns)."""
    height, columns = block.shape
    whole = height - height % _RUN
    peaks = block[:whole].reshape(-1, _RUN, columns).max(axis=1) if whole else block[:0]
    if whole < height:
        peaks = np.concatenate([peaks, block[whole:].max(axis=0, keepdims=True)])
    return peaks

"""Rows of a file of vectors that are equal as unit vectors, found in one pass over the file."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np

from crosszero.errors import CrosszeroError, DataError
from crosszero.search.neighbours import (
    AnyFloats,
    Floats,
    Ints,
    Neighbours,
    unit_rows,
)

_BLOCK = 4096


class DistinctRows:
    """Groups of equal rows, numbered in the order in which they first come.

    Args:
        vectors: (rows, dim), may be mapped from a file.
        path: of the file, for messages.

    Attributes:
        group: (rows,) number of each row's group.
        firsts: (groups,) first row of each group, rising.

    Raises:
        DataError: a value is not finite.

    Example:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
        >>> DistinctRows(rows, Path()).group.tolist()
        [0, 1, 0]
    """

    def __init__(self, vectors: AnyFloats, path: Path) -> None:
        digests = np.empty(len(vectors), dtype="S16")
        for start in range(0, len(vectors), _BLOCK):
            try:
                unit = unit_rows(vectors[start : start + _BLOCK])
            except CrosszeroError as error:
                raise DataError(path, f"in the rows from {start} on, {error}") from error
            for row, vector in enumerate(unit, start):
                digests[row] = blake2b(vector.tobytes(), digest_size=16).digest()
        _, firsts, group = np.unique(digests, return_index=True, return_inverse=True)
        order = np.argsort(firsts)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        self.firsts: Ints = firsts[order]
        self.group: Ints = rank[group]
        self._sizes = np.bincount(self.group)
        self._members = np.argsort(self.group, kind="stable")  # rows, group by group
        self._starts = np.cumsum(self._sizes) - self._sizes

    def spread(self, value: Floats, index: Ints, k: int, *, rows: Ints) -> Neighbours:
        """Turn neighbouring groups into neighbouring rows; all rows of a group tie.

        Args:
            value: (items, width) similarities of the best groups, best first; written over.
            index: (items, width) their numbers; written over.
            k: neighbours of each item.
            rows: for each row to be answered, its item; every item has a row.
        """
        width, known = min(k, len(self.group)), index.shape[1]
        full, values = index, value
        if width > known:  # fewer groups than neighbours: their rows fill more columns
            full, values = (np.empty((len(x), width), x.dtype) for x in (index, value))
        for start in range(0, len(index), _BLOCK):
            block = slice(start, start + _BLOCK)
            groups, scores = index[block].copy(), np.clip(value[block], -1.0, 1.0)
            plain = (self._sizes[groups] == 1).all(axis=1) & (width == known)
            if width == known:
                full[block][plain], values[block][plain] = self.firsts[groups[plain]], scores[plain]
            for item in np.flatnonzero(~plain):
                pairs = sorted(
                    (-score, int(member))
                    for group, score in zip(groups[item], scores[item], strict=True)
                    for member in self._rows(int(group))
                )[:width]
                full[start + item] = [member for _, member in pairs]
                values[start + item] = [-score for score, _ in pairs]
        if len(rows) == len(full):  # every row is an item
            return Neighbours(index=full, similarity=values)
        return Neighbours(index=full[rows], similarity=values[rows])

    def _rows(self, group: int) -> Ints:
        start = self._starts[group]
        return self._members[start : start + self._sizes[group]]

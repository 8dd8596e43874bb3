"""Rows that are equal as unit vectors, so that each of them is searched once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np

from crosszero.search.top_k import Floats, Ints, Neighbours

_BLOCK = 4096


class DistinctRows:
    """Groups of rows that are equal byte for byte, numbered in the order in which they first come.

    Args:
        count: rows.
        read: gives the unit vectors of a stretch or of chosen rows, (n, dim); called for blocks of
            them, so that they need not be in memory together.

    Attributes:
        firsts: (groups,) first row of each group, rising.
        group: (rows,) number of each row's group.

    Example:
        >>> unit = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
        >>> DistinctRows(3, unit.__getitem__).group.tolist()
        [0, 1, 0]
    """

    def __init__(self, count: int, read: Callable[[Any], Floats]) -> None:
        first_of = np.arange(count)
        known: dict[bytes, int] = {}
        candidates = _find_candidates(count, read)
        for start in range(0, len(candidates), _BLOCK):
            rows = candidates[start : start + _BLOCK]
            for row, vector in zip(rows.tolist(), read(rows), strict=True):
                digest = blake2b(vector.tobytes(), digest_size=16).digest()
                first_of[row] = known.setdefault(digest, row)
        alone = first_of == np.arange(count)
        self.firsts: Ints = np.flatnonzero(alone)
        self.group: Ints = (np.cumsum(alone) - 1)[first_of]
        self._sizes = np.bincount(self.group, minlength=len(self.firsts))
        self._members = np.argsort(self.group, kind="stable")  # rows, group by group
        self._starts = np.cumsum(self._sizes) - self._sizes

    def spread(self, value: Floats, index: Ints, k: int, rows: Ints | None = None) -> Neighbours:
        """Turn neighbouring groups into `k` neighbouring rows; all rows of a group tie.

        `value` and `index` (items, width) are similarities and numbers of the best groups, best
        first; they are written over. `rows` names, for each row to be answered, its item (every
        item has a row); ``None`` answers the items.
        """
        width, known = min(k, len(self.group)), index.shape[1]
        full, values = index, value
        if width > known:  # fewer groups than neighbours: their rows fill more columns
            full, values = (np.empty((len(x), width), x.dtype) for x in (index, value))
        for start in range(0, len(index), _BLOCK):
            block = slice(start, start + _BLOCK)
            groups, scores = index[block].copy(), np.clip(value[block], -1.0, 1.0)
            plain = np.full(len(groups), width == known)
            if k > 1:  # of a group that ties the first row is the nearest
                plain &= (self._sizes[groups] == 1).all(axis=1)
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
        if rows is None or len(rows) == len(full):  # every row is an item
            return Neighbours(index=full, similarity=values)
        return Neighbours(index=full[rows], similarity=values[rows])

    def _rows(self, group: int) -> Ints:
        start = self._starts[group]
        return self._members[start : start + self._sizes[group]]


def _find_candidates(count: int, read: Callable[[Any], Floats]) -> Ints:
    """Rows that may be equal to another one: those that share a sum of their bits, rising."""
    sums = np.empty(count, dtype=np.uint64)
    for start in range(0, count, _BLOCK):  # modulo 2**64: equal rows, equal sums
        bits = np.ascontiguousarray(read(slice(start, start + _BLOCK))).view(np.uint32)
        random = np.random.default_rng(0)
        weights = random.integers(1, 2**63, size=bits.shape[1], dtype=np.uint64)
        sums[start : start + len(bits)] = bits @ weights
    order = np.argsort(sums, kind="stable")
    same = np.zeros(count + 1, dtype=np.bool_)
    same[1:-1] = np.diff(sums[order]) == 0
    candidates: Ints = np.sort(order[same[1:] | same[:-1]])
    return candidates

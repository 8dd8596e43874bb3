"""Unit vectors and exact nearest neighbours by cosine: what every retrieval score here stands on.

The search is exact (no index, no approximation) and works in blocks, so that the full similarity
matrix never has to exist. Ties matter more than they seem to: corpora repeat themselves, equal
texts have equal vectors, and BLAS may round the same product differently at the edge of a block.
Candidates with the same unit vector are therefore searched once, and the lowest index wins.
"""

from __future__ import annotations

import os
from collections.abc import Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError
from crosszero.search.nearest import Nearest

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
AnyFloats = npt.NDArray[np.floating[Any]]

_QUERY_BLOCK = 1024  # 1024 x 4096 similarities in float32 are 16 MB
_CANDIDATE_BLOCK = 4096
_UNIT_BLOCK = 512  # rows in float64 that stay in the cache between two passes over them
_WORTH_A_THREAD = 2**18  # similarities; a smaller block is read sooner than a thread takes over


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest candidates of every query, best first.

    Attributes:
        index: (queries, k) row numbers in the candidates.
        similarity: (queries, k) cosines, from -1 to 1, float32.
    """

    index: Ints
    similarity: Floats


def unit_rows(vectors: AnyFloats) -> Floats:
    """Divide every row by its Euclidean length.

    Args:
        vectors: (n, dim) real numbers of any float type.

    Returns:
        (n, dim) float32. A row of zeros has no direction and stays zeros: its cosine with
        everything is 0.

    Raises:
        ValueError: not two-dimensional.
        CrosszeroError: a value is not finite; a comparison with it would be meaningless.

    Example:
        >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    array = np.asarray(vectors)
    if array.ndim != 2:
        raise ValueError(f"vectors must have shape (n, dim), not {array.shape}")
    unit = np.empty(array.shape, dtype=np.float32)

    def scale(start: int) -> None:
        # float64: the square of a float32 overflows beyond 1.8e19
        block = array[start : start + _UNIT_BLOCK].astype(np.float64)
        peak = np.maximum(
            block.max(axis=1, keepdims=True, initial=0.0),
            -block.min(axis=1, keepdims=True, initial=0.0),
        )
        finite = np.isfinite(peak)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise CrosszeroError(
                f"vector {row} holds a value that is not finite: the encoder's weights or its "
                "number format are broken; try float32 or an earlier checkpoint"
            )
        block /= np.where(peak > 0, peak, 1.0)
        length = np.sqrt((block * block).sum(axis=1, keepdims=True))
        block /= np.where(length > 0, length, 1.0)
        block += 0.0  # turns -0 into 0, so that equal rows are equal byte for byte
        unit[start : start + len(block)] = block

    starts = range(0, len(array), _UNIT_BLOCK)
    if array.size < _WORTH_A_THREAD:
        for start in starts:
            scale(start)
    else:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            list(pool.map(scale, starts))
    return unit


def find_neighbours(queries: AnyFloats, candidates: AnyFloats, *, k: int = 1) -> Neighbours:
    """Find the `k` candidates with the highest cosine for every query, exactly.

    Time grows with queries x candidates x dim; memory with the two inputs plus a fixed block.

    Args:
        queries: (queries, dim).
        candidates: (candidates, dim), at least one row.
        k: how many neighbours, from 1; fewer come back if there are fewer candidates.

    Returns:
        Neighbours, best first. On a tie the lowest index comes first, and candidates that are
        equal as unit vectors always tie.

    Raises:
        ValueError: shapes do not fit or `k` < 1.
        CrosszeroError: a value is not finite.

    Example:
        >>> found = find_neighbours(np.eye(2), np.array([[1.0, 1.0], [0.0, 2.0], [0.0, 1.0]]))
        >>> found.index[:, 0].tolist()
        [0, 1]
    """
    return _find(queries, candidates, k, both=False)[0]


def find_neighbours_both(
    left: AnyFloats, right: AnyFloats, *, k: int = 1
) -> tuple[Neighbours, Neighbours]:
    """Find the `k` nearest in both directions: of each left row on the right, and the other way.

    One matrix product serves both, so that this takes half the time of two searches.

    Args:
        left: (left, dim), at least one row.
        right: (right, dim), at least one row.
        k: as in :func:`find_neighbours`.

    Returns:
        What ``find_neighbours(left, right)`` and ``find_neighbours(right, left)`` give.

    Raises:
        ValueError, CrosszeroError: as :func:`find_neighbours`.

    Example:
        >>> there, back = find_neighbours_both(np.eye(2), np.array([[0.0, 2.0]]))
        >>> there.index.tolist(), back.index.tolist()
        ([[0], [0]], [[1]])
    """
    forward, backward = _find(left, right, k, both=True)
    return forward, backward


def check_some(queries: Sized, candidates: Sized) -> None:
    """See that there is something to ask and something to find.

    Raises:
        CrosszeroError: there is not.
    """
    if not len(queries) or not len(candidates):
        raise CrosszeroError("retrieval needs sentences on both sides; there are none")


def _find(left: AnyFloats, right: AnyFloats, k: int, *, both: bool) -> list[Neighbours]:
    """Neighbours of the left rows, and with `both` those of the right rows, too."""
    one, other = unit_rows(left), unit_rows(right)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"{one.shape[1]} dimensions against {other.shape[1]}")
    if len(other) == 0 or k < 1 or (both and len(one) == 0):
        raise ValueError("at least one candidate and k >= 1 are needed")
    rows = _Distinct(one) if both else None
    columns = _Distinct(other)
    one, other = one if rows is None else one[rows.firsts], other[columns.firsts]
    there = Nearest(len(one), min(k, len(other)))
    back = Nearest(len(other), min(k, len(one))) if both else None
    waiting: list[Future[None]] = []
    with ThreadPoolExecutor(2) as pool:  # a block is read while the next one is computed
        for start in range(0, len(one), _QUERY_BLOCK):
            block = one[start : start + _QUERY_BLOCK]
            for first in range(0, len(other), _CANDIDATE_BLOCK):
                scores = block @ other[first : first + _CANDIDATE_BLOCK].T
                for task in waiting:
                    task.result()
                reading = [partial(there.add, scores, item=start, candidate=first)]
                if back is not None:
                    reading.append(
                        partial(back.add, scores, item=first, candidate=start, columns=True)
                    )
                if scores.size < _WORTH_A_THREAD:
                    for read in reading:
                        read()
                else:
                    waiting = [pool.submit(read) for read in reading]
        for task in waiting:
            task.result()
    found = [columns.spread(there, k)]
    if rows is not None and back is not None:
        found = [_pick_rows(found[0], rows.group), _pick_rows(rows.spread(back, k), columns.group)]
    return found


def _pick_rows(found: Neighbours, rows: Ints) -> Neighbours:
    return Neighbours(index=found.index[rows], similarity=found.similarity[rows])


class _Distinct:
    """Rows that are equal as unit vectors, as groups.

    Attributes:
        firsts: (groups,) the first row of each group, ascending.
        group: (rows,) number of the group of each row.
        members: rows of the groups that have several, by number of the group.
    """

    def __init__(self, unit: Floats) -> None:
        self.members = _find_equal(unit)
        rest = {row for group in self.members for row in group[1:]}
        alone = np.ones(len(unit), dtype=np.bool_)
        alone[list(rest)] = False
        self.firsts: Ints = np.flatnonzero(alone)
        self.group: Ints = np.cumsum(alone) - 1
        self.several = np.zeros(len(self.firsts), dtype=np.bool_)
        numbered = {}
        for group in self.members:
            number = int(self.group[group[0]])
            self.group[group] = number
            self.several[number] = True
            numbered[number] = group
        self._numbered = numbered

    def spread(self, best: Nearest, k: int) -> Neighbours:
        """Turn neighbouring groups into neighbouring rows: all members of a group tie."""
        width = min(k, len(self.group))
        value = np.clip(best.value, -1.0, 1.0)
        index = self.firsts[best.index]
        if k == 1:
            return Neighbours(index=index, similarity=value)
        known = best.value.shape[1]
        full = np.empty((len(index), width), dtype=np.int64)
        values = np.empty(full.shape, dtype=np.float32)
        full[:, :known], values[:, :known] = index, value
        # With fewer groups than neighbours each row has members of a group among them.
        for row in np.flatnonzero(self.several[best.index].any(axis=1)):
            pairs = sorted(
                (-score, member)
                for group, score in zip(best.index[row].tolist(), value[row], strict=True)
                for member in self._numbered.get(group, (int(self.firsts[group]),))
            )
            full[row] = [member for _, member in pairs[:width]]
            values[row] = [-score for score, _ in pairs[:width]]
        return Neighbours(index=full, similarity=values)


def _find_equal(unit: Floats) -> list[list[int]]:
    """Groups of two and more rows that are equal byte for byte, each in rising order."""
    bits = np.ascontiguousarray(unit).view(np.uint32)
    weights = np.random.default_rng(0).integers(1, 2**63, size=bits.shape[1], dtype=np.uint64)
    sums = np.empty(len(bits), dtype=np.uint64)
    for start in range(0, len(bits), _UNIT_BLOCK):  # modulo 2**64: equal rows, equal sums
        sums[start : start + _UNIT_BLOCK] = bits[start : start + _UNIT_BLOCK] @ weights
    order = np.argsort(sums, kind="stable")
    ordered = sums[order]
    same = np.zeros(len(sums) + 1, dtype=np.bool_)
    same[1:-1] = ordered[1:] == ordered[:-1]
    groups: dict[bytes, list[int]] = {}
    for row in sorted(order[np.flatnonzero(same[1:] | same[:-1])].tolist()):
        groups.setdefault(unit[row].tobytes(), []).append(row)
    return [group for group in groups.values() if len(group) > 1]

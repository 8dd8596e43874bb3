"""Unit vectors and exact nearest neighbours by cosine: what every retrieval score here stands on.

The search is exact (no index, no approximation) and works in blocks, so that the full similarity
matrix never has to exist. Ties matter more than they seem to: corpora repeat themselves, equal
texts have equal vectors, and BLAS may round the same product differently at the edge of a block.
Candidates with the same unit vector are therefore searched once, and the lowest index wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
AnyFloats = npt.NDArray[np.floating[Any]]

_QUERY_BLOCK = 512  # 512 x 4096 similarities in float32 are 8 MB
_CANDIDATE_BLOCK = 4096


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
    for start in range(0, len(array), _CANDIDATE_BLOCK):
        # float64: the square of a float32 overflows beyond 1.8e19
        block = array[start : start + _CANDIDATE_BLOCK].astype(np.float64)
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise CrosszeroError(
                f"vector {row} holds a value that is not finite: the encoder's weights or its "
                "number format are broken; try float32 or an earlier checkpoint"
            )
        peak = np.abs(block).max(axis=1, keepdims=True, initial=0.0)
        block /= np.where(peak > 0, peak, 1.0)
        length = np.sqrt((block * block).sum(axis=1, keepdims=True))
        # adding 0 turns -0 into 0, so that equal rows are equal byte for byte
        unit[start : start + len(block)] = block / np.where(length > 0, length, 1.0) + 0.0
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
    left, right = unit_rows(queries), unit_rows(candidates)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"{left.shape[1]} dimensions against {right.shape[1]}")
    if len(right) == 0 or k < 1:
        raise ValueError("at least one candidate and k >= 1 are needed")
    members = _group_equal(right)
    firsts = np.array([group[0] for group in members], dtype=np.int64)
    if len(firsts) < len(right):
        right = right[firsts]
    index = np.empty((len(left), min(k, len(firsts))), dtype=np.int64)
    similarity = np.empty(index.shape, dtype=np.float32)
    for start in range(0, len(left), _QUERY_BLOCK):
        block = slice(start, start + _QUERY_BLOCK)
        index[block], similarity[block] = _search(left[block], right, index.shape[1])
    if k == 1:
        return Neighbours(index=firsts[index], similarity=similarity)
    total = sum(map(len, members))
    return _repeat_equal(index, similarity, members, min(k, total))


def _search(left: Floats, right: Floats, k: int) -> tuple[Ints, Floats]:
    best = np.full((len(left), k), -np.inf, dtype=np.float32)
    where = np.zeros((len(left), k), dtype=np.int64)
    rows = np.arange(len(left))
    for start in range(0, len(right), _CANDIDATE_BLOCK):
        block = right[start : start + _CANDIDATE_BLOCK]
        # What is known comes first and has lower indices, so argmax, which takes the first of
        # equals, keeps the tie rule across blocks.
        scores = np.concatenate([best, left @ block.T], axis=1)  # (queries, k + block)
        places = np.concatenate(
            [where, np.broadcast_to(np.arange(start, start + len(block)), (len(left), len(block)))],
            axis=1,
        )
        best, where = best.copy(), where.copy()
        for rank in range(k):
            column = scores.argmax(axis=1)
            best[:, rank], where[:, rank] = scores[rows, column], places[rows, column]
            scores[rows, column] = -np.inf
    return where, np.clip(best, -1.0, 1.0)


def _group_equal(unit: Floats) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for number, row in enumerate(np.ascontiguousarray(unit)):
        # a digest instead of the row: 16 bytes instead of 3 kB for 768 dimensions
        groups.setdefault(blake2b(row.tobytes(), digest_size=16).digest(), []).append(number)
    return list(groups.values())


def _repeat_equal(
    index: Ints, similarity: Floats, members: list[list[int]], width: int
) -> Neighbours:
    full = np.empty((len(index), width), dtype=np.int64)
    values = np.empty(full.shape, dtype=np.float32)
    for row, (groups, scores) in enumerate(zip(index, similarity, strict=True)):
        pairs = [
            (-score, member)
            for group, score in zip(groups, scores, strict=True)
            for member in members[group]
        ]
        pairs.sort()
        full[row] = [member for _, member in pairs[:width]]
        values[row] = [-score for score, _ in pairs[:width]]
    return Neighbours(index=full, similarity=values)

"""Unit vectors and exact nearest neighbours by cosine, the basis of all retrieval scores here.

The search is exact (no index, no approximation) and works in blocks, so that the full similarity
matrix never has to exist. Ties matter more than they seem to: corpora repeat themselves, equal
texts have equal vectors, and BLAS may round the same product differently at the edge of a block.
Candidates with the same unit vector are therefore searched once, and the lowest index wins.

A GPU is used where there is one and the search is large; see :mod:`crosszero.search.accelerated`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sized
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError
from crosszero.search.distinct import DistinctRows
from crosszero.search.top_k import Floats, Nearest, Neighbours

AnyFloats = npt.NDArray[np.floating[Any]]

_QUERY_BLOCK = 1024  # 1024 x 4096 similarities in float32 are 16 MB
_CANDIDATE_BLOCK = 4096
_UNIT_BLOCK = 512  # rows in float64 that stay in the cache between two passes over them
_ROUNDING = 5e-7  # of the cosine of two float32 vectors
_WORTH_A_THREAD = 2**18  # similarities; a smaller block is read sooner than a thread takes over
_WORTH_A_GPU = 2**36  # multiplications; a CPU does fewer while the vectors move


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
                f"vector {row} has a value that is not finite: the encoder's weights or number "
                "format are at fault; try float32 or an earlier checkpoint"
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
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            list(pool.map(scale, starts))
    return unit


def clip_cosines(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Keep cosines of float32 vectors within -1 and 1; what is 1 but for rounding is 1.

    Example:
        >>> clip_cosines(np.array([0.5, 0.99999994, 1.0000001, -1.0000001])).tolist()
        [0.5, 1.0, 1.0, -1.0]
    """
    return np.where(cosines >= 1 - _ROUNDING, 1, np.maximum(cosines, -1)).astype(cosines.dtype)


def find_neighbours(
    queries: AnyFloats, candidates: AnyFloats, *, k: int = 1, device: str | None = None
) -> Neighbours:
    """Find the `k` candidates with the highest cosine for every query, exactly.

    Time grows with queries x candidates x dim; memory with the two inputs plus a fixed block.

    Args:
        queries: (queries, dim).
        candidates: (candidates, dim), at least one row.
        k: how many neighbours, from 1; fewer come back if there are fewer candidates.
        device: where it is done: ``cpu``, or a GPU such as ``cuda`` or ``cuda:1``, which finds the
            same. ``None``: a GPU for a large search, if there is one and torch has been imported
            (an :class:`~crosszero.Encoder` does so).

    Returns:
        Neighbours, best first. On a tie the lowest index comes first, and candidates that are
        equal as unit vectors always tie. Which of two others comes first if their cosines differ
        by no more than rounding (some 0.0000001) is up to the machine.

    Raises:
        ValueError: shapes do not fit or `k` < 1.
        ConfigError: there is no such device.
        CrosszeroError: a value is not finite.

    Example:
        >>> found = find_neighbours(np.eye(2), np.array([[1.0, 1.0], [0.0, 2.0], [0.0, 1.0]]))
        >>> found.index[:, 0].tolist()
        [0, 1]
    """
    return _find(queries, candidates, k, device, both=False)[0]


def find_neighbours_both(
    left: AnyFloats, right: AnyFloats, *, k: int = 1, device: str | None = None
) -> tuple[Neighbours, Neighbours]:
    """Find the `k` nearest in both directions: of each left row on the right, and the other way.

    Gives what ``find_neighbours(left, right)`` and ``find_neighbours(right, left)`` give, both with
    at least one row, from one matrix product: in half the time of two searches.

    Example:
        >>> there, back = find_neighbours_both(np.eye(2), np.array([[0.0, 2.0]]))
        >>> there.index.tolist(), back.index.tolist()
        ([[0], [0]], [[1]])
    """
    forward, backward = _find(left, right, k, device, both=True)
    return forward, backward


def check_some(queries: Sized, candidates: Sized) -> None:
    """Refuse (CrosszeroError) to search nothing, or in nothing."""
    if not len(queries) or not len(candidates):
        raise CrosszeroError("retrieval needs sentences on both sides; there are none")


def check_search(one: Floats, other: Floats, k: int, *, both: bool) -> None:
    """Refuse (ValueError) vectors of different dimensions, no candidates, and no neighbours."""
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"source vectors have {one.shape[1]} dimensions, target vectors {other.shape[1]}"
        )
    if len(other) == 0 or k < 1 or (both and len(one) == 0):
        raise ValueError("at least one candidate and k >= 1 are needed")


def _find(
    left: AnyFloats, right: AnyFloats, k: int, device: str | None, *, both: bool
) -> list[Neighbours]:
    """Neighbours of the left rows, and with `both` those of the right rows, too."""
    one, other = unit_rows(left), unit_rows(right)
    check_search(one, other, k, both=both)
    columns = DistinctRows(len(other), other.__getitem__)
    rows = DistinctRows(len(one), one.__getitem__) if both else None
    if len(columns.firsts) < len(other):
        other = other[columns.firsts]
    if rows is not None and len(rows.firsts) < len(one):
        one = one[rows.firsts]
    there, back = _search(one, other, k, device, both)
    if rows is None or back is None:
        return [columns.spread(there.value, there.index, k)]
    return [
        columns.spread(there.value, there.index, k, rows.group),
        rows.spread(back.value, back.index, k, columns.group),
    ]


def _search(
    one: Floats, other: Floats, k: int, device: str | None, both: bool
) -> tuple[Nearest, Nearest | None]:
    """The best `k` of distinct rows, on a GPU if that is wanted, or worth it."""
    worth = "torch" in sys.modules and len(one) * other.size >= _WORTH_A_GPU
    if device == "cpu" or (device is None and not worth):
        return _search_on_cpu(one, other, k, both)
    from crosszero.search import accelerated  # imports torch

    if (accelerator := accelerated.find_device(device)) is None:
        return _search_on_cpu(one, other, k, both)
    found = accelerated.search(one, other, k, device=accelerator, both=both)
    for (near, rows), (asking, asked) in zip(found, ((one, other), (other, one)), strict=False):
        if len(rows):
            rest, _ = _search_on_cpu(asking[rows], asked, k, both=False)
            near.value[rows], near.index[rows] = rest.value, rest.index
    return found[0][0], found[1][0] if both else None


def _search_on_cpu(
    one: Floats, other: Floats, k: int, both: bool
) -> tuple[Nearest, Nearest | None]:
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
    return there, back

"""Nearest neighbours among more vectors than an exact search has time for, by faiss.

The vectors of a side are put into cells around centres (IVF), and a query looks into the cells that
are nearest to it, about one in thirty. What is beyond is missed: how much that is, is measured on a
sample of the queries of both sides, with the exact search.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from crosszero.errors import MissingExtraError
from crosszero.search.neighbours import (
    AnyFloats,
    check_search,
    check_some,
    find_neighbours,
    unit_rows,
)
from crosszero.search.top_k import Floats, Neighbours

_SAMPLE = 1000  # queries whose neighbours are sought exactly, too
_POINTS, _ROUNDS = 64, 10  # of k-means: vectors for each centre, passes over them
_LEAST, _SHARE = 16, 32  # cells that are looked into: at least so many, and one in so many
_log = logging.getLogger("crosszero")


def find_neighbours_approximately(
    left: AnyFloats, right: AnyFloats, *, k: int = 1, device: str | None = None
) -> tuple[Neighbours, Neighbours]:
    """Find about the `k` nearest in both directions, and log which share of them is right.

    Time grows with rows x sqrt(rows) x dim; memory is that of the vectors, twice, as float32.

    Args, Returns: as :func:`~crosszero.search.neighbours.find_neighbours_both`. Similarities are
        exact; of the neighbours some are not the nearest. `device` is for the sample.

    Raises:
        MissingExtraError: faiss is not installed.
        CrosszeroError: a side has no row, or a value is not finite.
        ValueError: the dimensions differ, or `k` < 1.

    Example:
        >>> there, back = find_neighbours_approximately(np.eye(2), np.eye(2))  # doctest: +SKIP
        >>> there.index.tolist()                                               # doctest: +SKIP
        [[0], [1]]
    """
    check_some(left, right)
    one, other = unit_rows(left), unit_rows(right)
    check_search(one, other, k, both=True)
    found = _search(one, other, k, device), _search(other, one, k, device)
    shares, asked = [], 0
    for ours, queries, candidates in zip(found, (one, other), (other, one), strict=True):
        rows = np.linspace(0, len(queries) - 1, min(_SAMPLE, len(queries))).astype(np.int64)
        exact = find_neighbours(queries[rows], candidates, k=k, device=device)
        # As near as the last of the nearest: a tie counts as right.
        shares.append((ours.similarity[rows] >= exact.similarity[:, -1:] - 1e-6).mean())
        asked += len(rows)
    _log.info(
        "approximate search: %.1f %% of the nearest %d were found (of %s texts, sought exactly)",
        100 * np.mean(shares), found[0].index.shape[1], f"{asked:,}",
    )  # fmt: skip
    return found


def _search(queries: Floats, candidates: Floats, k: int, device: str | None) -> Neighbours:
    k = min(k, len(candidates))
    index = _make_index(candidates)
    similarity, numbers = index.search(queries, k)
    # Where the cells held fewer than k, all candidates are looked at.
    if len(short := np.flatnonzero((numbers < 0).any(axis=1))):
        exact = find_neighbours(queries[short], candidates, k=k, device=device)
        similarity[short], numbers[short] = exact.similarity, exact.index
    return Neighbours(index=numbers, similarity=np.clip(similarity, -1.0, 1.0))


def import_faiss() -> Any:
    """Import faiss; MissingExtraError without it, which is to be told before texts are encoded."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss-cpu", "approximate", "approximate search") from error
    return faiss


def _make_index(vectors: Floats) -> Any:
    faiss = import_faiss()
    count, dim = vectors.shape
    cells = max(1, min(int(2 * count**0.5), count // _POINTS))
    index: Any = faiss.index_factory(dim, f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid, index.cp.niter = _POINTS, _ROUNDS
    index.nprobe = max(_LEAST, cells // _SHARE)
    index.train(vectors)
    index.add(vectors)
    return index

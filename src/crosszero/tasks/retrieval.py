"""Retrieval of sentences and words: the nearest by cosine, without a margin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crosszero.search.neighbours import AnyFloats, check_some, find_neighbours


def find_nearest(queries: AnyFloats, candidates: AnyFloats) -> list[int]:
    """Find the nearest candidate of every query.

    Args:
        queries: (queries, dim) vectors, at least one.
        candidates: (candidates, dim) vectors, at least one.

    Returns:
        (queries,) row numbers; on a tie the lowest. -1 for a vector of zeros, of which the model
        saw nothing: it would tie with everything.

    Raises:
        CrosszeroError: there are no queries or no candidates, or a vector is not finite.

    Example:
        >>> find_nearest(np.eye(3), np.eye(3)[[1, 2, 0]])
        [2, 0, 1]
    """
    check_some(queries, candidates)
    found = find_neighbours(queries, candidates).index[:, 0]
    return [int(row) for row in np.where(np.asarray(queries).any(axis=1), found, -1)]


def compare_texts(
    found: Sequence[int], queries: Sequence[str], candidates: Sequence[str]
) -> list[bool]:
    """Tell which queries found a right TEXT, where candidate i translates query i.

    Text repeats itself. Where two candidates have the same text, no encoder can tell them apart,
    and a query that shares its text with others may find the translation of any of them.

    Args:
        found: for each query the row of a candidate, or -1.
        queries, candidates: the texts, aligned row by row.

    Raises:
        ValueError: they differ in number.

    Example:
        >>> compare_texts([0, 0, 1], ["Open", "Open", "Shut"], ["Ouvrir", "Ouvert", "Fermer"])
        [True, True, False]
    """
    right: dict[str, set[str]] = {}
    for query, candidate in zip(queries, candidates, strict=True):
        right.setdefault(query, set()).add(candidate)
    rows = zip(queries, found, strict=True)
    return [row >= 0 and candidates[row] in right[query] for query, row in rows]

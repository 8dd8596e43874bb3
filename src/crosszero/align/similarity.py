"""How alike words are: cosines of their vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Link
from crosszero.search.neighbours import AnyFloats, unit_rows
from crosszero.search.top_k import Floats

Similarity = NDArray[np.float32]
"""(source, target) cosines, or (pairs, source, target); see :mod:`crosszero.align.blocks`."""
Scores = NDArray[np.float32]
"""The same shapes; 0 to 1."""

OUTSIDE = -9.0
"""In a block where a pair has no words; below every cosine."""
SHORT = 1e-15  # vectors whose squares are no numbers in float32
ROUNDING = 2e-5  # of a mean: what taking it from rows like it may leave in float32


def measure_rows(rows: AnyFloats) -> tuple[Floats, Floats]:
    """Give rows in float32 and their lengths.

    Args:
        rows: (..., dim).

    Returns:
        (..., dim) vectors and (..., 1) lengths, 1 for zeros; both scaled where float32 can't hold
        the squares.

    Raises:
        CrosszeroError: a vector is not finite.
    """
    vectors: Floats = rows.astype(np.float32, copy=False)
    lengths: Floats = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    short = lengths[..., 0] < SHORT
    if not np.isfinite(lengths).all() or rows[short].any():
        vectors = unit_rows(rows.reshape(-1, rows.shape[-1])).reshape(rows.shape)
        return vectors, np.ones(lengths.shape, np.float32)
    lengths[short] = 1
    return vectors, lengths


def drop_rounding(rows: AnyFloats, means: AnyFloats) -> None:
    """Set to zero, in place, rows of which their mean left nothing but rounding errors.

    These errors would be a vector like others, more like some words than like others.

    Args:
        rows: (..., n, dim), without the means.
        means: (..., dim).
    """
    least = ROUNDING * np.abs(means).max(axis=-1)[..., None, None]
    if (np.abs(rows[..., :1]) <= least).any():  # seldom, so that the rest is not read
        rows[(np.abs(rows) <= least).all(axis=-1)] = 0


def compare_words(source: AnyFloats, target: AnyFloats) -> Similarity:
    """Compare each word with each word of the other side by the cosine.

    Args:
        source: (source words, dim) vectors of one sentence.
        target: (target words, dim) vectors of its translation.

    Returns:
        (source words, target words), from -1 to 1; NaN for a word with a vector of zeros.

    Raises:
        ValueError: shapes do not fit.
        CrosszeroError: a vector is not finite.

    Example:
        >>> compare_words(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
        [[0.6000000238418579], [nan]]
    """
    left, right = (np.divide(*measure_rows(side)) for side in (source, target))
    similarity: Similarity = left @ right.T
    similarity[~left.any(axis=1)] = np.nan
    similarity[:, ~right.any(axis=1)] = np.nan
    return similarity


def compare_parts(source: AnyFloats, target: AnyFloats) -> Similarity:
    """Cosines of all rows, the mean of each side taken from them first; of a row of zeros 0."""
    if min(len(source), len(target)) > 1:
        means = [side.mean(axis=0) for side in (source, target)]
        source, target = source - means[0], target - means[1]
        drop_rounding(source, means[0])
        drop_rounding(target, means[1])
    return np.nan_to_num(compare_words(source, target), nan=0.0)


def mutual_argmax(similarity: Similarity, threshold: float = -np.inf) -> list[Link]:
    """Link the words that are each other's most similar.

    Args:
        similarity: (source words, target words); NaN is never chosen.
        threshold: smallest similarity of a link.

    Returns:
        Links, each word once at most; of equal similarities the first counts.

    Example:
        >>> mutual_argmax(np.array([[0.9, 0.8], [0.7, 0.1]], dtype=np.float32))
        [(0, 0)]
    """
    if not similarity.size:
        return []
    table = np.where(np.isnan(similarity), -np.inf, similarity)
    of_row, of_column = table.argmax(axis=1), table.argmax(axis=0)
    rows = np.arange(len(table))
    best = (of_column[of_row] == rows) & (table[rows, of_row] >= threshold)
    best &= table[rows, of_row] > -np.inf
    return [(int(i), int(of_row[i])) for i in np.flatnonzero(best)]

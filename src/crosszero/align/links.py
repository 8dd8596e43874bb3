"""From similarities to links: each method is a function of one matrix.

A method gives a matrix of scores, 0 where two words are not linked and otherwise how sure the link
is, up to 1. Rows are the source's parts, columns the target's: sub-tokens or whole words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from crosszero.align.eflomal import Symmetrisation
from crosszero.align.spans import Link
from crosszero.search.nearest import Floats
from crosszero.search.neighbours import AnyFloats, unit_rows

Similarity = NDArray[np.float32]
"""(source, target) cosines; NaN for words of which the encoder saw nothing."""
Scores = NDArray[np.float32]
"""(source, target), 0 to 1."""

TEMPERATURE = 0.05
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def compare_words(
    source: AnyFloats, target: AnyFloats, *, scale: Callable[[AnyFloats], Floats] = unit_rows
) -> Similarity:
    """Compare each word with each word of the other side by the cosine.

    Args:
        source: (source words, dim) vectors of one sentence.
        target: (target words, dim) vectors of its translation.
        scale: brings rows to length 1 and leaves rows of zeros; its rounding decides ties.

    Returns:
        (source words, target words), from -1 to 1; NaN for a word with a vector of zeros.

    Raises:
        ValueError: shapes do not fit.
        CrosszeroError: a vector is not finite.

    Example:
        >>> compare_words(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
        [[0.6000000238418579], [nan]]
    """
    left, right = scale(source), scale(target)
    similarity: Similarity = left @ right.T
    similarity[~left.any(axis=1)] = np.nan
    similarity[:, ~right.any(axis=1)] = np.nan
    return similarity


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


def softmax(similarity: Similarity, temperature: float = TEMPERATURE) -> Scores:
    """Probability of each link, seen from both sides (Dou & Neubig 2021, "awesome-align").

    Args:
        similarity: (source, target), without NaN.
        temperature: the smaller, the more the best one takes.

    Returns:
        Geometric mean of the softmax over the target and that over the source.

    Example:
        >>> softmax(np.eye(2, dtype=np.float32)).round(3).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    forth, back = normalise(similarity, temperature, 1), normalise(similarity, temperature, 0)
    scores: Scores = np.sqrt(forth * back)
    return scores


def normalise(similarity: Similarity, temperature: float, axis: int) -> Scores:
    """Softmax along an axis: probabilities of the partners of each word."""
    raised = np.exp((similarity - similarity.max(axis=axis, keepdims=True)) / temperature)
    shares: Scores = raised / raised.sum(axis=axis, keepdims=True)
    return shares


def argmax(similarity: Similarity, how: Symmetrisation = "intersection") -> Scores:
    """Link what is each other's nearest (Jalili Sabet et al. 2020, "SimAlign", argmax).

    Args:
        similarity: (source, target), without NaN.
        how: what is made of the nearest of each source word and that of each target word.
    """
    if how == "intersection":
        return _choose(similarity, mutual_argmax(similarity))
    forth, back = np.zeros((2, *similarity.shape), bool)
    forth[np.arange(len(forth)), similarity.argmax(axis=1)] = True
    back[similarity.argmax(axis=0), np.arange(back.shape[1])] = True
    links = symmetrise(forth, back, how)
    scores: Scores = np.where(links, softmax(similarity), 0).astype(np.float32)
    return scores


def symmetrise(
    forth: NDArray[np.bool_], back: NDArray[np.bool_], how: Symmetrisation
) -> NDArray[np.bool_]:
    """Make one set of links of those of two directions (Koehn et al. 2003).

    Args:
        forth, back: (source, target) links seen from the source and from the target.
        how: ``intersection``, ``union`` or ``grow-diag-final-and``: the links of both, and of the
            others those beside such a link (diagonally, too) that link a word without link; at last
            those of which both words are without.

    Example:
        >>> forth, back = np.array([[1, 0], [1, 0]], bool), np.array([[1, 1], [0, 0]], bool)
        >>> symmetrise(forth, back, "grow-diag-final-and").astype(int).tolist()
        [[1, 1], [1, 0]]
    """
    links = forth & back
    union = forth | back
    if how != "grow-diag-final-and":
        return links if how == "intersection" else union
    added = True
    while added:
        added = False
        for i, j in np.argwhere(links):
            for a, b in ((i + di, j + dj) for di, dj in _NEIGHBOURS):
                inside = 0 <= a < links.shape[0] and 0 <= b < links.shape[1]
                new = inside and union[a, b] and not links[a, b]
                if new and not (links[a].any() and links[:, b].any()):
                    links[a, b] = added = True
    for side in (forth, back):
        for i, j in np.argwhere(side):
            if not (links[i].any() or links[:, j].any()):
                links[i, j] = True
    return links


def itermax(similarity: Similarity, rounds: int = 2, discount: float = 0.9) -> Scores:
    """Link again what the first links left over (SimAlign, itermax).

    In later rounds a pair of which both are linked is out, and the similarity of a pair of which
    one is linked counts less, by `discount`.
    """
    found = set(mutual_argmax(similarity))
    for _ in range(1, rounds):
        free = np.ones(similarity.shape[0], bool), np.ones(similarity.shape[1], bool)
        for i, j in found:
            free[0][i] = free[1][j] = False
        weights = discount * (free[0][:, None] | free[1])
        weights[np.ix_(*free)] = 1.0
        shares = (similarity + 1) / 2 * weights  # cosines from 0 to 1, so that a discount lowers
        found |= {(i, j) for i, j in mutual_argmax(shares.astype(np.float32)) if weights[i, j]}
    return _choose(similarity, sorted(found))


def _choose(similarity: Similarity, links: Sequence[Link]) -> Scores:
    scores = np.zeros(similarity.shape, np.float32)
    if links:
        places = tuple(np.array(links).T)
        scores[places] = softmax(similarity)[places]
    return scores


def transport(similarity: Similarity, temperature: float = TEMPERATURE, rounds: int = 30) -> Scores:
    """Move an equal mass from each source word to the target at the least cost (optimal transport).

    With entropic regularisation, by Sinkhorn's iterations (Cuturi 2013; for words Dou & Neubig
    2021, section 2.1).

    Returns:
        The plan, as a share of the mass that the words at both ends have to give.
    """
    rows, columns = similarity.shape
    kernel = np.exp((similarity - similarity.max()).astype(np.float64) / temperature) + 1e-30
    left, right = np.ones(rows), np.ones(columns)
    for _ in range(rounds):
        left = 1 / rows / (kernel @ right)
        right = 1 / columns / (left @ kernel)
    plan = left[:, None] * kernel * right
    scores: Scores = (plan * np.sqrt(rows * columns)).clip(0, 1).astype(np.float32)
    return scores


def join_parts(
    scores: Scores, source: Sequence[NDArray[np.int64]], target: Sequence[NDArray[np.int64]]
) -> Scores:
    """Link two words if any of their parts are, as surely as the surest of these links.

    Args:
        scores: (source parts, target parts).
        source: first part of each source word, and the part behind its last one.
        target: the same of the target.

    Returns:
        (source words, target words); 0 for a word without parts.

    Example:
        >>> scores = np.array([[0.0, 0.5], [0.9, 0.0]], np.float32)
        >>> join_parts(scores, (np.array([0]), np.array([2])), (np.array([0, 1]), np.array([1, 2])))
        array([[0.9, 0.5]], dtype=float32)
    """
    return _join_rows(_join_rows(scores, *source).T, *target).T


def _join_rows(scores: Scores, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Scores:
    joined = np.zeros((len(starts), scores.shape[1]), np.float32)
    seen = ends > starts
    if seen.any():
        # A last row, so that a border behind the last part is one that reduceat takes.
        padded = np.concatenate([scores, np.zeros((1, scores.shape[1]), np.float32)])
        borders = np.stack([starts[seen], ends[seen]], axis=1).ravel()
        joined[seen] = np.maximum.reduceat(padded, borders, axis=0)[::2]
    return joined

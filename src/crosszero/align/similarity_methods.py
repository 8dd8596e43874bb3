"""From similarities to scores of links: each method is a function of a block.

A block is (pairs, source, target): the parts of sentences, sub-tokens or words, and those of their
translations. Cells outside a pair hold :data:`~crosszero.align.similarity.OUTSIDE`; what a method
gives for them counts for nothing. A method gives scores, 0 where two parts are not linked and
otherwise how sure the link is, up to 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosszero.align.eflomal import Symmetrisation
from crosszero.align.similarity import OUTSIDE, Scores, Similarity

TEMPERATURE = 0.05
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
Mask = NDArray[np.bool_]


def softmax(similarity: Similarity, temperature: float = TEMPERATURE) -> Scores:
    """Probability of each link, seen from both sides (Dou & Neubig 2021, "awesome-align").

    Args:
        similarity: a block.
        temperature: the smaller, the more the best one takes.

    Returns:
        Geometric mean of the softmax over the target and that over the source.

    Example:
        >>> softmax(np.eye(2, dtype=np.float32)[None]).round(3).tolist()
        [[[1.0, 0.0], [0.0, 1.0]]]
    """
    forth, back = normalise(similarity, temperature, 2), normalise(similarity, temperature, 1)
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
        similarity: a block.
        how: what is made of the nearest of each source word and that of each target word.
    """
    both = zip(*_find_nearest(similarity), strict=True)
    links = np.array([symmetrise(forth, back, how) for forth, back in both])
    return _score(links, similarity)


def _find_nearest(similarity: Similarity) -> tuple[Mask, Mask]:
    """Where the nearest target word of each source word is, and the other way round."""
    forth, back = np.zeros((2, *similarity.shape), bool)
    np.put_along_axis(forth, similarity.argmax(axis=2)[:, :, None], True, axis=2)
    np.put_along_axis(back, similarity.argmax(axis=1)[:, None], True, axis=1)
    inside = similarity > OUTSIDE
    return forth & inside, back & inside


def _score(links: Mask, similarity: Similarity) -> Scores:
    return np.where(links, softmax(similarity), np.float32(0))


def symmetrise(forth: Mask, back: Mask, how: Symmetrisation) -> Mask:
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
        for i, j in np.argwhere(union):
            if not links[i, j]:
                continue  # not linked so far: a pass meets the links that it adds itself
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
    links = np.logical_and(*_find_nearest(similarity))
    for _ in range(1, rounds):
        rows, columns = ~_any(links, 2), ~_any(links, 1)
        weights = np.where(rows & columns, 1.0, discount * (rows | columns))
        shares = (similarity + 1) / 2 * weights  # cosines from 0 to 1, so that a discount lowers
        shares[similarity == OUTSIDE] = OUTSIDE
        links |= np.logical_and(*_find_nearest(shares.astype(np.float32))) & (weights > 0)
    return _score(links, similarity)


def _any(mask: Mask, axis: int) -> Mask:
    found: Mask = np.logical_or.reduce(mask, axis=axis, keepdims=True)
    return found


def transport(similarity: Similarity, temperature: float = TEMPERATURE, rounds: int = 30) -> Scores:
    """Move an equal mass from each source word to the target at the least cost (optimal transport).

    With entropic regularisation, by Sinkhorn's iterations (Cuturi 2013; for words Dou & Neubig
    2021, section 2.1).

    Returns:
        The plan, as a share of the mass that the words at both ends have to give.
    """
    inside = similarity > OUTSIDE
    highest = similarity.max(axis=(1, 2), keepdims=True)
    kernel = np.exp((similarity - highest).astype(np.float64) / temperature) + 1e-30
    kernel[~inside] = 0
    rows, columns = _any(inside, 2), _any(inside, 1)
    sizes = rows.sum(axis=1, keepdims=True), columns.sum(axis=2, keepdims=True)
    left, right = rows / 1.0, columns / 1.0
    for _ in range(rounds):  # outside a pair 0 / 1
        left = rows / sizes[0] / (kernel @ right.transpose(0, 2, 1) + ~rows)
        right = columns / sizes[1] / (left.transpose(0, 2, 1) @ kernel + ~columns)
    plan = left * kernel * right
    scores: Scores = (plan * np.sqrt(sizes[0] * sizes[1])).clip(0, 1).astype(np.float32)
    return scores

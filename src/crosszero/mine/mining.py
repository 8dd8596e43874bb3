"""Pairs of sentences from two heaps of vectors: best candidates both ways, one-to-one by score.

This is the "max" retrieval of LASER and XTREME (Artetxe & Schwenk 2019, section 3.2): every
sentence of either side names its best candidate, all names go into one list, and the list is read
from the best score down. A pair counts if neither of its sentences has been taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crosszero.errors import ConfigError
from crosszero.evaluation.retrieval import check_some
from crosszero.evaluation.vectors import AnyFloats, Ints, Neighbours, find_neighbours_both
from crosszero.mine.margin import Doubles, Margin, check_margin, score_margins


class MinedPair(NamedTuple):
    """Two sentences that are each other's translation, as far as their vectors tell.

    Attributes:
        source: row of the source sentence, from 0.
        target: row of the target sentence, from 0.
        score: margin score; see :mod:`crosszero.mine.margin`.
    """

    source: int
    target: int
    score: float


def mine(
    source_vectors: AnyFloats,
    target_vectors: AnyFloats,
    *,
    k: int = 4,
    margin: Margin = "ratio",
) -> list[MinedPair]:
    """Find pairs of rows that belong together; no row is used twice.

    Exact, without an index: time grows with source x target x dim. Memory is the two inputs once
    more as float32, k neighbours for each row and one block of similarities; the full similarity
    matrix never exists.

    Equal texts should be given once (:func:`~crosszero.mine.texts.mine_texts` sees to it): copies
    fill each other's neighbourhoods, which makes every margin of their translation worse.

    Args:
        source_vectors: (sources, dim), at least one row, of any length (cosine is used).
        target_vectors: (targets, dim), at least one row.
        k: neighbours that the margin looks at, from 1; all if there are fewer.
        margin: ``ratio``, ``distance`` or ``absolute``.

    Returns:
        Pairs with a cosine above 0, best score first. On a tie the lower source row comes first,
        then the lower target row. A row of zeros is in no pair.

    Raises:
        ConfigError: `k` or `margin` is no such thing.
        CrosszeroError: a side has no row, or a value is not finite.
        ValueError: the dimensions differ.

    Example:
        >>> mine(np.eye(3), np.eye(3)[[2, 0]], k=1)
        [MinedPair(source=0, target=1, score=1.0), MinedPair(source=2, target=0, score=1.0)]
    """
    check_margin(margin)
    if k < 1:
        raise ConfigError(f"k: {k} given; at least 1 neighbour is needed")
    check_some(source_vectors, target_vectors)
    forward, backward = find_neighbours_both(source_vectors, target_vectors, k=k)
    return pair_neighbours(forward, backward, margin)


def pair_neighbours(forward: Neighbours, backward: Neighbours, margin: Margin) -> list[MinedPair]:
    """Pick pairs from the neighbours of both sides: the second half of :func:`mine`.

    Args:
        forward: nearest targets of every source.
        backward: nearest sources of every target.
        margin: ``ratio``, ``distance`` or ``absolute``.
    """
    source_mean = forward.similarity.mean(axis=1, dtype=np.float64)
    target_mean = backward.similarity.mean(axis=1, dtype=np.float64)
    asking, named, forward_score = _choose(forward, source_mean, target_mean, margin)
    asking_back, named_back, backward_score = _choose(backward, target_mean, source_mean, margin)
    return _pick(
        np.concatenate([asking, named_back]),
        np.concatenate([named, asking_back]),
        np.concatenate([forward_score, backward_score]),
    )


def _choose(
    found: Neighbours, own_mean: Doubles, other_mean: Doubles, margin: Margin
) -> tuple[Ints, Ints, Doubles]:
    """Rows, the neighbour of each with the best margin (of equals the nearest), and that margin."""
    scores = score_margins(found.similarity, own_mean[:, None], other_mean[found.index], margin)
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    # The cosine is asked, not the margin: with k=1 the distance of two that are each other's
    # nearest is 0. For the ratio and the cosine itself this is LASER's rule, score > 0.
    rows = rows[found.similarity[rows, best] > 0]
    return rows, found.index[rows, best[rows]], scores[rows, best[rows]]


def _pick(sources: Ints, targets: Ints, scores: Doubles) -> list[MinedPair]:
    used_source: set[int] = set()
    used_target: set[int] = set()
    pairs = []
    order = np.lexsort((targets, sources, -scores))
    columns = (column[order].tolist() for column in (sources, targets, scores))
    for source, target, score in zip(*columns, strict=True):
        if source not in used_source and target not in used_target:
            used_source.add(source)
            used_target.add(target)
            pairs.append(MinedPair(source, target, score))
    return pairs

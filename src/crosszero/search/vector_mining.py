"""Pairs of rows from the vectors of two sides: best candidates both ways, one-to-one by score.

This is the "max" retrieval of LASER and XTREME (Artetxe & Schwenk 2019, section 3.2): every
sentence of either side names its best candidate, all pairs go into one list, and the list is read
from the best score down. A pair is kept if neither of its sentences has been taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from crosszero.config import require
from crosszero.search.margin import Doubles, Margin, check_margin, score_margins
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.nearest import Ints, Neighbours
from crosszero.search.neighbours import AnyFloats, check_some, find_neighbours_both

_BLOCK = 4096  # rows whose scores, or pairs whose rows, are looked at at a time


def mine_vectors(
    source_vectors: AnyFloats,
    target_vectors: AnyFloats,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    device: str | None = None,
    approximate: bool = False,
) -> MinedPairs:
    """Find pairs of rows that belong together; no row is used twice.

    Exact, without an index, unless `approximate`: time grows with source x target x dim. Memory is
    the two inputs once more as float32, k neighbours for each row and one block of similarities.
    Equal texts should be given once (:func:`~crosszero.search.mining.mine_texts` sees to it).

    Args:
        source_vectors: (sources, dim), at least one row, of any length (cosine is used).
        target_vectors: (targets, dim), at least one row.
        k, margin: see :func:`~crosszero.search.mining.mine`; fewer neighbours if there are fewer.
        device: where neighbours are looked for; see
            :func:`~crosszero.search.neighbours.find_neighbours`.
        approximate: see :func:`~crosszero.search.mining.mine`.

    Returns:
        Pairs with a cosine above 0, best score first. On a tie the lower source row comes first,
        then the lower target row. A row of zeros is in no pair.

    Raises:
        ConfigError: `k`, `margin` or `device` is not allowed.
        CrosszeroError: a side has no row, or a value is not finite.
        ValueError: the dimensions differ.

    Example:
        >>> list(mine_vectors(np.eye(3), np.eye(3)[[2, 0]], k=1))
        [MinedPair(source=0, target=1, score=1.0), MinedPair(source=2, target=0, score=1.0)]
    """
    check_settings(k, margin)
    check_some(source_vectors, target_vectors)
    find = find_neighbours_both
    if approximate:
        from crosszero.search.approximate import find_neighbours_approximately as find
    forward, backward = find(source_vectors, target_vectors, k=k, device=device)
    return pair_neighbours(forward, backward, margin)


def check_settings(k: int, margin: str) -> None:
    """Refuse (ConfigError) what can't be mined with, before anything is encoded."""
    check_margin(margin)
    require("k", k, k >= 1, "1 or more")


def pair_neighbours(forward: Neighbours, backward: Neighbours, margin: Margin) -> MinedPairs:
    """Pick pairs from the neighbours of both sides: the second half of :func:`mine_vectors`.

    `forward` are the nearest targets of every source, `backward` the nearest sources of every
    target. Takes about 40 bytes for each row of either side, beside what it is given.
    """
    sources, targets = len(forward.index), len(backward.index)
    source = np.empty(sources + targets, dtype=np.int64)
    target, loss = np.empty_like(source), np.empty(len(source))
    source_mean = forward.similarity.mean(axis=1, dtype=np.float64)
    target_mean = backward.similarity.mean(axis=1, dtype=np.float64)
    there = _choose(forward, source_mean, target_mean, margin)
    back = _choose(backward, target_mean, source_mean, margin)
    count = 0
    for i, j, score in chain(there, ((named, asking, score) for asking, named, score in back)):
        place = slice(count, count + len(score))
        source[place], target[place], loss[place] = i, j, -score
        count = place.stop
    del source_mean, target_mean  # sorting takes the room
    source, target, loss = source[:count], target[:count], loss[:count]
    chosen = _pick(source, target, loss, sources=sources, targets=targets)
    return MinedPairs(source[chosen], target[chosen], -loss[chosen])


def _choose(
    found: Neighbours, own_mean: Doubles, other_mean: Doubles, margin: Margin
) -> Iterator[tuple[Ints, Ints, Doubles]]:
    """Rows, the neighbour of each with the best margin (of equals the nearest), and that margin."""
    for start in range(0, len(own_mean), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosine, index = found.similarity[block], found.index[block]
        scores = score_margins(cosine, own_mean[block, None], other_mean[index], margin)
        rows, best = np.arange(len(scores)), scores.argmax(axis=1)
        # The cosine is asked, not the margin: with k=1 the distance of two that are each other's
        # nearest is 0. For the ratio and the cosine itself this is LASER's rule, score > 0.
        rows = rows[cosine[rows, best] > 0]
        best = best[rows]
        yield start + rows, index[rows, best], scores[rows, best]


def _pick(source: Ints, target: Ints, loss: Doubles, *, sources: int, targets: int) -> Ints:
    """Places of the pairs that count, best first: those of which no side was taken before."""
    order = np.lexsort((target, source, loss))
    used_source, used_target = bytearray(sources), bytearray(targets)
    free = bytearray(len(order))
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        pairs = zip(source[block].tolist(), target[block].tolist(), strict=True)
        for place, (i, j) in enumerate(pairs, start):
            if not (used_source[i] or used_target[j]):
                used_source[i] = used_target[j] = free[place] = 1
    chosen: Ints = order[np.frombuffer(free, dtype=np.bool_)]
    return chosen

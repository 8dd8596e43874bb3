"""Pairs of rows from the vectors of two sides: best candidates both ways, one-to-one by score.

The candidates of a sentence are its k nearest neighbours on the other side, and the best one is
that with the highest margin. Which pairs are made of them is LASER's "retrieval" (Artetxe & Schwenk
2019, section 3.2):

    fwd        every source with its best candidate
    bwd        every target with its best candidate
    intersect  those that are in both
    max        those that are in either, read from the best score down: a pair is kept if neither of
               its sentences has been taken; so does XTREME
    all        all candidates of all sentences (not in LASER)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np

from crosszero.config import require_count
from crosszero.errors import ConfigError, suggest
from crosszero.search.margin import Doubles, Margin, check_margin, score_margins
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.neighbours import AnyFloats, check_some, find_neighbours_both
from crosszero.search.top_k import Ints, Neighbours

Retrieval = Literal["max", "intersect", "fwd", "bwd", "all"]
_BLOCK = 4096  # rows whose scores, or pairs whose rows, are looked at at a time


def mine_vectors(
    source_vectors: AnyFloats,
    target_vectors: AnyFloats,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    device: str | None = None,
    approximate: bool = False,
) -> MinedPairs:
    """Find pairs of rows that belong together; with the usual retrieval no row is used twice.

    Exact, without an index, unless `approximate`: time grows with source x target x dim. Memory is
    the two inputs once more as float32, k neighbours for each row and one block of similarities.
    Equal texts should be given once (:func:`~crosszero.search.mining.mine_texts` sees to it).

    Args:
        source_vectors: (sources, dim), at least one row, of any length (cosine is used).
        target_vectors: (targets, dim), at least one row.
        k, margin, retrieval: see :func:`~crosszero.search.mining.mine`; fewer neighbours if there
            are fewer.
        device: where neighbours are looked for; see
            :func:`~crosszero.search.neighbours.find_neighbours`.
        approximate: see :func:`~crosszero.search.mining.mine`.

    Returns:
        Pairs with a cosine above 0, best score first. On a tie the lower source row comes first,
        then the lower target row. A row of zeros is in no pair.

    Raises:
        ConfigError: `k`, `margin`, `retrieval` or `device` is not allowed.
        CrosszeroError: a side has no row, or a value is not finite.
        ValueError: the dimensions differ.

    Example:
        >>> list(mine_vectors(np.eye(3), np.eye(3)[[2, 0]], k=1))
        [MinedPair(source=0, target=1, score=1.0), MinedPair(source=2, target=0, score=1.0)]
    """
    check_settings(k, margin, retrieval)
    check_some(source_vectors, target_vectors)
    find = find_neighbours_both
    if approximate:
        from crosszero.search.approximate import find_neighbours_approximately as find
    forward, backward = find(source_vectors, target_vectors, k=k, device=device)
    return pair_neighbours(forward, backward, margin, retrieval)


def check_settings(k: int, margin: str, retrieval: str = "max") -> None:
    """Refuse (ConfigError) what can't be mined with, before anything is encoded."""
    check_margin(margin)
    require_count("k", k)
    if retrieval not in get_args(Retrieval):
        hint = suggest(retrieval, get_args(Retrieval))
        raise ConfigError(f"retrieval: {retrieval!r} given; {hint}")


def pair_neighbours(
    forward: Neighbours, backward: Neighbours, margin: Margin, retrieval: Retrieval = "max"
) -> MinedPairs:
    """Pick pairs from the neighbours of both sides: the second half of :func:`mine_vectors`.

    `forward` are the nearest targets of every source, `backward` the nearest sources of every
    target. Takes about 40 bytes for each pair that is looked at, beside what it is given: one for
    each row of either side, and k for each if `retrieval` is ``all``.
    """
    sources, targets = len(forward.index), len(backward.index)
    each = forward.index.shape[1] if retrieval == "all" else 1
    asking = [(forward, False), (backward, True)]
    asking = {"fwd": asking[:1], "bwd": asking[1:]}.get(retrieval, asking)
    means = [found.similarity.mean(axis=1, dtype=np.float64) for found in (forward, backward)]
    size = sum(len(found.index) * min(each, found.index.shape[1]) for found, _ in asking)
    source = np.empty(size, dtype=np.int64)
    target, loss = np.empty_like(source), np.empty(size)
    count = 0
    for found, flipped in asking:
        own, other = means[::-1] if flipped else means
        for rows, named, score in _choose(found, own, other, margin, each):
            place = slice(count, count + len(score))
            source[place], target[place] = (named, rows) if flipped else (rows, named)
            loss[place] = -score
            count = place.stop
    source, target, loss = source[:count], target[:count], loss[:count]
    if retrieval == "max":
        chosen = _pick(source, target, loss, sources=sources, targets=targets)
    else:
        chosen = _list(source, target, loss, retrieval)
    source, target, score = source[chosen], target[chosen], -loss[chosen]
    if retrieval not in ("max", "intersect"):
        return MinedPairs(source, target, score)
    of_source = _score_rivals(forward, source, target, means[1], margin)
    of_target = _score_rivals(backward, target, source, means[0], margin)
    return MinedPairs(source, target, score, np.maximum(of_source, of_target))


def _choose(
    found: Neighbours, own_mean: Doubles, other_mean: Doubles, margin: Margin, each: int
) -> Iterator[tuple[Ints, Ints, Doubles]]:
    """Rows, neighbours of each, and their margins: the best one (of equals the nearest), or all.

    `each` is 1, or the number of neighbours.
    """
    for start in range(0, len(own_mean), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosine, index = found.similarity[block], found.index[block]
        scores = score_margins(cosine, own_mean[block, None], other_mean[index], margin)
        named = cosine > 0
        # The cosine is asked, not the margin: with k=1 the distance of two that are each other's
        # nearest is 0. For the ratio and the cosine itself this is LASER's rule, score > 0.
        if each == 1:
            named &= np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
        rows, places = np.nonzero(named)
        yield start + rows, index[rows, places], scores[rows, places]


def _score_rivals(
    found: Neighbours, rows: Ints, named: Ints, other_mean: Doubles, margin: Margin
) -> Doubles:
    """Score the best neighbour of each row but the one that was named, as if that were away."""
    best = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosine, index = found.similarity[rows[block]].astype(np.float64), found.index[rows[block]]
        others = index != named[block, None]
        mean = cosine.sum(axis=1, where=others) / np.maximum(others.sum(axis=1), 1)
        scores = score_margins(cosine, mean[:, None], other_mean[index], margin)
        best[block] = scores.max(axis=1, where=others, initial=-np.inf)
    return best


def _list(source: Ints, target: Ints, loss: Doubles, retrieval: Retrieval) -> Ints:
    """Places of the pairs that count, best first, each once; ``intersect``: which stand twice."""
    order = np.lexsort((target, source))
    again = np.zeros(len(order) + 1, dtype=np.bool_)  # the same pair as the one before
    again[1:-1] = (np.diff(source[order]) == 0) & (np.diff(target[order]) == 0)
    kept = ~again[:-1] & (again[1:] | (retrieval != "intersect"))
    order = order[kept]
    chosen: Ints = order[np.lexsort((target[order], source[order], loss[order]))]
    return chosen


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

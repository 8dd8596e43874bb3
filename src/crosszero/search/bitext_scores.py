"""Scores of sentence pairs that are given: how likely each is a translation.

Pairs are read in blocks, so memory does not grow with their number. A margin compares a pair with
the neighbours of its two texts within the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, get_args

import numpy as np

from crosszero.bitext.folding import has_text
from crosszero.config import require, require_count
from crosszero.errors import ConfigError, suggest
from crosszero.search.margin import Doubles, Margin, score_margins
from crosszero.search.mining import SentenceEncoder
from crosszero.search.neighbours import clip_cosines, find_neighbours_both, unit_rows

PairScoreName = Literal["cosine", "ratio", "distance"]
BLOCK = 8192
Pair = tuple[str, str]


def score_bitext(
    encoder: SentenceEncoder,
    pairs: Iterable[Pair],
    scores: Sequence[PairScoreName] = ("cosine",),
    *,
    k: int = 4,
    block: int = BLOCK,
    device: str | None = None,
    done: int = 0,
) -> Iterator[tuple[Pair, list[float]]]:
    """Score each pair of a bitext, in order, in constant memory.

    Args:
        encoder: gives the vectors; an :class:`~crosszero.Encoder`.
        pairs: texts and their translations. Where a side has no text, all scores are 0.
        scores: ``cosine``; ``ratio`` and ``distance`` are margins (see
            :mod:`crosszero.search.margin`): the cosine against that of the `k` nearest neighbours.
            Texts that stand several times in a block are neighbours once.
        k: neighbours that a margin looks at, from 1.
        block: pairs among which neighbours are looked for, more than `k`; the last ones are
            compared with as many that come before them.
        device: where neighbours are looked for; see
            :func:`~crosszero.search.neighbours.find_neighbours`.
        done: first pairs that have been scored before: they are read, and are neighbours of the
            others, but are not yielded.

    Yields:
        The pair, and its scores in the order of `scores`.

    Raises:
        ConfigError: there is no such score or device, or `k` or `block` is out of range.
        CrosszeroError: a vector is not finite.

    Example:
        >>> class Lengths:
        ...     def encode(self, texts): return np.eye(9)[[len(text) for text in texts]]
        >>> [found for _, found in score_bitext(Lengths(), [("a", "b"), ("cc", "d")])]
        [[1.0], [0.0]]
    """
    check_scores(scores, k, block)
    return _score(encoder, iter(pairs), scores, k, block, device, done)


def check_scores(scores: Sequence[str], k: int, block: int) -> None:
    """Refuse (ConfigError) what can't be scored with, before an encoder is loaded."""
    for name in scores:
        if name not in get_args(PairScoreName):
            raise ConfigError(f"score: {name!r} given; {suggest(name, get_args(PairScoreName))}")
    require("scores", list(scores), len(scores) > 0, "one or more of cosine, ratio and distance")
    require_count("k", k)
    require_count("block", block)
    if any(name != "cosine" for name in scores):  # else no pair has k others around it
        require("block", block, block > k, f"more than k, which is {k}, for ratio and distance")


def _score(
    encoder: SentenceEncoder,
    pairs: Iterator[Pair],
    scores: Sequence[PairScoreName],
    k: int,
    block: int,
    device: str | None,
    done: int,
) -> Iterator[tuple[Pair, list[float]]]:
    margins = any(name != "cosine" for name in scores)
    window: list[Pair] = []
    while rows := list(islice(pairs, block)):
        window = [*window, *rows][-block:] if margins else rows
        if done < len(rows):
            columns = _score_window(encoder, window, scores, k, device)[-len(rows) :]
            yield from list(zip(rows, columns.tolist(), strict=True))[done:]
        done = max(0, done - len(rows))


def _score_window(
    encoder: SentenceEncoder,
    window: Sequence[Pair],
    scores: Sequence[PairScoreName],
    k: int,
    device: str | None,
) -> Doubles:
    """(pairs, scores): how each pair of a window compares with the others."""
    full = np.array([has_text(one) and has_text(other) for one, other in window])
    table = np.zeros((len(window), len(scores)))
    kept = [pair for pair, is_full in zip(window, full, strict=True) if is_full]
    if not kept:
        return table
    vectors, places = [], []
    for side in (0, 1):
        numbers = {text: n for n, text in enumerate(dict.fromkeys(pair[side] for pair in kept))}
        vectors.append(unit_rows(encoder.encode(list(numbers))))
        places.append(np.array([numbers[pair[side]] for pair in kept]))
    left, right = vectors[0][places[0]], vectors[1][places[1]]
    cosine = clip_cosines(np.einsum("nd,nd->n", left, right, dtype=np.float64))
    mean = np.zeros((2, len(kept)))
    if any(name != "cosine" for name in scores):
        found = find_neighbours_both(*vectors, k=k, device=device)
        for side, near in enumerate(found):
            similarity = clip_cosines(near.similarity)
            mean[side] = similarity.mean(axis=1, dtype=np.float64)[places[side]]
    for column, name in enumerate(scores):
        margin: Margin = "absolute" if name == "cosine" else name
        table[full, column] = score_margins(cosine, mean[0], mean[1], margin)
    return table

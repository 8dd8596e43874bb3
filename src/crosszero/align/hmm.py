"""Links by the similarity of words and by where their neighbours' links are.

A sentence is read word by word; which word of the other sentence it comes from is the hidden state
of a Markov chain, as in Vogel et al. 1996, "HMM-based word alignment in statistical translation".
How well two words fit is told by an encoder instead of by counted translations, and how far the
next partner lies is not learnt: one to the right is likeliest, and any jump is possible. Posteriors
of both directions are multiplied (Liang et al. 2006, "Alignment by agreement", decode alike).

The first *the* of one sentence so finds the first *le* of the other, which similarity alone can't
tell from the second.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crosszero.align.links import TEMPERATURE, Scores, Similarity, normalise

_Doubles = NDArray[np.float64]
_DECAY = 0.5  # of the logarithm of a jump's probability, for each word further
_ANYWHERE = 0.1  # share of jumps to any word alike
_NOWHERE = 0.2  # prior probability of a word without partner


def follow(
    similarity: Similarity,
    fit: Scores | None = None,
    *,
    temperature: float = TEMPERATURE,
) -> Scores:
    """Give the posterior probability of each link.

    Args:
        similarity: (source words, target words), without NaN.
        fit: how well two words fit by other knowledge; factors that the probabilities of
            `similarity` are multiplied by.
        temperature: of the softmax over `similarity`.

    Returns:
        Geometric mean of the posteriors of both directions.

    Example:
        >>> follow(np.ones((2, 2), np.float32)).round(2).tolist()
        [[0.67, 0.17], [0.17, 0.67]]
    """
    directions = []
    for table, factors in ((similarity, fit), (similarity.T, None if fit is None else fit.T)):
        shares = normalise(table, temperature, 0).astype(np.float64)
        if factors is not None:
            shares *= factors / factors.sum(axis=0)
            shares /= shares.sum(axis=0)
        directions.append(_find_posteriors(shares * len(shares)))
    scores: Scores = np.sqrt(directions[0] * directions[1].T).astype(np.float32)
    return scores


def _find_posteriors(fit: _Doubles) -> _Doubles:
    """Forward and backward pass.

    Args:
        fit: (states, words) how well a word fits a state, against a word without partner.

    Returns:
        (states, words) probability that the word comes from the state. A word without partner
        keeps the state of the word before it in mind.
    """
    states, words = fit.shape
    jumps = _make_jumps(states)
    fit = np.ascontiguousarray(fit.T) * (1 - _NOWHERE)
    linked, free = np.empty((words, states)), np.empty((words, states))
    scale = np.empty(words)
    before = came = np.full(states, 1 / states)
    for word in range(words):
        linked[word], free[word] = came * fit[word], before * _NOWHERE
        both = linked[word] + free[word]
        scale[word] = both.sum()
        linked[word] /= scale[word]
        free[word] /= scale[word]
        before = both / scale[word]
        came = before @ jumps
    ahead = np.ones(states)
    for word in range(words - 2, -1, -1):
        ahead = (jumps @ (fit[word + 1] * ahead) + _NOWHERE * ahead) / scale[word + 1]
        linked[word] *= ahead
        free[word] *= ahead
    total = (linked + free).sum(axis=1, keepdims=True)
    posteriors: _Doubles = (linked / total).T
    return posteriors


@lru_cache(maxsize=256)
def _make_jumps(states: int) -> _Doubles:
    """(states, states) probability of going from one to another: one to the right at best."""
    places = np.arange(states)
    near = np.exp(-_DECAY * np.abs(places[None] - places[:, None] - 1))
    jumps: _Doubles = (1 - _ANYWHERE) * near / near.sum(axis=1, keepdims=True)
    return jumps + _ANYWHERE / states

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

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosszero.align.similarity import OUTSIDE, Scores, Similarity
from crosszero.align.similarity_methods import TEMPERATURE, normalise

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
        similarity: a block, (pairs, source words, target words).
        fit: how well two words fit by other knowledge; factors that the probabilities of
            `similarity` are multiplied by, 0 outside a pair.
        temperature: of the softmax over `similarity`.

    Returns:
        Geometric mean of the posteriors of both directions.

    Example:
        >>> follow(np.ones((1, 2, 2), np.float32)).astype(float).round(2).tolist()
        [[[0.4, 0.35], [0.35, 0.49]]]
    """
    inside = similarity > OUTSIDE
    directions = []
    for axis in (1, 2):
        shares = normalise(similarity, temperature, axis) * inside.astype(np.float64)
        if fit is not None:
            shares = _share(shares * _share(fit, axis), axis)
        # The words of one side are read, those of the other are the states.
        order = (2, 0, 1) if axis == 1 else (1, 0, 2)
        states: NDArray[np.bool_] = np.logical_or.reduce(inside, axis=3 - axis)
        found = _find_posteriors(shares.transpose(order) * states.sum(axis=1)[:, None], states)
        directions.append(found.transpose(np.argsort(order)))
    scores: Scores = np.sqrt(directions[0] * directions[1]).astype(np.float32)
    return scores


def _share(values: NDArray[Any], axis: int) -> NDArray[Any]:
    total = values.sum(axis=axis, keepdims=True)
    return values / np.where(total > 0, total, 1)


def _find_posteriors(fit: _Doubles, inside: NDArray[np.bool_]) -> _Doubles:
    """Forward and backward pass.

    Args:
        fit: (words, pairs, states) how well a word fits a state, against a word without partner; 0
            outside a pair.
        inside: (pairs, states) which states a pair has.

    Returns:
        (words, pairs, states) probability that the word comes from the state. A word without
        partner keeps the state of the word before it in mind, and so does one outside its pair.
    """
    words, _, states = fit.shape
    places = np.arange(states)
    near = np.exp(-_DECAY * np.abs(places[None] - places[:, None] - 1))  # one to the right at best
    sizes = inside.sum(axis=1)
    # From one state to another with probability leave * near + anywhere.
    leave = (1 - _ANYWHERE) * inside / near.cumsum(axis=1).T[sizes - 1]
    anywhere = _ANYWHERE / sizes[:, None]
    fit = np.multiply(fit, 1 - _NOWHERE, order="C")  # a word's numbers together
    found = np.empty(fit.shape)
    scale = np.empty((words, len(inside), 1))
    before = came = inside / sizes[:, None]
    for word in range(words):
        linked = came * fit[word]
        both = linked + before * _NOWHERE
        scale[word] = both.sum(axis=1, keepdims=True)
        found[word] = linked / scale[word]
        before = both / scale[word]
        came = (before * leave) @ near + anywhere  # the states of a pair sum to 1
    ahead = np.ones(inside.shape)
    for word in range(words - 2, -1, -1):
        linked = fit[word + 1] * ahead
        came = leave * (linked @ near.T) + anywhere * linked.sum(axis=1, keepdims=True)
        ahead = (came + _NOWHERE * ahead) / scale[word + 1]
        found[word] *= ahead
    return found

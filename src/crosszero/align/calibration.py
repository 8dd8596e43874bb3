"""Turns a method's scores into the probability that a person would have made the link.

A logistic curve for each method (Platt 1999), of the log odds of its scores. Its two numbers were
fitted by ``python -m research.alignment`` on gold links of several language pairs, which also shows
how reliable they are on a pair that was left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosszero.align.similarity import Scores

_CURVES = {
    "argmax": (0.932, 0.569),
    "itermax": (0.943, 0.520),
    "softmax": (0.796, 0.263),
    "ot": (1.430, 0.202),
    "hmm": (0.938, 0.794),
    "combined": (0.897, 0.780),
}
"""Slope and offset; a method that is not here keeps its scores."""
LEAST = 1e-6  # distance of a score from 0 and from 1
_STEEPEST = 30.0  # log odds; what lies beyond is sure


def calibrate(scores: Scores, method: str) -> Scores:
    """Turn scores into probabilities; 0 stays 0, and the order stays.

    Example:
        >>> calibrate(np.array([[0.0, 1.0]], np.float32), "no such method").tolist()
        [[0.0, 1.0]]
    """
    curve = _CURVES.get(method)
    return scores if curve is None else bend(scores, *curve)


def bend(scores: Scores, slope: float, offset: float) -> Scores:
    """Follow a logistic curve of the log odds; 0 stays 0.

    Example:
        >>> bend(np.array([0.0, 0.25, 0.5], np.float32), 1.0, 0.0).tolist()
        [0.0, 0.25, 0.5]
    """
    bent = find_chance(slope * find_log_odds(scores) + offset)
    made: Scores = np.where(scores > 0, bent, 0).astype(np.float32)
    return made


def find_chance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the probabilities of log odds."""
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-values.clip(-_STEEPEST, _STEEPEST)))
    return chance


def find_log_odds(scores: Scores) -> NDArray[np.float64]:
    """Give the log odds of scores, those of 0 and 1 finite."""
    inner = np.clip(scores.astype(np.float64), LEAST, 1 - LEAST)
    odds: NDArray[np.float64] = np.log(inner / (1 - inner))
    return odds

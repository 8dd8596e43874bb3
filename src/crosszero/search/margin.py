"""Margin scores (Artetxe & Schwenk 2019): how much nearer two sentences are than their neighbours.

A cosine means different things in different places: a short sentence of common words is near to
everything, a rare one to nothing. So the cosine of a pair is compared with the average cosine of
both sentences to their k nearest neighbours on the other side.

    average(x, y) = (mean cosine of x to its k nearest + mean cosine of y to its k nearest) / 2
    ratio = cosine / average      distance = cosine - average      absolute = cosine
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from crosszero.errors import ConfigError, suggest
from crosszero.search.neighbours import AnyFloats

Margin = Literal["ratio", "distance", "absolute"]
MARGINS: tuple[str, ...] = get_args(Margin)
Doubles = npt.NDArray[np.float64]

_LEAST_AVERAGE = 1e-6  # a ratio to nothing, or to less than nothing, would turn the order around


def check_margin(margin: str) -> None:
    """Refuse (ConfigError) a margin that does not exist."""
    if margin not in MARGINS:
        raise ConfigError(f"margin: {margin!r} given; " + suggest(margin, MARGINS))


def score_margins(
    cosine: AnyFloats,
    source_mean: AnyFloats | npt.NDArray[Any],
    target_mean: AnyFloats | npt.NDArray[Any],
    margin: Margin = "ratio",
) -> Doubles:
    """Score pairs of sentences; the three arrays broadcast against each other.

    Args:
        cosine: similarity of each pair, -1 to 1.
        source_mean: mean cosine of the pair's source sentence to its k nearest targets.
        target_mean: mean cosine of the pair's target sentence to its k nearest sources.
        margin: ``ratio``, ``distance`` or ``absolute``; ``absolute`` ignores the means.

    Returns:
        Scores of the joint shape, higher is better, float64. For ``ratio`` an average below
        0.000001 counts as that: such a pair has no neighbourhood to be compared with, and its
        cosine alone decides.

    Raises:
        ConfigError: there is no such margin.

    Example:
        >>> score_margins(np.array([0.75, 0.5]), np.array([0.5, 0.5]), np.array([0.25, 0.5]))
        array([2., 1.])
    """
    check_margin(margin)
    # float64: the scores are only compared with each other, and float32 would make ties of them
    near = np.asarray(cosine, dtype=np.float64)
    average = (np.asarray(source_mean, np.float64) + np.asarray(target_mean, np.float64)) / 2
    if margin == "ratio":
        return near / np.maximum(average, _LEAST_AVERAGE)
    if margin == "distance":
        return near - average
    return np.broadcast_to(near, np.broadcast_shapes(near.shape, average.shape)).copy()

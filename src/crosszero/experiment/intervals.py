"""How sure a number is: intervals over seeds, and two systems compared on the same items.

One run with one seed says little about alignment: gains of a point come and go with the seed. So
every number that is shown carries the mean and a 95 % interval over seeds, and two systems are
compared item by item.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 20  # random counts that are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over seeds and how far it can be trusted.

    Attributes:
        mean: arithmetic mean.
        deviation: sample standard deviation (divisor n - 1); not a number for one value.
        low, high: limits of the interval of the mean (Student t); not a number for one value.
        count: how many values.
    """

    mean: float
    deviation: float
    low: float
    high: float
    count: int

    @property
    def half_width(self) -> float:
        """What stands behind the plus-minus sign; not a number for one value."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """System B against system A on the same items.

    Attributes:
        difference: mean of B minus mean of A.
        low, high: percentile bootstrap interval of the difference.
        p_value: two-sided bootstrap probability of no difference or one of the other sign.
        count: how many items.
    """

    difference: float
    low: float
    high: float
    p_value: float
    count: int


def measure_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Give mean, sample standard deviation and Student-t interval of values over seeds.

    Args:
        values: one score per seed, at least one, in any unit.
        confidence: share of such intervals that hold the true mean, above 0 and below 1.

    Returns:
        Interval, in the unit of the values. One value has a mean and nothing else.

    Raises:
        ValueError: no values, a value that is not finite, or an impossible confidence.

    Example:
        >>> found = measure_interval([41.0, 43.0, 42.0])
        >>> round(found.mean, 2), round(found.low, 2), round(found.high, 2)
        (42.0, 39.52, 44.48)
    """
    count = len(values)
    if count == 0 or not all(map(math.isfinite, values)):
        raise ValueError(f"at least one finite value is needed, not {list(values)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean=mean, deviation=math.nan, low=math.nan, high=math.nan, count=1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = find_t(count - 1, (1 + confidence) / 2) * deviation / math.sqrt(count)
    return Interval(mean=mean, deviation=deviation, low=mean - half, high=mean + half, count=count)


def find_t(freedom: int, probability: float) -> float:
    """Give the quantile of Student's t distribution for whole degrees of freedom.

    The distribution function has a finite trigonometric form for whole degrees of freedom
    (Abramowitz & Stegun 26.7.3 and 26.7.4), which is inverted by bisection over the angle.

    Args:
        freedom: degrees of freedom, from 1.
        probability: from 0.5 (quantile 0) to below 1.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> round(find_t(2, 0.975), 4)
        4.3027
    """
    if freedom < 1 or not 0.5 <= probability < 1:
        raise ValueError(f"no quantile for {freedom} degrees of freedom at {probability}")
    low, high = 0.0, math.pi / 2
    for _ in range(80):  # halves the angle's uncertainty below the precision of a double
        middle = (low + high) / 2
        if _central_mass(freedom, middle) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _central_mass(freedom: int, angle: float) -> float:
    """Probability of -t..t for t = sqrt(freedom) * tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 if odd else 1, freedom - 1, 2):
        term *= step / (step + 1) * cosine * cosine
        total += term
    return (angle + sine * total) * 2 / math.pi if odd else sine * total


def compare_paired(
    first: Sequence[float] | npt.NDArray[np.generic],
    second: Sequence[float] | npt.NDArray[np.generic],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the same items by the paired bootstrap.

    Args:
        first: (items,) outcomes of system A: hits as booleans, or any numbers.
        second: (items,) outcomes of system B on the same items in the same order.
        resamples: how many times the items are drawn again, with replacement.
        confidence: of the interval.
        seed: of the random draws.

    Returns:
        Comparison, positive when B is better.

    Raises:
        ValueError: lengths differ, no items, or a value that is not finite.

    Example:
        >>> compare_paired([0, 0, 0, 0], [1, 1, 1, 1]).difference
        1.0
    """
    before, after = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if before.ndim != 1 or before.shape != after.shape or len(before) == 0:
        raise ValueError(f"paired outcomes are needed, not {before.shape} and {after.shape}")
    if not 0 < confidence < 1 or resamples < 1:
        raise ValueError("confidence must lie between 0 and 1, resamples must be at least 1")
    # Drawing items with replacement is drawing counts of their distinct differences: three
    # numbers (-1, 0, 1) instead of thousands of items for hits and misses.
    values, counts = np.unique(after - before, return_counts=True)
    if not np.isfinite(values).all():
        raise ValueError("an outcome is not finite")
    count = len(before)
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(values))
    means = np.concatenate(
        [
            # divided last: sums of hits and misses are exact, so that ties are ties
            random.multinomial(count, counts / count, size=min(step, resamples - start))
            @ values
            / count
            for start in range(0, resamples, step)
        ]
    )
    difference = float(values @ counts / count)
    return summarise_draws(means, difference, count=count, confidence=confidence)


def summarise_draws(
    draws: npt.NDArray[np.float64], difference: float, *, count: int, confidence: float = 0.95
) -> Comparison:
    """Give interval and p of bootstrap draws of a difference.

    Args:
        draws: (resamples,) the difference on each drawn set of items.
        difference: on the items themselves.
        count: how many items.
        confidence: of the interval.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    # the observed sample counts as one of the draws, so that p is never 0
    below, above = (draws <= 0).sum() + 1, (draws >= 0).sum() + 1
    return Comparison(
        difference=difference,
        low=float(low),
        high=float(high),
        p_value=float(min(1.0, 2 * min(below, above) / (len(draws) + 1))),
        count=count,
    )

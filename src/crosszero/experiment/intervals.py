"""How sure a mean over seeds is.

One run with one seed says little about alignment: gains of a point come and go with the seed. So
every number that is shown carries a 95 % interval over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over seeds and how far it can be trusted; of one value all but the mean is NaN.

    Attributes:
        mean: arithmetic mean.
        deviation: sample standard deviation (divisor n - 1).
        low, high: limits of the interval of the mean (Student t).
        count: how many values.
    """

    mean: float
    deviation: float
    low: float
    high: float
    count: int

    @property
    def half_width(self) -> float:
        """What stands behind the plus-minus sign."""
        return (self.high - self.low) / 2


def measure_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Give mean, sample standard deviation and Student-t interval of values over seeds.

    Args:
        values: one score per seed, at least one, in any unit, which is that of the result.
        confidence: share of such intervals that hold the true mean, above 0 and below 1.

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
    mean, deviation, half = math.fsum(values) / count, math.nan, math.nan
    if count > 1:
        from scipy.special import stdtrit  # the quantile of Student's t

        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
        half = float(stdtrit(count - 1, (1 + confidence) / 2)) * deviation / math.sqrt(count)
    return Interval(mean=mean, deviation=deviation, low=mean - half, high=mean + half, count=count)

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

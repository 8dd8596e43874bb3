"""Times of several sides of one comparison, taken in turns so that their ratios are fair.

A machine that is busy for a minute is then busy for all sides. Wall time is what one waits for;
CPU time is kept beside it, because it tells more on a machine that has other work to do.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Timing:
    """Seconds of the rounds of one side.

    Attributes:
        wall: seconds by the clock, one for each round.
        cpu: seconds of all threads of this process.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Middle of the wall times."""
        return statistics.median(self.wall)


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one side is as another: median and extremes over the rounds."""

    value: float
    low: float
    high: float
    cpu: float


def take_turns(
    sides: Mapping[str, Callable[[int], object]], *, rounds: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Run the sides A B C, A B C, ... and time each of them.

    Args:
        sides: what to run; called with the number of the round, from 0. Warm-up rounds have the
            numbers below 0.
        rounds: how often each side is timed.
        warm_up: rounds before, which are not counted.

    Returns:
        A :class:`Timing` for each side.

    Example:
        >>> sorted(take_turns({"a": lambda n: None, "b": lambda n: n + 1}, rounds=2))
        ['a', 'b']
    """
    timings = {name: Timing() for name in sides}
    for number in range(-warm_up, rounds):
        for name, run in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run(number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= 0:
                timings[name].wall.append(wall)
                timings[name].cpu.append(cpu)
    return timings


def per_second(work: float | Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Speed of each round; what it did is divided by the time that it took itself.

    Args:
        work: units of work of each round, or one number if all did the same.
        seconds: of each round.

    Example:
        >>> per_second([10, 40], [1.0, 2.0]), per_second(10, [1.0, 2.0])
        ([10.0, 20.0], [10.0, 5.0])
    """
    done = [work] * len(seconds) if isinstance(work, int | float) else work
    return [one / max(time, 1e-9) for one, time in zip(done, seconds, strict=True)]


def compare(ours: Timing, other: Timing, *, work: float | Sequence[float] = 1.0) -> Ratio:
    """Ratio of speeds, round by round.

    Args:
        ours, other: two sides of the same :func:`take_turns`.
        work: units of work that a round of `ours` does for one unit that `other` does; one number,
            or one for each round.

    Example:
        >>> compare(Timing([1.0, 2.0], [1.0, 1.0]), Timing([3.0, 4.0], [3.0, 3.0])).value
        2.5
    """
    wall, cpu = (
        [speed * b for speed, b in zip(per_second(work, a), theirs, strict=True)]
        for a, theirs in ((ours.wall, other.wall), (ours.cpu, other.cpu))
    )
    return Ratio(statistics.median(wall), min(wall), max(wall), statistics.median(cpu))

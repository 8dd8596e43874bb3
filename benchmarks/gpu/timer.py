"""Time on a device: the seconds that are left, and repeating something for a while."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks.machine import finish


class Clock:
    """Seconds of the whole visit, and of the section in it.

    Args:
        seconds: of the visit.
        brief: nothing is timed for longer than it must.
    """

    def __init__(self, seconds: float, *, brief: bool = False) -> None:
        self._brief = brief
        self._end = self._section = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the section should end."""
        return self._section - time.monotonic()

    @property
    def whole(self) -> float:
        """Seconds until the visit ends."""
        return self._end - time.monotonic()

    def begin(self, seconds: float) -> None:
        """Give a section its seconds, or what is left."""
        self._section = min(self._end, time.monotonic() + seconds)

    def share(self, parts: int) -> float:
        """Seconds of one of so many things that the section has still to time."""
        return 0.0 if self._brief else max(0.5, self.left / max(1, parts))


class Repeated(NamedTuple):
    """How something was repeated.

    Attributes:
        count: how often.
        seconds: that it took together.
        memory: GB at most on an accelerator; 0 on a CPU.
    """

    count: int
    seconds: float
    memory: float


def repeat(
    run: Callable[[int], object],
    device: torch.device,
    seconds: float,
    *,
    warm_up: int = 2,
    least: int = 2,
) -> Repeated:
    """Call `run` for some seconds, `least` times at least, after `warm_up` that are not counted.

    It is called with a number that rises from ``-warm_up``.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    for number in range(-warm_up, 0):
        run(number)
    finish(device)
    begun = time.perf_counter()
    count = 0
    while count < least or time.perf_counter() - begun < seconds:
        run(count)
        count += 1
    finish(device)
    took = time.perf_counter() - begun
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else 0.0
    return Repeated(count, took, memory)

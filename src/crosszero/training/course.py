"""What AdamW does to numbers that get no gradient, summed over many steps at once.

With m and v of step s and no gradient since, step k (s < k < t) would have subtracted

    lr_k / (1 - b1^k) * b1^(k-s) m / (sqrt(v) c_k + eps),    c_k = sqrt(b2^(k-s) / (1 - b2^k))

With c near the c_k, u = c sqrt(v) / (c sqrt(v) + eps) and d_k = c_k / c - 1, the sum over k is

    m / (c sqrt(v) + eps) * g(u),    g(u) = sum_k lr_k b1^(k-s) / (1 - b1^k) / (1 + d_k u)

and g, the same function for all numbers of all rows last used at step s, is a smooth one of u in
[0, 1]: a polynomial through a few points replaces hundreds of steps. Weight decay multiplies in.
That sum is right to about 1e-6 of itself (6e-5 at worst, with beta2 0.95 just after the first
step), which is less than what the dense optimizer loses by rounding the weights hundreds of times.

Of the steps since s, only a window of a few hundred counts. Once it is full, the sum is kept: later
steps shrink it by their weight decay, and nothing else.

Sums must be the same, to the last bit, whatever else is summed with them and whenever the course
was begun. So powers, logarithms and exponentials are computed number by number: those of a whole
tensor depend on the place in it, as its last numbers, which do not fill a register, are rounded
otherwise than the first ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate

import torch
from torch import Tensor

LEAST_BETA2 = 0.95  # below it, sqrt(v) fades so fast that g(u) wants more points
POINTS = 10  # of the polynomial
_MIDDLE = 15  # c lies between c_k of the first missed step and of this one
_FORGOTTEN = 2.0**-30  # a missed step with a smaller share in the sum is left out
_BLOCK = 64  # steps whose windows are summed at a time; they fit into a core's cache
_ROOM = 1024  # steps, at first


@dataclass(frozen=True)
class MissedSteps:
    """What rows that were last up to date at each of s steps have missed since.

    Attributes:
        powers: (s, points), coefficients of g(u), from the constant one on.
        scale: (s, 1), c.
        kept: (s, 1), what weight decay has left of the weights.
        first, second: (s, 1), what is left of the moments.
    """

    powers: Tensor
    scale: Tensor
    kept: Tensor
    first: Tensor
    second: Tensor

    def to(self, like: Tensor) -> MissedSteps:
        """With device and type of a tensor."""
        return MissedSteps(*(getattr(self, each.name).to(like) for each in fields(self)))


class Course:
    """AdamW's steps without a gradient; see the head of this module for the formula.

    Takes 136 bytes a step.

    Args:
        rates: learning rates of steps 1 to t.
        betas: of AdamW, ``betas[0] < sqrt(betas[1])``.
        weight_decay: of AdamW.

    Attributes:
        rates: (t,), in float64; another tensor after each :meth:`extend`.
    """

    def __init__(
        self, rates: Sequence[float], betas: tuple[float, float], weight_decay: float
    ) -> None:
        beta1, beta2 = betas
        self._betas, self._weight_decay = betas, weight_decay
        self._window = math.ceil(math.log(_FORGOTTEN) / math.log(beta1 / math.sqrt(beta2)))
        self._near = _wide([[beta**gap for gap in range(1, self._window + 1)] for beta in betas])
        self._points = _chebyshev_points()
        self._solver = torch.linalg.inv(torch.vander(self._points, increasing=True)).T
        # For each step from 0: learning rate, powers of both betas, logarithm of the weight decay
        # of all steps until then.
        self._steps = torch.zeros(4, _ROOM, dtype=torch.float64)
        self._steps[1:3, 0] = 1
        # What was summed for each step (powers, c, weight decay), and up to which step.
        self._sums = torch.zeros(_ROOM, POINTS + 2, dtype=torch.float64)
        self._summed = torch.zeros(_ROOM, dtype=torch.long)
        self._done = 0
        self.extend(rates)

    def extend(self, rates: Sequence[float]) -> None:
        """Add steps.

        Args:
            rates: their learning rates.
        """
        start, self._done = self._done + 1, self._done + len(rates)
        if (room := self._steps.shape[1]) <= self._done + self._window:
            self._make_room(max(self._done + self._window + 1, 2 * room))
        powers = [[beta**k for k in range(start, self._done + 1)] for beta in self._betas]
        decays = (_log_kept(rate * self._weight_decay) for rate in rates)
        kept = accumulate(decays, initial=float(self._steps[3, start - 1]))
        self._steps[:, start : self._done + 1] = _wide([list(rates), *powers, list(kept)[1:]])
        self.rates = self._steps[0, 1 : self._done + 1]

    def sum_missed(self, begun: Tensor) -> MissedSteps:
        """Sum the steps up to t.

        Args:
            begun: (s,) distinct steps, each below t, after which no gradient came.

        Returns:
            In float64, on the CPU; each row depends on its own step alone.
        """
        begun = begun.long()
        ends = (begun + self._window).clamp(max=self._done)
        for some in begun[self._summed[begun] != ends].split(_BLOCK):
            self._sum_windows(some)
        _, fade1, fade2, decay = self._steps
        later = (decay[self._done] - decay[ends]).tolist()
        kept = _wide([[math.exp(each)] for each in later])  # by the steps after the window
        sums, gaps = self._sums[begun], self._done - begun
        return MissedSteps(
            sums[:, :POINTS] * kept,
            sums[:, POINTS : POINTS + 1],
            sums[:, POINTS + 1 :] * kept,
            fade1[gaps, None],
            fade2[gaps, None],
        )

    def _sum_windows(self, begun: Tensor) -> None:
        # (s, window) each. Steps that are still to come have a rate of zero.
        windows = self._steps[:3].unfold(1, self._window, 1)
        rates, fade1, fade2 = (window.index_select(0, begun + 1) for window in windows)
        kept = (1 - rates * self._weight_decay).flip(1).cumprod(1).flip(1)  # by it and those after
        after = torch.cat([kept[:, 1:], torch.ones_like(kept[:, :1])], 1)
        shares = self._near[0] / (1 - fade1) * rates * after
        scales = torch.sqrt(self._near[1] / (1 - fade2))
        middle = (self._done - begun).clamp(max=_MIDDLE)[:, None] - 1
        scale = torch.sqrt(scales[:, :1] * scales.gather(1, middle))
        shrunk = scales / scale - 1  # d_k
        powers = torch.zeros(len(begun), POINTS, dtype=torch.float64)
        # No matrix product, whose rounding depends on the number of rows.
        for point, column in zip(self._points, self._solver, strict=True):
            powers += (shares / (1 + shrunk * point)).sum(1, keepdim=True) * column
        self._sums[begun] = torch.cat([powers, scale, kept[:, :1]], 1)
        self._summed[begun] = (begun + self._window).clamp(max=self._done)

    def _make_room(self, steps: int) -> None:
        more = steps - self._steps.shape[1]
        self._steps = torch.cat([self._steps, self._steps.new_zeros(4, more)], 1)
        self._sums = torch.cat([self._sums, self._sums.new_zeros(more, POINTS + 2)])
        self._summed = torch.cat([self._summed, self._summed.new_zeros(more)])


def _log_kept(decay: float) -> float:
    return math.log1p(-decay) if decay < 1 else -math.inf


def _wide(numbers: list[list[float]]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def _chebyshev_points() -> Tensor:
    """Of [0, 1]."""
    angles = (torch.arange(POINTS, dtype=torch.float64) + 0.5) * (math.pi / POINTS)
    return (1 + torch.cos(angles)) / 2

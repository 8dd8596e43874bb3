"""AdamW over the rows of an embedding table that a batch uses, equal to AdamW over all of them.

A batch uses a few thousand of the 118,000 to 250,000 rows of a multilingual table; the others have
a gradient of zero. AdamW moves them all the same, for as long as their momentum lasts, and passes
over the whole table and both moments for it at every step. Here a row is left alone until it is
used again. Then all steps that it missed are made up in one go, before it is read:

    with m, v of step s and no gradient since, step k (s < k < t) would have subtracted
    lr_k / (1 - b1^k) * b1^(k-s) m / (sqrt(v) c_k + eps),    c_k = sqrt(b2^(k-s) / (1 - b2^k))

With c near the c_k, u = c sqrt(v) / (c sqrt(v) + eps) and d_k = c_k / c - 1, the sum over k is

    m / (c sqrt(v) + eps) * g(u),    g(u) = sum_k lr_k b1^(k-s) / (1 - b1^k) / (1 + d_k u)

and g, the same function for all numbers of all rows last used at step s, is a smooth one of u in
[0, 1]: a polynomial through a few points replaces hundreds of steps. Weight decay multiplies in.
That sum is right to about 1e-6 of itself (6e-5 at worst, with beta2 0.95 just after the first
step), which is less than what the dense optimizer loses by rounding the weights hundreds of times.
A "lazy" Adam, in contrast, forgets the missed steps. Tests hold it against ``torch.optim.AdamW``.

How a row is made up depends on that row alone, to the last bit: of several processes each makes up
what it reads, in other company than the others do, and all must go on with the same table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

LEAST_BETA2 = 0.95  # below it, sqrt(v) fades so fast that g(u) wants more points
_POINTS = 10  # of the polynomial
_MIDDLE = 15  # c lies between c_k of the first missed step and of this one
_FORGOTTEN = 2.0**-30  # a missed step with a smaller share in the sum is left out
_CHUNK = 4096  # rows made up at a time


class RowAdamW(torch.optim.AdamW):
    """AdamW that keeps a table of embeddings up to date only where it is read.

    Rows are made up by a hook before each forward pass through the table, whoever runs it. Other
    parameters are stepped as by ``torch.optim.AdamW``. The table may be read in no other way (a
    tied output layer would) until :meth:`finish`.

    Args:
        groups: parameter groups, one of which holds ``table.weight``.
        table: the embeddings; their gradient becomes a sparse one.
        options: those of ``torch.optim.AdamW``; the second beta at least :data:`LEAST_BETA2`.

    Attributes:
        state: for ``table.weight``: the moments, of the step in which each row was last made up;
            ``last`` (rows,), that step; ``rates`` (steps,), the learning rates so far.

    Example:
        >>> table = nn.Embedding(9, 4)
        >>> optimizer = RowAdamW([{"params": [table.weight]}], table, lr=0.1)
        >>> table(torch.tensor([3])).sum().backward()
        >>> optimizer.step()
        >>> optimizer.finish()

    Source:
        Loshchilov and Hutter 2019, algorithm 2; the sum over missed steps is ours.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], table: nn.Embedding, **options: Any
    ) -> None:
        super().__init__(groups, **options)
        self._table = table
        self._course: Course | None = None
        table.sparse = True
        self._hook = table.register_forward_pre_hook(self._before)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Step all parameters; of the table, the rows that have a gradient."""
        weight = self._table.weight
        gradient, weight.grad = weight.grad, None
        loss: float | None = super().step(closure)
        if gradient is not None:
            self._step_rows(gradient.coalesce())
            weight.grad = gradient
        return loss

    @torch.no_grad()
    def catch_up(self, rows: Tensor | None = None) -> None:
        """Make up the steps that rows have missed.

        Args:
            rows: (n,) distinct numbers of rows; ``None`` for all.
        """
        state = self.state.get(self._table.weight)
        if not state:
            return
        last = state["last"]
        if rows is None:
            rows = torch.arange(len(last), device=last.device)
        behind = rows[last[rows] < len(state["rates"])]
        for start in range(0, len(behind), _CHUNK):
            self._make_up(behind[start : start + _CHUNK], state)

    def finish(self) -> None:
        """Bring the whole table up to date, and leave it as an ordinary one."""
        self.catch_up()
        self._hook.remove()
        self._table.sparse = False

    def _before(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.catch_up(torch.unique(inputs[0]))

    def _group(self) -> dict[str, Any]:
        weight = self._table.weight
        return next(g for g in self.param_groups if any(p is weight for p in g["params"]))

    def _make_up(self, rows: Tensor, state: dict[str, Tensor]) -> None:
        weight, group = self._table.weight, self._group()
        if self._course is None or self._course.rates is not state["rates"]:
            self._course = Course(state["rates"], group["betas"], group["weight_decay"])
        begun, owner = torch.unique(state["last"][rows], return_inverse=True)
        missed = self._course.sum_missed(begun.cpu()).to(weight)
        first, second = state["exp_avg"][rows], state["exp_avg_sq"][rows]  # (n, width)
        size = second.sqrt() * missed.scale[owner]
        denominator = size + group["eps"]
        size /= denominator  # u
        total = missed.powers[owner, -1:].expand_as(size)
        for power in range(_POINTS - 2, -1, -1):
            total = total * size + missed.powers[owner, power, None]
        values = weight[rows] * missed.kept[owner] - total * first / denominator
        weight.index_copy_(0, rows, values)
        state["exp_avg"].index_copy_(0, rows, first * missed.first[owner])
        state["exp_avg_sq"].index_copy_(0, rows, second * missed.second[owner])
        state["last"][rows] = len(state["rates"])

    def _step_rows(self, gradient: Tensor) -> None:
        weight, group = self._table.weight, self._group()
        rows, values = gradient.indices()[0], gradient.values()
        state = self.state[weight]
        if not state:
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
            state["last"] = torch.zeros(len(weight), dtype=torch.int32, device=weight.device)
            state["rates"] = torch.zeros(0, dtype=torch.float64)
        self.catch_up(rows)
        rate, (beta1, beta2) = float(group["lr"]), group["betas"]
        state["rates"] = torch.cat([state["rates"], torch.tensor([rate], dtype=torch.float64)])
        step = len(state["rates"])
        first = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        second = state["exp_avg_sq"][rows].mul_(beta2).addcmul_(values, values, value=1 - beta2)
        denominator = (second.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
        moved = weight[rows].mul_(1 - rate * group["weight_decay"])
        moved.addcdiv_(first, denominator, value=-rate / (1 - beta1**step))
        weight.index_copy_(0, rows, moved)
        state["exp_avg"].index_copy_(0, rows, first)
        state["exp_avg_sq"].index_copy_(0, rows, second)
        state["last"][rows] = step


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

    Args:
        rates: (t,) learning rates of steps 1 to t.
        betas: of AdamW, ``betas[0] < sqrt(betas[1])``.
        weight_decay: of AdamW.
    """

    def __init__(self, rates: Tensor, betas: tuple[float, float], weight_decay: float) -> None:
        beta1, beta2 = betas
        self.rates = rates
        self._window = math.ceil(math.log(_FORGOTTEN) / math.log(beta1 / math.sqrt(beta2)))
        # Powers, logarithms and exponentials are tables over all steps. Computed for a few rows
        # they would depend on the company: the last numbers of a tensor, which do not fill a
        # register, are rounded otherwise than the first ones.
        counts = torch.arange(max(len(rates), self._window) + 1, dtype=torch.float64)
        self._fade1, self._fade2 = beta1**counts, beta2**counts
        decay = torch.log1p(-rates * weight_decay).cumsum(0)
        decay = torch.cat([decay.new_zeros(1), decay])
        self._kept = torch.exp(decay[-1] - decay)  # by the steps after 0, 1, ..., t

    def sum_missed(self, begun: Tensor) -> MissedSteps:
        """Sum the steps up to t.

        Args:
            begun: (s,) steps, each below t, after which no gradient came.

        Returns:
            In float64, on the CPU; each row depends on its own step alone.
        """
        done, begun = len(self.rates), begun.long()[:, None]  # (s, 1)
        gaps = torch.arange(1, self._window + 1)
        steps = begun + gaps  # (s, window)
        index = steps.clamp(max=done)
        shares = self._fade1[gaps] / (1 - self._fade1[index])
        shares *= self.rates[index - 1] * self._kept[index] * (steps <= done)
        scales = torch.sqrt(self._fade2[gaps] / (1 - self._fade2[index]))
        ends = torch.clamp(done - begun, max=_MIDDLE) - 1
        scale = torch.sqrt(scales[:, :1] * scales.gather(1, ends))
        shrunk = scales / scale - 1  # d_k
        points = _points()
        solver = torch.linalg.inv(torch.vander(points, increasing=True))  # (points, points)
        powers = torch.zeros(len(begun), _POINTS, dtype=torch.float64)
        for point, column in zip(points, solver.T, strict=True):
            powers += (shares / (1 + shrunk * point)).sum(1, keepdim=True) * column
        return MissedSteps(
            powers,
            scale,
            self._kept[begun],
            self._fade1[done - begun],
            self._fade2[done - begun],
        )


def _points() -> Tensor:
    """Chebyshev points of [0, 1]."""
    angles = (torch.arange(_POINTS, dtype=torch.float64) + 0.5) * (math.pi / _POINTS)
    return (1 + torch.cos(angles)) / 2

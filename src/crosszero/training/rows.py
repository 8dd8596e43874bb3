"""AdamW over the rows of an embedding table that a batch uses, equal to AdamW over all of them.

A batch uses a few thousand of the 118,000 to 250,000 rows of a multilingual table; the others have
a gradient of zero. AdamW moves them all the same, for as long as their momentum lasts, and passes
over the whole table and both moments for it at every step. Here a row is left alone until it is
used again. Then all steps that it missed are made up in one go, before it is read, with their sum
(:mod:`crosszero.training.course`), whose error is less than what the dense optimizer loses by
rounding the weights hundreds of times. A "lazy" Adam, in contrast, forgets the missed steps. Tests
hold it against ``torch.optim.AdamW``.

How a row is made up depends on that row alone, to the last bit: of several processes each makes up
what it reads, in other company than the others do, and all must go on with the same table.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from crosszero.training.course import POINTS, Course

_CHUNK = 4096  # rows made up at a time


class RowAdamW(torch.optim.AdamW):
    """AdamW that keeps a table of embeddings up to date only where it is read.

    Rows are made up by a hook before each forward pass through the table, whoever runs it. Other
    parameters are stepped as by ``torch.optim.AdamW``. The table may be read in no other way (a
    tied output layer would) until :meth:`finish`.

    Args:
        groups: parameter groups, one of which holds ``table.weight``.
        table: the embeddings; their gradient becomes a sparse one.
        options: those of ``torch.optim.AdamW``; the second beta at least
            :data:`crosszero.training.course.LEAST_BETA2`.

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
        self._turn = threading.Lock()
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
        with self._turn:  # threads that encode at once may read the same row
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

    def _find_course(self, state: dict[str, Tensor]) -> Course:
        """That of the learning rates in the state; a new one if a checkpoint brought them."""
        if self._course is None or self._course.rates is not state["rates"]:
            group = self._group()
            rates = state["rates"].tolist()
            self._course = Course(rates, group["betas"], group["weight_decay"])
            state["rates"] = self._course.rates
        return self._course

    def _make_up(self, rows: Tensor, state: dict[str, Tensor]) -> None:
        weight, group = self._table.weight, self._group()
        begun, owner = torch.unique(state["last"][rows], return_inverse=True)
        missed = self._find_course(state).sum_missed(begun.cpu()).to(weight)
        first, second = state["exp_avg"][rows], state["exp_avg_sq"][rows]  # (n, width)
        size = second.sqrt() * missed.scale[owner]
        denominator = size + group["eps"]
        size /= denominator  # u
        powers = missed.powers[owner]
        total = powers[:, -1:].repeat(1, size.shape[1])
        for power in range(POINTS - 2, -1, -1):
            total.mul_(size).add_(powers[:, power, None])
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
        course = self._find_course(state)
        course.extend([rate])
        state["rates"] = course.rates
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

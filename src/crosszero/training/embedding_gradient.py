"""Gradients of lookups in a table of embeddings, added where they belong.

torch makes the gradient of a lookup as large as the table: zeroed, filled in a few hundred rows,
and added to the one before. A step looks tokens up once for each mini-batch, and with 119,547 x 768
numbers each time moves a gigabyte through memory. Here the rows of a lookup are added to the
table's gradient in place.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


def add_in_place(table: nn.Embedding) -> None:
    """Let lookups in a table add to its gradient themselves; the gradient stays a dense one.

    It is made by ``backward()`` alone: ``torch.autograd.grad`` with respect to the table does not
    see the lookups. A tied output layer gives its part as ever. To ask twice changes nothing, and
    lookups that are not plain (Gemma scales its rows) go torch's way. For CPUs: on a GPU the order
    of the additions would change from run to run.

    Example:
        >>> table = nn.Embedding(9, 4)
        >>> add_in_place(table)
        >>> table(torch.tensor([3, 3])).sum().backward()
        >>> table.weight.grad[3]
        tensor([2., 2., 2., 2.])
    """
    if _look_up not in table._forward_hooks.values():
        table.register_forward_hook(_look_up)


def _is_plain(table: nn.Embedding) -> bool:
    """Whether a lookup gives rows as they are (Gemma's are scaled), and their gradient is dense."""
    return type(table).forward is nn.Embedding.forward and not (
        table.max_norm is not None or table.scale_grad_by_freq or table.sparse
    )


def _look_up(table: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    if not output.requires_grad or not _is_plain(cast(nn.Embedding, table)):
        return output
    # The table must not be an input: its gradient would then be complete only after all lookups,
    # and that of a tied output layer would wait beside it, a second one of the same size.
    ticket = torch.empty(0, requires_grad=True)
    found: Tensor = _Lookup.apply(inputs[0], ticket, table)  # type: ignore[no-untyped-call]
    return found


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, ids: Tensor, ticket: Tensor, table: nn.Embedding) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.table = table
        return functional.embedding(ids, table.weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        (ids,) = ctx.saved_tensors
        table: nn.Embedding = ctx.table
        rows = ids.flatten()
        values = gradient.reshape(len(rows), -1).to(table.weight.dtype)
        if table.padding_idx is not None:
            used = rows != table.padding_idx
            rows, values = rows[used], values[used]
        if table.weight.grad is None:
            table.weight.grad = torch.zeros_like(table.weight)
        table.weight.grad.index_add_(0, rows, values)
        return None, None, None

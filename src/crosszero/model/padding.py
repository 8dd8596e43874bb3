"""Cutting a batch into mini-batches of texts of similar length, to save padding.

Mini-batches do not change the loss: which texts meet in it is decided before, and vectors come back
in the batch's order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.model.ragged import Ragged

_CPU, _ACCELERATOR = 48, 1024


def cut_mini_batches(
    lengths: Sequence[int], budget: int, overhead: int | None = None
) -> list[NDArray[np.int64]]:
    """Sort texts by length and cut them where that costs least, padding and mini-batches together.

    A mini-batch is padded to its longest text; each one costs something of its own, because all
    weights (and in training all gradients) pass through memory once more. The cheapest cuts are
    found exactly, by dynamic programming over the sorted texts.

    Args:
        lengths: tokens of each text.
        budget: most padded tokens (texts x longest text) of a mini-batch; a longer text stands
            alone in one.
        overhead: what a mini-batch costs, in padded tokens; ``None`` takes 48 on a CPU and 1,024
            where there is an accelerator, which likes them large.

    Returns:
        For each mini-batch the indices of its texts, longest first.

    Example:
        >>> [s.tolist() for s in cut_mini_batches([2, 9, 3, 8], budget=18, overhead=4)]
        [[1, 3], [2, 0]]
    """
    if overhead is None:
        overhead = _ACCELERATOR if torch.accelerator.is_available() else _CPU
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    sizes = np.maximum(sizes[order], 1)
    longest = sizes.tolist()
    # Of texts b to e - 1 the cost is that of those before b and sizes[b] * (e - b): what of it does
    # not depend on e, and where the last mini-batch begins if e is the end.
    fixed, begin = np.zeros(len(order), dtype=np.int64), [0] * (len(order) + 1)
    cost = lowest = 0
    for end in range(1, len(order) + 1):
        fixed[end - 1] = cost - longest[end - 1] * (end - 1)
        while lowest < end - 1 and longest[lowest] * (end - lowest) > budget:
            lowest += 1
        costs = sizes[lowest:end] * end + fixed[lowest:end]
        best = int(costs.argmin())
        begin[end], cost = lowest + best, int(costs[best]) + overhead
    mini_batches, end = [], len(order)
    while end:
        mini_batches.append(order[begin[end] : end])
        end = begin[end]
    return mini_batches[::-1]


def pad(rows: Ragged | Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Pad token rows to the longest one: numbers and attention mask, (batch, tokens) each."""
    rows = rows if isinstance(rows, Ragged) else Ragged.of(rows)
    mask = np.arange(rows.lengths.max()) < rows.lengths[:, np.newaxis]
    ids = np.full(mask.shape, padding, dtype=np.int64)
    ids[mask] = rows.values
    return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))

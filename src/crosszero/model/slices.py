"""Cutting a batch into slices of texts of like length, so that little is spent on padding.

A slice is only how a batch is computed: which texts meet in the loss is decided before, and vectors
come back in the batch's order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def cut_slices(lengths: Sequence[int], budget: int) -> list[NDArray[np.int64]]:
    """Sort texts by length and cut where a slice would exceed its budget of padded tokens.

    Args:
        lengths: tokens of each text.
        budget: most padded tokens (texts x longest text) of a slice; one longer text is a slice.

    Returns:
        For each slice the indices of its texts, longest slice first.

    Example:
        >>> [s.tolist() for s in cut_slices([2, 9, 3, 8], budget=18)]
        [[1, 3], [2, 0]]
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    slices, start = [], 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        slices.append(order[start : start + size])
        start += size
    return slices


def pad(rows: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Pad token rows to the longest one.

    Returns:
        (batch, tokens) numbers and (batch, tokens) attention mask.
    """
    width = max(map(len, rows))
    ids = np.full((len(rows), width), padding, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)

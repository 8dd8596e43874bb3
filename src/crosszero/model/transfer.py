"""Arrays on their way to a device: many in one copy, for which nothing waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Arrays = Mapping[str, NDArray[Any]]
_ALIGNED = 16  # bytes; a tensor must begin at a multiple of its item size


def send(arrays: Arrays, device: torch.device) -> dict[str, Tensor]:
    """Give arrays to a device.

    A copy from ordinary memory makes the processor wait until a GPU has done all that is queued
    before it. One from pinned memory queues up itself; and one large copy costs less than many
    small ones.

    Args:
        arrays: of any shapes and number types. On a CPU the tensors share their memory.

    Example:
        >>> send({"ids": np.arange(3)}, torch.device("cpu"))["ids"]
        tensor([0, 1, 2])
    """
    if device.type == "cpu":
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
    return unpack(pack(arrays, pinned=device.type == "cuda").to(device, non_blocking=True), arrays)


def pack(arrays: Arrays, *, pinned: bool = False) -> Tensor:
    """Put arrays one after another into one piece of memory: (bytes,)."""
    *_, size = 0, *(end for *_, end in _places(arrays))
    packed = torch.empty(size, dtype=torch.uint8, pin_memory=pinned)
    memory = packed.numpy()
    for array, start, _ in _places(arrays):
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        memory[start : start + array.nbytes] = flat
    return packed


def unpack(packed: Tensor, arrays: Arrays) -> dict[str, Tensor]:
    """Find the arrays of :func:`pack` again, without a copy."""
    found = {}
    for (name, array), (_, start, _) in zip(arrays.items(), _places(arrays), strict=True):
        kind = torch.from_numpy(array[:0]).dtype
        found[name] = packed[start : start + array.nbytes].view(kind).view(array.shape)
    return found


def _places(arrays: Arrays) -> Iterator[tuple[NDArray[Any], int, int]]:
    """Each array, where it starts, and where the next one can."""
    end = 0
    for array in arrays.values():
        start, end = end, end + -(-array.nbytes // _ALIGNED) * _ALIGNED
        yield array, start, end

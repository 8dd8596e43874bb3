"""The choices of settings, and shared numbers. No torch here, so that ``--help`` is fast."""

from __future__ import annotations

from typing import Literal

LossName = Literal["cz-nce", "info-nce"]
Level = Literal["multi", "sentence", "split"]
HeadStart = Literal["random", "identity"]
LayerName = Literal["first-last", "last"]
Pooling = Literal["first-last", "mean", "cls", "max"]
Precision = Literal["auto", "fp32", "bf16"]
WordLayer = int | Literal["first-last"]
PoolingMode = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]

MINI = "crosszero-mini"
BUNDLED = (MINI, "crosszero-mini-aligned")
"""Encoders inside the package, by the names that users call them."""
BLOCK = 8192
"""Texts that are tokenised and sorted by length at a time. Those of a block meet in the same passes
and are rounded the same, whether they go to memory or to a file, here or on a cluster."""


def layer_number(layer: LayerName | int) -> int | None:
    """Give a layer as encoders take it: from 1, -1 for the last, ``None`` for first + last.

    Example:
        >>> [layer_number("first-last"), layer_number("last"), layer_number(7)]
        [None, -1, 7]
    """
    if isinstance(layer, int):
        return layer
    return None if layer == "first-last" else -1

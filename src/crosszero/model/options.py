"""What settings may say, and numbers that others share; no torch here: ``--help`` is fast."""

from __future__ import annotations

from typing import Literal

LossName = Literal["cz-nce", "info-nce"]
Level = Literal["multi", "sentence"]
HeadStart = Literal["random", "identity"]
Pooling = Literal["first-last", "mean", "cls", "max"]
PoolingMode = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]

BLOCK = 8192
"""Texts that are tokenised and sorted by length at a time. Those of a block meet in the same passes
and are rounded the same, whether they go to memory or to a file, here or on a cluster."""

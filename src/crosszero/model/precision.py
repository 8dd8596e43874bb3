"""Which number format is fastest here: measured, never assumed.

On CPUs with bf16 instructions bf16 is about twice as fast as fp32, on CPUs without them it is
several times slower, and Python can't tell which kind it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from crosszero.model.backbone import Backbone
from crosszero.model.options import Precision

_ROWS, _TOKENS, _REPEATS = 16, 32, 3
_GAIN = 1.1  # bf16 has fewer digits: it must be worth it


def choose_precision(backbone: Backbone, wanted: Precision) -> Precision:
    """Decide ``auto`` by timing a pass and its gradients: bf16 where it is 1.1 times as fast."""
    if wanted != "auto":
        return wanted
    fp32, bf16 = (min(_time(backbone, p) for _ in range(_REPEATS)) for p in ("fp32", "bf16"))
    backbone.zero_grad(set_to_none=True)
    return "bf16" if fp32 > _GAIN * bf16 else "fp32"


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """Context in which the forward pass runs."""
    if precision == "bf16":
        return torch.autocast(device_type=device.type, dtype=torch.bfloat16)
    return nullcontext()


def _time(backbone: Backbone, precision: Precision) -> float:
    device = next(backbone.parameters()).device
    ids = torch.from_numpy(backbone.ordinary_ids[: _ROWS * _TOKENS])
    ids = ids.repeat(_ROWS * _TOKENS // len(ids) + 1)[: _ROWS * _TOKENS].reshape(_ROWS, _TOKENS)
    ids = ids[:, : backbone.max_length].to(device)
    mask = torch.ones_like(ids)
    finish: Callable[[], None] = torch.get_device_module(device).synchronize  # of what is queued
    finish()
    start = time.perf_counter()
    with autocast(precision, device):
        hidden = backbone(ids, mask).pooled
    hidden.float().sum().backward()
    finish()
    return time.perf_counter() - start

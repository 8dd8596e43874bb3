"""Which weight learns how fast: optimizers, schedule, and the choice of a number format."""

from __future__ import annotations

import time
from collections import defaultdict

import torch
from torch import nn

from .muon import Muon
from .settings import Settings

# Weights that hold several matrices one above the other.
STACKED = {"Wqkv": 3, "Wi": 2}


def make_optimizers(model: nn.Module, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices (grouped by shape) and AdamW for the rest, or all AdamW."""
    hidden: dict[tuple[tuple[int, ...], int], list[nn.Parameter]] = defaultdict(list)
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []  # rows of rare tokens would only shrink if they decayed
    for name, weight in model.named_parameters():
        inside = ".layers." in name or name.startswith("head.")
        if settings.optimizer == "muon" and inside and weight.ndim == 2:
            parts = STACKED.get(name.split(".")[-2], 1)
            hidden[tuple(weight.shape), parts].append(weight)
        elif inside and weight.ndim == 2:
            matrices.append(weight)
        else:
            rest.append(weight)
    adam = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ],
        lr=settings.adam_lr,
        betas=(0.9, 0.98),
        eps=1e-8,
        fused=True,
    )
    if not hidden:
        return [adam]
    groups = [{"params": weights, "parts": parts} for (_, parts), weights in hidden.items()]
    muon = Muon(groups, lr=settings.muon_lr, weight_decay=settings.weight_decay)
    return [adam, muon]


def base_rates(optimizers: list[torch.optim.Optimizer]) -> list[list[float]]:
    """The learning rates before any schedule."""
    return [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]


def rate_factor(step: int, *, warmup: int, spent: float, decay: float) -> float:
    """Warm-up by steps, then constant, then linearly to nothing over the last share `decay`.

    `spent` is the share of the run that is over, of its steps or of its time. The constant part
    does not know where the run ends, so a run may be continued any number of times from a
    checkpoint taken before the decay.
    """
    factor = min(1.0, (step + 1) / max(1, warmup))
    return factor * min(1.0, max(0.0, 1 - spent) / decay) if decay else factor


def pick_precision(wanted: str, device: torch.device) -> torch.dtype:
    """The number format to compute in; `measure` times one matrix product in each on a CPU."""
    if wanted != "measure" or device.type != "cpu":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    times = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(2048, 512, dtype=dtype)
        b = torch.randn(512, 512, dtype=dtype)
        a @ b
        start = time.perf_counter()
        for _ in range(10):
            a @ b
        times[dtype] = time.perf_counter() - start
    return min(times, key=lambda dtype: times[dtype])

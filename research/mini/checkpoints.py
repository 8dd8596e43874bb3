"""Checkpoints that survive being killed while they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

NAME = "checkpoint.pt"


def save_checkpoint(
    folder: Path,
    *,
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    progress: dict[str, Any],
) -> Path:
    """Weights, optimizers, place in the text, counters; moved into place only when complete."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    part = path.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "progress": progress,
        },
        part,
    )
    part.replace(path)
    return path


def load_checkpoint(
    folder: Path, *, model: nn.Module, optimizers: list[torch.optim.Optimizer] | None = None
) -> dict[str, Any]:
    """Put the weights (and optimizer states) back; returns the progress record."""
    path = folder / NAME
    if not path.exists():
        raise FileNotFoundError(f"no {path}: start without --resume")
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    if optimizers is not None:
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    progress: dict[str, Any] = state["progress"]
    return progress


def save_weights(model: PreTrainedModel, folder: Path) -> None:
    """The weights alone, in float16, in files that fit through narrow doors."""
    half = {name: weight.half() for name, weight in model.named_parameters()}  # tied ones once
    model.save_pretrained(folder, state_dict=half, max_shard_size="12MB")

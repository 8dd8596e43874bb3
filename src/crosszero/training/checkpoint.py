"""Checkpoints from which a run goes on bit for bit. Safetensors and JSON only, written atomically.

A checkpoint holds the weights of encoder and head that are trained, AdamW's moments and the
position in the data. What is frozen (embeddings, or all but the adapters of LoRA) is the encoder's.
Random numbers need no state: those of a step are drawn from (seed, step).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosszero.errors import CheckpointError
from crosszero.files import atomic_folder
from crosszero.training.stream import Position
from crosszero.training.train_config import update_names

_PREFIX = "step-"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come.

    Attributes:
        step: optimiser steps done.
        total: steps of the whole run.
        position: next batch of the stream.
        settings: what must not change between sittings; see :func:`read_progress`.
    """

    step: int
    total: int
    position: Position
    settings: Mapping[str, Any]


def save_checkpoint(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    *,
    keep: int,
) -> Path:
    """Write ``folder/step-00000123`` and remove all but the newest `keep` checkpoints.

    Raises:
        CrosszeroError: the folder can't be written.
    """
    path = folder / f"{_PREFIX}{progress.step:08d}"
    names = _names(modules)
    with atomic_folder(path) as new:
        weights = {name: value.detach().contiguous() for name, value in names.items()}
        save_file(weights, new / "weights.safetensors")
        moments = {
            f"{key}:{name}": torch.as_tensor(value).detach().contiguous()
            for name, parameter in names.items()
            for key, value in optimizer.state.get(parameter, {}).items()
        }
        save_file(moments, new / "optimizer.safetensors")
        content = {
            "step": progress.step,
            "total": progress.total,
            "position": list(progress.position),
            "settings": dict(progress.settings),
        }
        (new / "progress.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    return sorted(p for p in folder.glob(f"{_PREFIX}*") if (p / "progress.json").is_file())


def remove_torn(folder: Path) -> None:
    """Remove what a process that was killed while saving has left."""
    for path in folder.glob(f".{_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def read_progress(path: Path, settings: Mapping[str, Any]) -> Progress:
    """Read how far a checkpoint is, and refuse to go on with other settings.

    Args:
        path: a checkpoint.
        settings: those of the run that wants to go on.

    Raises:
        CheckpointError: the file is damaged, or a setting differs (it is named).
    """
    try:
        content = json.loads((path / "progress.json").read_text(encoding="utf-8"))
        progress = Progress(
            step=int(content["step"]),
            total=int(content["total"]),
            position=Position(*map(int, content["position"])),
            settings=update_names(content["settings"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path / 'progress.json'}: damaged ({error}); remove the folder {path.name} to go on "
            "from an older checkpoint"
        ) from error
    if progress.settings.get("sparse_embeddings") is True:
        raise CheckpointError(
            f"{path}: the run was begun with sparse_embeddings: true, which is gone; start a new "
            "run folder, or finish it with the version that began it"
        )
    given = json.loads(json.dumps(dict(settings)))
    for name, value in given.items():
        before = progress.settings.get(name)
        if name not in progress.settings and not value:
            continue  # a setting younger than the checkpoint, not in use
        if before != value:
            raise CheckpointError(
                f"{path}: the run was begun with {name}: {before}, now {value} is given; "
                "go on with the settings it was begun with, or start a new run folder"
            )
    return progress


def load_checkpoint(
    path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> None:
    """Put weights and moments back in place.

    Raises:
        CheckpointError: a file is damaged or does not fit the modules.
    """
    names = _names(modules)
    weights = _read(path / "weights.safetensors")
    moments = _read(path / "optimizer.safetensors")
    if set(weights) != set(names):
        raise CheckpointError(f"{path / 'weights.safetensors'}: written by another model")
    with torch.no_grad():
        for name, target in names.items():
            if weights[name].shape != target.shape:
                raise CheckpointError(
                    f"{path / 'weights.safetensors'}: {name} has shape "
                    f"{tuple(weights[name].shape)}, the model {tuple(target.shape)}"
                )
            target.copy_(weights[name])
    optimizer.state.clear()
    for key, value in moments.items():
        kind, _, name = key.partition(":")
        moment = kind.startswith("exp_avg")
        if name not in names or (moment and value.shape != names[name].shape):
            raise CheckpointError(f"{path / 'optimizer.safetensors'}: written by another model")
        target = names[name]
        # AdamW counts its steps on the CPU, unless it is fused.
        there = kind == "step" and not optimizer.defaults["fused"]
        optimizer.state[target][kind] = value.to("cpu" if there else target.device)


def _names(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Parameters in training and persistent buffers by name; tied ones once."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for prefix, module in modules.items():
        persistent = module.state_dict(keep_vars=True)
        for name, tensor in persistent.items():
            if isinstance(tensor, nn.Parameter) and not tensor.requires_grad:
                continue
            if tensor.data_ptr() not in seen or tensor.numel() == 0:
                seen.add(tensor.data_ptr())
                found[f"{prefix}.{name}"] = tensor
    return found


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: damaged or missing ({error}); remove the folder {path.parent.name} to go on "
            "from an older checkpoint"
        ) from error

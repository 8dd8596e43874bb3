"""Checkpoints from which a run continues bit for bit: Safetensors and JSON only, atomic writes.

A checkpoint holds the weights of encoder and head that are trained, AdamW's moments and the
position in the data. What is frozen (embeddings, or all but the adapters of LoRA) is the encoder's.
Random numbers need no state: those of a step are drawn from (seed, step). All of a checkpoint is
checked before any of it is used: one wrong number would lead to other weights.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosszero.folders import atomic_folder, put_back
from crosszero.model.backbone import Backbone
from crosszero.training.progress import (
    MOMENTS,
    PROGRESS,
    WEIGHTS,
    Progress,
    explain_damage,
    write_progress,
)

_PREFIX = "step-"
_KINDS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of a parameter


class State(NamedTuple):
    """What is saved of a run, by name: trained weights, and AdamW's moments of them."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]


def take_state(
    modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, *, copy: bool = False
) -> State:
    """Collect what is saved; a `copy`, on the CPU, does not change when training goes on."""
    names = _names(modules)
    moments = {
        f"{key}:{name}": torch.as_tensor(value)
        for name, parameter in names.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }

    def detach(value: Tensor) -> Tensor:
        value = value.detach()
        return value.to("cpu", copy=True) if copy else value.contiguous()

    return State(*({n: detach(v) for n, v in part.items()} for part in (names, moments)))


def write_checkpoint(folder: Path, state: State, progress: Progress, *, keep: int) -> Path:
    """Write ``folder/step-00000123`` and remove all but the newest `keep` checkpoints."""
    path = folder / f"{_PREFIX}{progress.step:08d}"
    with atomic_folder(path) as new:
        save_file(state.weights, new / WEIGHTS)
        save_file(state.moments, new / MOMENTS)
        write_progress(new, progress)
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    return sorted(p for p in folder.glob(f"{_PREFIX}*") if (p / PROGRESS).is_file())


def remove_torn(folder: Path) -> None:
    """Remove what a process that was killed while saving has left.

    A checkpoint that was being replaced is put back first (see :mod:`crosszero.folders`).
    """
    for left in folder.glob(f".{_PREFIX}*"):
        put_back(folder / left.name.split(".")[1])
    for left in folder.glob(f".{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def hash_frozen(backbone: Backbone) -> str | None:
    """Fingerprint of the frozen weights, which checkpoints leave out; ``None`` without any."""
    frozen = [(n, p) for n, p in backbone.model.named_parameters() if not p.requires_grad]
    if not frozen:
        return None
    found = hashlib.blake2b(digest_size=16)
    for name, parameter in frozen:
        found.update(f"{name} {tuple(parameter.shape)}".encode())
        content = parameter.detach().cpu().contiguous().reshape(-1)
        found.update(content.view(torch.uint8).numpy().data)
    return found.hexdigest()


def load_checkpoint(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    trained: Collection[Tensor] | None = None,
) -> None:
    """Put weights and moments back in place.

    Args:
        path, progress: the checkpoint, and what it says of itself.
        modules, optimizer: as they were saved.
        trained: parameters that must have moments; ``None`` if hashes vouch for the files.

    Raises:
        CheckpointError: a file is damaged, or does not hold exactly what belongs to these modules.
    """
    names = _names(modules)
    weights, moments = _read(path / WEIGHTS), _read(path / MOMENTS)
    _compare(path / WEIGHTS, weights, names)
    owners = {key.partition(":")[2] for key in moments}
    ids = {id(parameter) for parameter in trained or ()}
    like = {
        f"{kind}:{name}": torch.zeros(()) if kind == "step" else value
        for name, value in names.items()
        for kind in _KINDS
        if name in owners or id(value) in ids
    }
    _compare(path / MOMENTS, moments, like)
    for key, value in moments.items():
        if key.startswith("exp_avg_sq:") and bool((value < 0).any()):
            raise explain_damage(path / MOMENTS, f"{key} is below 0")
        if key.startswith("step:") and not (1 <= value <= progress.step and value == value.round()):
            raise explain_damage(path / MOMENTS, f"{key} is {value}, in step {progress.step}")
    with torch.no_grad():
        for name, target in names.items():
            target.copy_(weights[name])
    optimizer.state.clear()
    for key, value in moments.items():
        kind, _, name = key.partition(":")
        # AdamW counts its steps on the CPU, unless it is fused.
        there = kind == "step" and not optimizer.defaults["fused"]
        optimizer.state[names[name]][kind] = value.to("cpu" if there else names[name].device)


def _compare(path: Path, found: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
    """See that there are exactly these tensors, of these shapes and types, and all finite."""
    if found.keys() != like.keys():
        lacking = [name for name in like if name not in found]
        what = f"lacks {lacking[0]}" if lacking else f"holds {min(found.keys() - like.keys())}"
        raise explain_damage(path, f"written by another model: it {what}")
    for name, value in found.items():
        own, wanted = (f"{list(t.shape)} {t.dtype}" for t in (value, like[name]))
        if own != wanted:
            raise explain_damage(path, f"{name} is {own}, that of the model {wanted}")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise explain_damage(path, f"{name} is not finite")


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
        raise explain_damage(path, str(error)) from error

"""How far a run has come: ``progress.json`` of a checkpoint, which vouches for its other files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from crosszero.config import read_json, to_dict
from crosszero.errors import CheckpointError, DataError, quote
from crosszero.training.stream import Position, SampleStream
from crosszero.training.train_config import TrainConfig, update_names

PROGRESS, WEIGHTS, MOMENTS = "progress.json", "weights.safetensors", "optimizer.safetensors"
ENCODER_HASH = "encoder_hash"  # setting by which the files of the encoder are known
MOST_SKIPPED = 20  # batches in a row that can't be contrasted, for one step


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come, as it stands in ``progress.json``.

    Attributes:
        step: optimiser steps done.
        total: steps of the whole run.
        position: :class:`Position` of the next batch.
        settings: what must not change between sittings.
        files: SHA-256 of each other file of the checkpoint; none in those of older versions.
        hash: SHA-256 of all the rest of this.
    """

    step: int
    total: int
    position: tuple[int, ...]
    settings: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)
    hash: str = ""


def write_progress(checkpoint: Path, progress: Progress) -> None:
    """Write ``progress.json``, with the hashes of the files that stand beside it."""
    files = {path.name: _hash_file(path) for path in sorted(checkpoint.iterdir())}
    progress = replace(progress, files=files)
    text = json.dumps(asdict(replace(progress, hash=_hash(progress))), indent=2)
    (checkpoint / PROGRESS).write_text(text, encoding="utf-8")


def read_progress(checkpoint: Path, settings: Mapping[str, Any]) -> Progress:
    """Read how far a checkpoint is; CheckpointError if damaged, or begun with other `settings`."""
    path = checkpoint / PROGRESS
    try:
        progress = read_json(path, Progress)
    except DataError as error:
        raise explain_damage(path, str(error.__cause__ or error.reason)) from error
    step, position, files = progress.step, progress.position, progress.files
    if files and (progress.hash != _hash(progress) or files.keys() != {WEIGHTS, MOMENTS}):
        raise explain_damage(path, "it differs from what was saved")
    number = re.fullmatch(r"step-(\d+)", checkpoint.name)
    if not number or not 0 < step == int(number[1]) <= progress.total:
        raise explain_damage(path, f"it says step {step} of {progress.total}")
    if len(position) != 3 or min(position) < 0:
        raise explain_damage(path, f"it says position {quote(position)}")
    for name, saved in files.items():
        if _hash_file(checkpoint / name) != saved:
            raise explain_damage(checkpoint / name, "it differs from what was saved")
    progress = replace(progress, settings=update_names(progress.settings))
    _require_same(checkpoint, progress, settings)
    return progress


def check_position(checkpoint: Path, progress: Progress, stream: SampleStream, total: int) -> int:
    """Number of batches until a checkpoint; CheckpointError if its steps do not lead there.

    A step uses one batch, and passes over those that can't be contrasted.
    """
    step, position = progress.step, Position(*progress.position)
    given = stream.count_until(position, most=step * MOST_SKIPPED)
    if progress.total != total or given is None or given < step:
        raise explain_damage(
            checkpoint / PROGRESS,
            f"step {step} of {progress.total} does not lead to position {list(position)}",
        )
    return given


def explain_damage(path: Path, reason: str) -> CheckpointError:
    """Make the error for a file of a checkpoint that can't be used."""
    return CheckpointError(
        f"{path}: damaged ({reason}); remove the folder {path.parent.name} to continue from an "
        "older checkpoint"
    )


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise explain_damage(path, str(error.strerror)) from error


def _hash(progress: Progress) -> str:
    text = json.dumps(asdict(replace(progress, hash="")), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _require_same(checkpoint: Path, progress: Progress, settings: Mapping[str, Any]) -> None:
    if progress.settings.get("sparse_embeddings") is True:
        raise CheckpointError(
            f"{checkpoint}: the run was started with sparse_embeddings: true, which no longer "
            "exists; start a new run folder, or finish the run with the version that started it"
        )
    defaults = json.loads(json.dumps(to_dict(TrainConfig())))
    plain = {name: value for name, value in settings.items() if name != ENCODER_HASH}
    for name, value in json.loads(json.dumps(plain)).items():
        before = progress.settings.get(name)
        if name not in progress.settings and (not value or value == defaults.get(name)):
            continue  # a setting younger than the checkpoint, not in use
        if before != value:
            raise CheckpointError(
                f"{checkpoint}: the run was started with {name}: {quote(before)}, but "
                f"{quote(value)} is given now; keep the settings it was started with, or start a "
                "new run folder"
            )
    known = progress.settings.get(ENCODER_HASH)  # none in checkpoints of older versions
    if known not in (None, settings.get(ENCODER_HASH)):
        raise CheckpointError(
            f"{checkpoint}: the files of the encoder {settings['encoder']} are not those that the "
            "run was started with; put those back, or start a new run folder"
        )

"""The folder of a run: is it free, and does the disk have room for what will be written?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from crosszero.errors import ConfigError, TrainingError
from crosszero.files import atomic_file
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training.checkpoint import list_checkpoints
from crosszero.training.metrics import METRICS
from crosszero.training.train_config import TrainConfig

CHECKPOINTS = "checkpoints"


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a folder that holds something (ConfigError), unless its run shall go on."""
    model = (out / "config.json").exists()
    if resume and model and not list_checkpoints(out / CHECKPOINTS):
        raise ConfigError(
            f"{out}: holds a model, but no checkpoint to continue from; give it as --encoder and "
            "choose another --out"
        )
    if not resume and (model or (out / CHECKPOINTS).exists() or (out / METRICS).exists()):
        raise ConfigError(
            f"{out}: already holds a run or a model; continue it with --resume, or choose another "
            "--out"
        )


def check_disk(out: Path, backbone: Backbone, head: ProjectionHead, config: TrainConfig) -> None:
    """Report a full disk (TrainingError) before hours of training, not after."""
    parameters = [*backbone.parameters(), *head.parameters()]
    weights = sum(p.numel() * p.element_size() for p in parameters)
    trained = sum(p.numel() * p.element_size() for p in parameters if p.requires_grad)
    # A checkpoint is weights and two moments; one more stands while it replaces an old one.
    needed = trained * 3 * (config.keep_checkpoints + 1) + weights
    held = sum(
        file.stat().st_size
        for path in list_checkpoints(out / CHECKPOINTS)[-config.keep_checkpoints :]
        for file in path.iterdir()
    )
    free = shutil.disk_usage(out).free
    if free < needed - held:
        raise TrainingError(
            f"{out}: checkpoints and model need {(needed - held) / 1000000.0:,.0f} MB more, but "
            f"only {free / 1000000.0:,.0f} MB are free; choose another --out or a smaller "
            "keep_checkpoints"
        )


@contextmanager
def explain_disk(out: Path) -> Iterator[None]:
    """Explain a disk that fills up, or a folder that goes away, as a TrainingError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        advice = f"{name_last(out)}; free some space and continue with --resume"
        raise TrainingError(f"{out}: can't be written ({error}); {advice}") from error


def name_last(out: Path) -> str:
    """Say which checkpoint one could go on from."""
    good = list_checkpoints(out / CHECKPOINTS)
    return f"the last good checkpoint is {good[-1]}" if good else "there is no checkpoint yet"


def describe_batch(out: Path, step: int, origins: list[str], *, write: bool) -> str:
    """Say in which file the samples of a failed batch stand, and `write` it."""
    path = out / "failed-batch.json"
    if write:
        with atomic_file(path) as file:
            json.dump({"step": step, "samples": origins}, file, indent=2, ensure_ascii=False)
    return f"the batch's {len(origins)} samples ({', '.join(origins[:3])} ...) are in {path}"

"""Everything that is checked and made before the first step: what can't work is told now."""

from __future__ import annotations

import json
import logging
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from crosszero.config import to_dict
from crosszero.errors import CheckpointError, ConfigError, TrainingError
from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder, locate_encoder
from crosszero.model.folder import PROJECTION, load_head
from crosszero.model.head import ProjectionHead
from crosszero.samples.store import SampleStore
from crosszero.training.checkpoint import Progress, list_checkpoints, read_progress
from crosszero.training.config import TrainConfig
from crosszero.training.metrics import METRICS
from crosszero.training.precision import choose_precision
from crosszero.training.refresh import WordRefresher
from crosszero.training.stream import SampleStream

CHECKPOINTS = "checkpoints"
_FREE_TO_CHANGE = ("keep_checkpoints", "log_every", "checkpoint_every", "precision")
_log = logging.getLogger("crosszero")


@dataclass(frozen=True, kw_only=True)
class Run:
    """All parts of a training, ready for the first step.

    Attributes:
        encoder, head: in training mode, on their device.
        optimizer: over both.
        accelerator: device and backward.
        config: as resolved: the precision is decided.
        stream: where batches come from.
        refresher: finds words anew, or ``None``.
        settings: what must not change when the run is resumed.
        total: number of steps.
        out: the run folder.
        progress: of the checkpoint to go on from, or ``None``.
    """

    encoder: Encoder
    head: ProjectionHead
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    config: TrainConfig
    stream: SampleStream
    refresher: WordRefresher | None
    settings: dict[str, Any]
    total: int
    out: Path
    progress: Progress | None


def prepare_run(
    name: str | Path, store: SampleStore, config: TrainConfig, out: Path, *, resume: bool
) -> Run:
    """Check settings, encoder, samples, folder and disk, and make the parts.

    Raises:
        ConfigError, CheckpointError, DataError, TrainingError: see :func:`crosszero.train`.
    """
    check_folder(out, resume=resume)
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        raise ConfigError(
            f"{accelerator.num_processes} processes given; training runs in one process"
        )
    encoder = _load_encoder(name, config)
    encoder.check_length(config.max_length)
    head = _make_head(name, encoder, config)
    encoder.to(accelerator.device).train()
    head.to(accelerator.device).train()
    check_disk(out, encoder, head, config)
    stream = SampleStream(
        store=store, batch_size=config.batch_size, level=config.level, seed=config.seed
    )
    settings = {k: v for k, v in to_dict(config).items() if k not in _FREE_TO_CHANGE}
    settings |= {"encoder": str(name), "samples": store.fingerprint}
    found = list_checkpoints(out / CHECKPOINTS) if resume else []
    progress = read_progress(found[-1], settings) if found else None
    if resume and not found:
        _log.info("no checkpoint in %s: starting from the beginning", out)
    config = _decide_precision(encoder, config, progress)
    total = progress.total if progress else config.steps
    total = total or math.ceil(config.epochs * stream.count_batches())
    if total < 1:
        next(stream.batches())  # raises, and says why there is no batch
    refresher = None
    if config.refresh_words_every:
        refresher = WordRefresher(encoder, config, store, out, total)
    return Run(
        encoder=encoder,
        head=head,
        optimizer=make_optimizer(encoder, head, config),
        accelerator=accelerator,
        config=config,
        stream=stream,
        refresher=refresher,
        settings=settings | {"precision": config.precision},
        total=total,
        out=out,
        progress=progress,
    )


def make_optimizer(
    encoder: Encoder, head: ProjectionHead, config: TrainConfig
) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices only, head and token embeddings at their own rates."""
    rate = config.learning_rate
    table = list(encoder.base.get_input_embeddings().parameters())
    inside = {id(p) for p in table}
    groups = []
    for parameters, own_rate in (
        ([p for p in encoder.parameters() if id(p) not in inside], rate),
        (table, config.embedding_learning_rate or rate),
        (list(head.parameters()), config.head_learning_rate or rate),
    ):
        for matrices in (True, False):
            chosen = [p for p in parameters if p.requires_grad and (p.dim() > 1) == matrices]
            decay = config.weight_decay if matrices else 0.0
            if chosen:
                groups.append({"params": chosen, "base_lr": own_rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, config.adam_beta2))


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a folder that holds something, unless its run shall go on, or can't be written.

    Raises:
        ConfigError: the folder is in use, or is a file.
        CrosszeroError: it can't be written.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: the run needs a folder, this is a file")
    model = (out / "config.json").exists()
    if resume and model and not list_checkpoints(out / CHECKPOINTS):
        raise ConfigError(
            f"{out}: a model stands there, but no checkpoint to go on from; give it as --encoder "
            "and choose another --out"
        )
    if not resume and (model or (out / CHECKPOINTS).exists() or (out / METRICS).exists()):
        raise ConfigError(
            f"{out}: a run or a model stands there; use --resume to go on with it, or another --out"
        )
    with atomic_file(out / ".writable"):
        pass
    (out / ".writable").unlink()


def check_disk(out: Path, encoder: Encoder, head: ProjectionHead, config: TrainConfig) -> None:
    """Tell a full disk before hours of training, not after.

    Raises:
        TrainingError: checkpoints and model would not fit.
    """
    weights = sum(p.numel() * p.element_size() for m in (encoder, head) for p in m.parameters())
    # A checkpoint is weights and two moments; one more stands while it replaces an old one.
    needed = weights * (3 * (config.keep_checkpoints + 1) + 1)
    held = sum(
        file.stat().st_size
        for path in list_checkpoints(out / CHECKPOINTS)[-config.keep_checkpoints :]
        for file in path.iterdir()
    )
    free = shutil.disk_usage(out).free
    if free < needed - held:
        raise TrainingError(
            f"{out}: checkpoints and model need {(needed - held) / 1e6:,.0f} MB more, "
            f"{free / 1e6:,.0f} MB are free; choose another --out or a smaller keep_checkpoints"
        )


def _load_encoder(name: str | Path, config: TrainConfig) -> Encoder:
    """With its MLM head if it has one, so that a later training finds it in the saved folder."""
    encoder = Encoder.load(name, mlm=True)
    if encoder.mlm_head is not None and encoder.tokenizer.mask_token_id is not None:
        return encoder
    if config.mlm_weight > 0:
        raise ConfigError(
            f"{name} has no pretrained head for masked language modelling, or no mask token: "
            "set mlm_weight: 0"
        )
    return Encoder.load(name, mlm=False)


def _make_head(name: str | Path, encoder: Encoder, config: TrainConfig) -> ProjectionHead:
    """The head that was saved beside the encoder if it fits, else a new one."""
    head = ProjectionHead(encoder.hidden_size, config.level, config.head_start)
    folder = Path(locate_encoder(name))
    if (folder / PROJECTION).is_file():
        try:
            load_head(folder, head)
            _log.info("going on with the projection head of %s", name)
        except CheckpointError:
            _log.info("%s: its projection head is of another level; a new one is trained", name)
    return head


def _decide_precision(
    encoder: Encoder, config: TrainConfig, progress: Progress | None
) -> TrainConfig:
    """A run goes on in the precision it began with; measuring again could choose another."""
    if progress is None:
        return replace(config, precision=choose_precision(encoder, config.precision))
    before: Any = progress.settings.get("precision")
    if config.precision not in ("auto", before):
        raise CheckpointError(
            f"the run was begun with precision: {before}, now {config.precision} is given; go on "
            "with it, or start a new run folder"
        )
    return replace(config, precision=before)


def describe_batch(out: Path, step: int, origins: list[str]) -> str:
    """Write the samples of a failed batch to a file and say where it is."""
    path = out / "failed-batch.json"
    with atomic_file(path) as file:
        json.dump({"step": step, "samples": origins}, file, indent=2, ensure_ascii=False)
    first = ", ".join(origins[:3])
    return f"the batch's {len(origins)} samples ({first} ...) stand in {path}"

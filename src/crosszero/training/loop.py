"""The training loop."""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from crosszero.config import to_dict
from crosszero.errors import ConfigError, TrainingError
from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder
from crosszero.model.folder import save_encoder
from crosszero.model.head import ProjectionHead
from crosszero.samples.store import SampleStore
from crosszero.training.batch import Batch, build_batch
from crosszero.training.card import write_card
from crosszero.training.checkpoint import (
    Progress,
    list_checkpoints,
    load_checkpoint,
    read_progress,
    save_checkpoint,
)
from crosszero.training.config import TrainConfig
from crosszero.training.metrics import METRICS, MetricsLog
from crosszero.training.precision import autocast, choose_precision
from crosszero.training.refresh import WordRefresher
from crosszero.training.schedule import learning_rate_factor
from crosszero.training.step import StepResult, compute_losses
from crosszero.training.stream import Position, SampleStream

CHECKPOINTS = "checkpoints"
_FREE_TO_CHANGE = ("keep_checkpoints", "log_every", "checkpoint_every", "precision")
_log = logging.getLogger("crosszero")


def train(
    encoder: str | Path,
    samples: str | Path,
    config: TrainConfig = TrainConfig(),  # noqa: B008 - frozen
    *,
    out: str | Path,
    resume: bool = False,
    show_progress: bool = True,
) -> Path:
    """Post-train an encoder on word positioned samples.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        samples: a store that :func:`crosszero.prepare` wrote.
        config: settings; the defaults are the paper's.
        out: folder of the run. Afterwards it is an ordinary model folder (``AutoModel`` and
            ``SentenceTransformer`` load it) that also holds ``config.json`` of the run as
            ``training.json``, metrics.jsonl, the projection head and the checkpoints.
        resume: go on from the newest checkpoint in `out`, with weights equal bit for bit to those
            of a run that was never interrupted, on the same machine.
        show_progress: draw a progress bar, or log now and then where there is no terminal.

    Returns:
        The folder `out`.

    Raises:
        ConfigError: settings do not fit the encoder or the samples, or `out` is in use.
        CheckpointError: encoder or checkpoint can't be loaded.
        DataError: the store can't be read.
        TrainingError: the loss is not finite (with step, samples and last good checkpoint), or the
            disk can't take the checkpoints.

    Example:
        >>> import crosszero as cz
        >>> cz.train("crosszero-mini", "samples/", out="run/")      # doctest: +SKIP

    Source:
        METHOD sections 2 to 4; arXiv 2202.13083.
    """
    out = Path(out)
    _check_folder(out, resume=resume)
    store = SampleStore.open(samples)
    with _own_randomness(config.seed):
        run = _prepare_run(encoder, store, config, out)
        progress = _restore(run) if resume else None
        _run_steps(run, progress, show_progress=show_progress)
        card = write_card(run.encoder, store, run.config, steps=run.total, out=out)
        save_encoder(run.encoder, out, head=run.head, card=card)
    return out


@dataclass
class _Run:
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


def _prepare_run(name: str | Path, store: SampleStore, config: TrainConfig, out: Path) -> _Run:
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        raise ConfigError(
            f"{accelerator.num_processes} processes given; training runs in one process"
        )
    encoder = Encoder.load(name, mlm=config.mlm_weight > 0)
    if config.mlm_weight > 0 and (
        encoder.mlm_head is None or encoder.tokenizer.mask_token_id is None
    ):
        raise ConfigError(
            f"{name} has no pretrained head for masked language modelling, or no mask token: "
            "set mlm_weight: 0"
        )
    encoder.check_length(config.max_length)
    head = ProjectionHead(encoder.hidden_size, config.level)
    encoder.to(accelerator.device).train()
    head.to(accelerator.device).train()
    _check_disk(out, encoder, head, config)
    previous = _previous_precision(out)
    config = replace(config, precision=previous or choose_precision(encoder, config.precision))
    stream = SampleStream(
        store=store, batch_size=config.batch_size, level=config.level, seed=config.seed
    )
    total = config.steps or math.ceil(config.epochs * stream.count_batches())
    if total < 1:
        next(stream.batches())  # raises, and says why there is no batch
    settings = {k: v for k, v in to_dict(config).items() if k not in _FREE_TO_CHANGE}
    settings |= {"encoder": str(name), "samples": store.fingerprint}
    refresher = None
    if config.refresh_words_every:
        refresher = WordRefresher(encoder, config, out)
    return _Run(
        encoder=encoder,
        head=head,
        optimizer=_make_optimizer(encoder, head, config),
        accelerator=accelerator,
        config=config,
        stream=stream,
        refresher=refresher,
        settings=settings,
        total=total,
        out=out,
    )


def _run_steps(run: _Run, progress: Progress | None, *, show_progress: bool) -> None:
    done = progress.step if progress else 0
    position = progress.position if progress else Position()
    config, every = run.config, run.config.checkpoint_every
    with atomic_file(run.out / "training.json") as file:
        json.dump({**run.settings, "precision": config.precision}, file, indent=2)
    batches = run.stream.batches(position)
    if run.refresher:
        batches = run.refresher.refresh(batches, done)
    with MetricsLog(
        run.out, total=run.total, done=done, every=config.log_every, show_progress=show_progress
    ) as log:
        for step in range(done, run.total):
            units, position = next(batches)
            begun = time.perf_counter()
            # All randomness of a step comes from (seed, step): resuming needs no state of it.
            random = np.random.default_rng([config.seed, step, 1])
            torch.manual_seed(int(random.integers(2**62)))
            batch = build_batch(
                units,
                level=config.level,
                words_per_sentence=config.words_per_sentence,
                pairs_per_group=config.pairs_per_group,
                random=random,
            )
            line = _take_step(run, batch, step, random)
            log.add({**line, "seconds": round(time.perf_counter() - begun, 4)})
            if every and (step + 1) % every == 0:
                _save(run, step + 1, position)
        if every == 0 or run.total % every:
            _save(run, run.total, position)


def _take_step(run: _Run, batch: Batch, step: int, random: np.random.Generator) -> dict[str, Any]:
    config = run.config
    factor = learning_rate_factor(step, run.total, config)
    for group in run.optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    with autocast(config.precision, run.accelerator.device):
        result = compute_losses(run.encoder, run.head, batch, config, random)
    _require_finite(run, result.loss, "loss", step, batch)
    run.accelerator.backward(result.loss)
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm or math.inf)
    _require_finite(run, norm, "norm of the gradient", step, batch)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return _describe(result, step + 1, config.learning_rate * factor, float(norm))


def _describe(result: StepResult, step: int, rate: float, norm: float) -> dict[str, Any]:
    return {
        "step": step,
        "loss": float(result.loss.detach()),
        "contrastive": float(result.contrast.loss.detach()),
        "mlm": None if result.mlm is None else float(result.mlm.detach()),
        "accuracy": float(result.contrast.accuracy),
        "gap": float(result.contrast.gap),
        "learning_rate": rate,
        "grad_norm": norm,
        "texts": result.texts,
        "tokens": result.tokens,
        "samples": result.samples,
        "cut_samples": result.cut_samples,
    }


def _make_optimizer(
    encoder: Encoder, head: ProjectionHead, config: TrainConfig
) -> torch.optim.Optimizer:
    groups = []
    for module, rate in (
        (encoder, config.learning_rate),
        (head, config.head_learning_rate or config.learning_rate),
    ):
        parameters = [p for p in module.parameters() if p.requires_grad]
        for matrices in (True, False):
            chosen = [p for p in parameters if (p.dim() > 1) == matrices]
            decay = config.weight_decay if matrices else 0.0
            groups.append({"params": chosen, "base_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _require_finite(run: _Run, value: torch.Tensor, name: str, step: int, batch: Batch) -> None:
    if bool(torch.isfinite(value)):
        return
    with atomic_file(run.out / "failed-batch.json") as file:
        json.dump({"step": step + 1, "samples": batch.origins}, file, indent=2)
    good = list_checkpoints(run.out / CHECKPOINTS)
    last = f"the last good checkpoint is {good[-1]}" if good else "there is no checkpoint yet"
    first = ", ".join(batch.origins[:3])
    raise TrainingError(
        f"step {step + 1}: the {name} is {float(value.detach())}; the batch's "
        f"{len(batch.origins)} samples ({first} ...) stand in {run.out / 'failed-batch.json'}; "
        f"{last}; nothing was saved. "
        "Lower learning_rate, or set precision: fp32"
    )


def _save(run: _Run, step: int, position: Position) -> None:
    save_checkpoint(
        run.out / CHECKPOINTS,
        {"encoder": run.encoder.model, "head": run.head},
        run.optimizer,
        Progress(step=step, total=run.total, position=position, settings=run.settings),
        keep=run.config.keep_checkpoints,
    )


def _restore(run: _Run) -> Progress | None:
    found = list_checkpoints(run.out / CHECKPOINTS)
    if not found:
        _log.info("no checkpoint in %s: starting from the beginning", run.out)
        return None
    progress = read_progress(found[-1], run.settings)
    load_checkpoint(found[-1], {"encoder": run.encoder.model, "head": run.head}, run.optimizer)
    return progress


def _previous_precision(out: Path) -> Any:
    """A run goes on in the precision it began with; measuring again could choose another."""
    found = list_checkpoints(out / CHECKPOINTS)
    if not found:
        return None
    try:
        return json.loads((out / "training.json").read_text(encoding="utf-8"))["precision"]
    except (OSError, ValueError, KeyError):
        return None


def _check_folder(out: Path, *, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: the run needs a folder, this is a file")
    used = out.is_dir() and any(
        (out / name).exists() for name in (CHECKPOINTS, METRICS, "config.json")
    )
    if used and not resume:
        raise ConfigError(
            f"{out}: a run or a model stands there; use --resume to go on with it, or another --out"
        )
    with atomic_file(out / ".writable"):
        pass
    (out / ".writable").unlink()


def _check_disk(out: Path, encoder: Encoder, head: ProjectionHead, config: TrainConfig) -> None:
    """Tell a full disk before hours of training, not after."""
    weights = sum(p.numel() * p.element_size() for m in (encoder, head) for p in m.parameters())
    # A checkpoint is weights and two moments; one more stands while it replaces an old one.
    needed = weights * (3 * (config.keep_checkpoints + 1) + 1)
    free = shutil.disk_usage(out).free
    if free < needed:
        raise TrainingError(
            f"{out}: checkpoints and model need {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are "
            "free; choose another --out or a smaller keep_checkpoints"
        )


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Leave the caller's random state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield

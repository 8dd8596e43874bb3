"""The loop of fine-tuning: transformers' Trainer, and the best model by the development score.

The Trainer's own checkpoints are not used: they hold pickles, and fine-tuning starts again rather
than resumes. A batch is random and computed in mini-batches of similar length, as in training.
"""

from __future__ import annotations

import json
import logging
import math
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.training_args import OptimizerNames

from crosszero.config import read_json, to_dict
from crosszero.errors import ConfigError, DataError, TrainingError
from crosszero.files import atomic_file
from crosszero.model.loading import quiet_transformers
from crosszero.model.precision import autocast
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.features import IGNORED, Feature, cut_features
from crosszero.tasks.finetune.heads import SETTINGS, TaskModel, save_task_model
from crosszero.tasks.finetune.losses import Loss
from crosszero.training.embedding_gradient import add_in_place

_log = logging.getLogger("crosszero")
_PAUSE = 30.0  # seconds between two lines about progress


def train_best(
    task: TaskModel,
    features: Sequence[Feature],
    *,
    loss: Loss,
    score: Callable[[], float],
    config: FineTuneConfig,
    out: Path,
    described: dict[str, Any],
) -> None:
    """Train a model and leave the best one in a folder, the first of those with the same score.

    Args:
        task: trained in place; at the end it holds the last weights, not the best.
        features: examples to train on.
        loss: mean loss of a mini-batch of them.
        score: measures `task` on the development set, higher is better.
        config, out: settings, and the folder.
        described: what the run is, for ``finetune.json``.

    Raises:
        ConfigError: there is more than one process.
        TrainingError: the loss is not finite, no score was a number, or the disk is full.
    """
    best = _Best(task, score, config.eval_every, out, {**described, "config": to_dict(config)})
    arguments = _make_arguments(config, out)
    if arguments.device.type == "cpu":
        add_in_place(cast(nn.Embedding, task.model.get_input_embeddings()))
    trainer = _MiniBatchTrainer(task, features, loss, config, arguments)
    trainer.add_callback(best)
    with quiet_transformers():
        trainer.train()
    best.finish(trainer.state.global_step)


@contextmanager
def prepare_fine_tuning(out: Path, seed: int) -> Iterator[None]:
    """Refuse a folder that is in use, seed what the Trainer seeds, leave the caller's state."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: this is a file; the model needs a folder")
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"{out}: exists already; choose a new folder")
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def is_finished(folder: Path) -> bool:
    """Whether a fine-tuning has finished: the best model is there; all scores are written last."""
    try:
        return "scores" in read_json(folder / SETTINGS, dict[str, Any])
    except DataError:
        return False


def remove_stopped(folder: Path) -> None:
    """Remove what a fine-tuning that was stopped has left, half-written folders included."""
    for path in (folder, *folder.parent.glob(f".{folder.name}.*")):
        shutil.rmtree(path, ignore_errors=True)


class _MiniBatchTrainer(Trainer):
    """The Trainer with a step that cuts its batch into mini-batches."""

    def __init__(
        self,
        task: TaskModel,
        features: Sequence[Feature],
        loss: Loss,
        config: FineTuneConfig,
        arguments: TrainingArguments,
    ) -> None:
        super().__init__(
            model=task.model,
            args=arguments,
            train_dataset=features,
            data_collator=lambda batch: {"features": batch},
        )
        self.remove_callback(PrinterCallback)
        self._task, self._loss, self._config = task, loss, config
        self._told = self._begun = time.monotonic()
        self._losses: list[float] = []  # of the steps since the last line

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Add up the gradient of the batch's mean loss, mini-batch by mini-batch."""
        model.train()
        features: list[Feature] = inputs["features"]
        counted = sum(int((f.labels != IGNORED).sum()) for f in features)
        total = torch.zeros((), device=self._task.model.device)
        for part in cut_features(features, self._task, self._config.mini_batch_num_tokens):
            with autocast(self._task.precision, self._task.model.device):
                loss = self._loss(model, part.inputs, part.labels)
            # The mean over a mini-batch counts as much as it holds of the batch.
            loss = loss * ((part.labels != IGNORED).sum() / counted)
            if not bool(torch.isfinite(loss)):
                raise TrainingError(
                    f"step {self.state.global_step + 1}: the loss is {float(loss.detach())}; "
                    "choose a new folder and a lower learning_rate, or precision: fp32"
                )
            self.accelerator.backward(loss)
            total += loss.detach()
        self._tell(float(total))
        return total

    def _tell(self, loss: float) -> None:
        """Say now and then how far the run is, what the loss is, and how long it will take."""
        self._losses.append(loss)
        step, steps, now = self.state.global_step + 1, self.state.max_steps, time.monotonic()
        if now - self._told >= _PAUSE and step < steps:
            left = (now - self._begun) / step * (steps - step)
            mean = sum(self._losses) / len(self._losses)
            _log.info(
                "step %d of %d: loss %.3f, %.0f min left", step, steps, mean, math.ceil(left / 60)
            )
            self._told, self._losses = now, []


@dataclass(eq=False)
class _Best(TrainerCallback):
    """Scores the model now and then and saves it when it is better than ever."""

    task: TaskModel
    score: Callable[[], float]
    every: int
    out: Path
    described: dict[str, Any]
    scores: list[dict[str, float]] = field(default_factory=list)
    best: float = -math.inf

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step % self.every == 0:
            self._consider(state.global_step)

    def finish(self, step: int) -> None:
        """Let the final model count too, and write down all scores."""
        if not self.scores or self.scores[-1]["step"] != step:
            self._consider(step)
        if self.best == -math.inf:
            raise TrainingError(f"{self.out}: no score on the development set was a number")
        settings = read_json(self.out / SETTINGS, dict[str, Any])
        with atomic_file(self.out / SETTINGS) as file:
            json.dump(settings | {"scores": self.scores}, file, indent=2)

    def _consider(self, step: int) -> None:
        score = self.score()
        self.scores.append({"step": step, "score": score})
        _log.info("step %d: %.4f on the development set", step, score)
        if score > self.best:
            self.best = score
            kept = {**self.described, "best_step": step, "best_score": score}
            save_task_model(self.task, self.out, kept)


def _make_arguments(config: FineTuneConfig, out: Path) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(out),  # nothing is written there by the Trainer itself
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=config.epochs,
        max_steps=config.steps or -1,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        optim="adamw_torch",
        adam_epsilon=config.adam_epsilon,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    if arguments.device.type in ("cpu", "cuda"):  # as crosszero train does; others may lack it
        arguments.optim = OptimizerNames.ADAMW_TORCH_FUSED
    if arguments.world_size > 1:
        raise ConfigError(f"{arguments.world_size} processes given; fine-tuning runs in one")
    if arguments.n_gpu > 1:  # else each GPU would get a whole batch
        arguments._n_gpu = 1
    return arguments

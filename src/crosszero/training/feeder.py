"""Batches made ready ahead of the step: by worker processes where there is a GPU to feed.

A GPU takes a batch sooner than one core tokenises it. A batch is a function of (seed, step) and of
its place in the stream, so that it does not matter who makes it, nor when.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from crosszero.errors import CrosszeroError, TrainingError
from crosszero.training.batch import build_batch
from crosszero.training.inputs import (
    Draft,
    Inputs,
    UnusableBatchError,
    draft_inputs,
    finish_inputs,
    make_inputs,
)
from crosszero.training.learner import Learner
from crosszero.training.progress import MOST_SKIPPED
from crosszero.training.setup import TrainingRun
from crosszero.training.stream import NextBatch, Position, Unit
from crosszero.training.train_config import TrainConfig

_STEP_SEED = 3  # what random numbers are for; see stream.py
_MOST_WORKERS, _AHEAD = 16, 2  # processes; batches that each of them may be ahead
_log = logging.getLogger("crosszero")
_Item = tuple[Inputs | Draft | CrosszeroError, Position]


def draw_step(config: TrainConfig, step: int) -> tuple[int, np.random.Generator]:
    """Give a step its seed of dropout, and the random numbers of its batch.

    All randomness of a step comes from (seed, step): resuming needs no state of it.
    """
    random = np.random.default_rng([_STEP_SEED, config.seed, step])
    return int(random.integers(2**62)), random


def make_batch(learner: Learner, units: Sequence[Unit], step: int) -> Inputs | Draft:
    """Make the batch of a step from its units, in whatever process; no weights are used.

    For one of several ranks it is only a draft: they must still tell each other what they found.

    Raises:
        UnusableBatchError: it can't be contrasted.
    """
    config, (_, random) = learner.config, draw_step(learner.config, step)
    batch = build_batch(units, config, random)
    make = make_inputs if learner.ranks.alone else draft_inputs
    return make(learner.backbone, batch, config, random, learner.ranks)


class Feeder:
    """Gives each step its batch.

    Args:
        run: the training; its weights are not used.
        position: of the first batch.
        refreshed: the stream with other words. They depend on the weights, so that this process
            must make all batches itself.
    """

    def __init__(
        self, run: TrainingRun, position: Position, refreshed: Iterator[NextBatch] | None = None
    ) -> None:
        self._run, self._position = run, position
        self._workers = 0 if refreshed else count_workers(run)
        self._batches = refreshed or run.stream.batches(position)
        self._ahead: Iterator[_Item] | None = None

    def take(self, step: int) -> tuple[Inputs, Position]:
        """Give the batch of a step, and the position that follows it; one step after the other.

        Raises:
            TrainingError: many batches in a row can't be contrasted; a few are passed over.
        """
        for _ in range(MOST_SKIPPED):
            try:
                made, self._position = self._next(step)
                if isinstance(made, UnusableBatchError):
                    raise made
                if isinstance(made, Draft):
                    run = self._run
                    made = finish_inputs(run.backbone, made, run.config, run.ranks)
                return made, self._position
            except UnusableBatchError as error:
                reason = error
            self.close()  # what was made ahead was made for other steps
            if self._run.ranks.first:
                _log.warning("step %d: a batch is skipped: %s", step + 1, reason)
        raise TrainingError(f"step {step + 1}: {MOST_SKIPPED} batches in a row: {reason}")

    def close(self) -> None:
        """End the workers now: left to the garbage collector, they could end in a later worker."""
        self._ahead = None

    def _next(self, step: int) -> tuple[Inputs | Draft | UnusableBatchError, Position]:
        if not self._workers:
            units, position = next(self._batches)
            try:
                return make_batch(self._run, units, step), position
            except UnusableBatchError as error:
                return error, position
        if self._ahead is None:
            self._ahead = self._start(step)
        try:
            made, position = next(self._ahead)
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):  # as torch says that one is gone
                raise
            raise TrainingError(
                f"step {step + 1}: a process that makes batches ahead has died ({error}); continue "
                "with --resume, with num_workers: 0 if memory is short"
            ) from error
        if isinstance(made, CrosszeroError) and not isinstance(made, UnusableBatchError):
            raise made
        return made, position

    def _start(self, step: int) -> Iterator[_Item]:
        """Let worker processes make the batches of a step and of those after it, in order."""
        loader = DataLoader(
            _Ahead(self._run, self._position, step),
            batch_size=None,
            sampler=range(self._run.total - step),
            num_workers=self._workers,
            prefetch_factor=_AHEAD,
            collate_fn=_keep,
            worker_init_fn=_quieten,
            multiprocessing_context="fork",  # the tokeniser need not be loaded again
        )
        return iter(loader)


class _Ahead(Dataset[_Item]):
    """Batches by number, from a position on; every worker runs through the stream by itself."""

    def __init__(self, run: TrainingRun, start: Position, step: int) -> None:
        self._run, self._step, self._seen = run, step, 0
        self._batches = run.stream.batches(start)

    def __getitem__(self, number: int) -> _Item:
        try:
            units, position = next(islice(self._batches, number - self._seen, None))
        except CrosszeroError as error:
            return error, Position()
        self._seen = number + 1
        try:
            return make_batch(self._run, units, self._step + number), position
        except CrosszeroError as error:
            return error, position


def count_workers(learner: Learner) -> int:
    """Processes that make batches: with ``auto`` none on a CPU, where they would take its cores."""
    if learner.config.num_workers != "auto":
        return learner.config.num_workers
    if learner.backbone.device.type != "cuda" or sys.platform != "linux":
        return 0
    cores = len(os.sched_getaffinity(0)) // learner.ranks.count
    return max(0, min(_MOST_WORKERS, cores - 1))


def _keep(item: Any) -> Any:
    return item


def _quieten(_: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core

"""Batches made ready ahead of the step: by worker processes where there is a GPU to feed.

A GPU takes a batch sooner than one core tokenises it. A batch is a function of (seed, step) and of
its place in the stream, so that it does not matter who makes it, nor when.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset

from crosszero.errors import CrosszeroError, TrainingError
from crosszero.model.backbone import Backbone
from crosszero.training.batch import build_batch
from crosszero.training.inputs import (
    Draft,
    Inputs,
    UnusableBatchError,
    draft_inputs,
    finish_inputs,
)
from crosszero.training.learner import Learner
from crosszero.training.progress import MOST_SKIPPED
from crosszero.training.ranks import Ranks
from crosszero.training.setup import TrainingRun
from crosszero.training.stream import NextBatch, Position, SampleStream, Unit
from crosszero.training.train_config import TrainConfig

_STEP_SEED = 3  # what random numbers are for; see stream.py
_MOST_WORKERS, _AHEAD = 16, 2  # processes; batches that each of them may be ahead
_log = logging.getLogger("crosszero")
Made = TypeVar("Made", bound=Inputs | Draft)


@dataclass(frozen=True)
class ReadyBatch(Generic[Made]):
    """All that a step needs.

    Attributes:
        inputs: what is encoded; from a worker of one of several ranks only a draft, since the
            ranks must still tell each other what they found.
        seed: of dropout.
        origins: ``file:line`` of the sentence pairs, for messages.
    """

    inputs: Made
    seed: int
    origins: list[str]


_Item = tuple[ReadyBatch[Inputs | Draft] | CrosszeroError, Position]


@dataclass(frozen=True, kw_only=True)
class BatchMaker:
    """Makes batches, in whatever process.

    Attributes:
        backbone, config, ranks: of the run; the weights are not used.
    """

    backbone: Backbone
    config: TrainConfig
    ranks: Ranks

    def make(self, units: Sequence[Unit], step: int) -> ReadyBatch[Inputs | Draft]:
        """Make the batch of a step from its units.

        Raises:
            UnusableBatchError: it can't be contrasted.
        """
        config = self.config
        # All randomness of a step comes from (seed, step): resuming needs no state of it.
        random = np.random.default_rng([_STEP_SEED, config.seed, step])
        seed = int(random.integers(2**62))
        batch = build_batch(
            units,
            level=config.level,
            words_per_sentence=config.words_per_sentence,
            pairs_per_group=config.pairs_per_group,
            random=random,
        )
        draft = draft_inputs(self.backbone, batch, config, random, self.ranks)
        made: Inputs | Draft = draft
        if self.ranks.alone:  # else the ranks tell each other what they found first
            made = self.finish(draft)
        return ReadyBatch(made, seed, batch.origins)

    def finish(self, draft: Draft) -> Inputs:
        """Make of a draft what is encoded; all ranks do so at once."""
        return finish_inputs(self.backbone, draft, self.config, self.ranks)


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
        self._maker = BatchMaker(backbone=run.backbone, config=run.config, ranks=run.ranks)
        self._stream, self._position, self._total = run.stream, position, run.total
        self._workers = 0 if refreshed else count_workers(run)
        self._batches = refreshed or run.stream.batches(position)
        self._ahead: Iterator[_Item] | None = None

    def take(self, step: int) -> tuple[ReadyBatch[Inputs], Position]:
        """Give the batch of a step, and the position that follows it; one step after the other.

        Raises:
            TrainingError: many batches in a row can't be contrasted; a few are passed over.
        """
        for _ in range(MOST_SKIPPED):
            try:
                made, self._position = self._next(step)
                if isinstance(made, UnusableBatchError):
                    raise made
                inputs = made.inputs
                if isinstance(inputs, Draft):
                    inputs = self._maker.finish(inputs)
                return ReadyBatch(inputs, made.seed, made.origins), self._position
            except UnusableBatchError as error:
                reason = error
            self.close()  # what was made ahead was made for other steps
            if self._maker.ranks.first:
                _log.warning("step %d: a batch is skipped: %s", step + 1, reason)
        raise TrainingError(f"step {step + 1}: {MOST_SKIPPED} batches in a row: {reason}")

    def close(self) -> None:
        """End the workers now: left to the garbage collector, they could end in a later worker."""
        self._ahead = None

    def _next(self, step: int) -> tuple[ReadyBatch[Inputs | Draft] | UnusableBatchError, Position]:
        if not self._workers:
            units, position = next(self._batches)
            try:
                return self._maker.make(units, step), position
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
            _Ahead(self._maker, self._stream, self._position, step),
            batch_size=None,
            sampler=range(self._total - step),
            num_workers=self._workers,
            prefetch_factor=_AHEAD,
            collate_fn=_keep,
            worker_init_fn=_begin,
            multiprocessing_context="fork",  # the tokeniser need not be loaded again
        )
        return iter(loader)


class _Ahead(Dataset[_Item]):
    """Batches by number, from a position on; every worker runs through the stream by itself."""

    def __init__(self, maker: BatchMaker, stream: SampleStream, start: Position, step: int) -> None:
        self._maker, self._step, self._seen = maker, step, 0
        self._batches = stream.batches(start)

    def __getitem__(self, number: int) -> _Item:
        try:
            units, position = next(islice(self._batches, number - self._seen, None))
        except CrosszeroError as error:
            return error, Position()
        self._seen = number + 1
        try:
            return self._maker.make(units, self._step + number), position
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


def _begin(_: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core

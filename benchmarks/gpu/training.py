"""Pairs and tokens a second of training: packed, padded, and the device's and the host's part."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.timer import repeat
from benchmarks.machine import measure_gemm
from benchmarks.steps import count_flops
from crosszero.training import loop
from crosszero.training.auto_settings import decide
from crosszero.training.feeder import Feeder, count_workers
from crosszero.training.inputs import Inputs
from crosszero.training.setup import TrainingRun, prepare_run
from crosszero.training.stream import Position
from crosszero.training.train_config import TrainConfig

_BEFORE = 3  # steps that are not counted
_MADE = 4  # batches that are made before


def describe_device(setting: Setting, journal: Journal) -> None:
    """The peak of matrix products, against which all else is held."""
    for precision in ("bf16", "fp32"):
        size, peak = measure_peak(setting, precision)
        journal.row(f"product of {size:,} x {size:,}, {precision}", **{"TFLOP/s": peak / 1e12})


def measure_peak(setting: Setting, precision: str) -> tuple[int, float]:
    """Rows of a large square product, and its operations a second."""
    size = 256 if setting.tiny else 8192
    return size, 1e9 * measure_gemm(precision, size=size, repeats=4, device=setting.device)


def measure_training(setting: Setting, journal: Journal) -> None:
    """Time the training loop, packed and padded; its steps alone; and its data path alone."""
    run = start_run(setting, level="multi")
    _, peak = measure_peak(setting, run.config.precision)
    small, middle, large = setting.batches
    kinds: list[tuple[str, int, bool, Maker]] = [
        *(("crosszero, packed", batch, True, feed) for batch in (middle, small, large)),
        *(("its steps alone", batch, True, prepare) for batch in (middle, large)),
        *(("crosszero, padded", batch, False, feed) for batch in (middle, small)),
    ]
    for number, (name, batch, pack, make) in enumerate(kinds):
        config = replace(run.config, batch_size=batch, pack=pack, gradient_cache=batch == large)
        seconds = setting.clock.share(len(kinds) + 1 - number) - 1
        add_speed(journal, name, change(run, config), peak, seconds, make)
    chosen = change(run, replace(run.config, batch_size=middle, pack=True))
    seconds = setting.clock.share(1)
    with feed(chosen) as give:
        done = repeat(lambda n: give(n + _BEFORE), setting.device, seconds, warm_up=_BEFORE)
    workers = count_workers(chosen)
    pairs = middle * done.count / done.seconds
    journal.row(f"its data path alone, {workers} workers", **{"batch": middle, "pairs/s": pairs})


def add_speed(
    journal: Journal,
    name: str,
    run: TrainingRun,
    peak: float,
    seconds: float,
    make: Maker | None = None,
) -> None:
    """Time steps and write down a row; `peak` are operations a second."""
    batch = run.config.batch_size
    try:
        speed = time_steps(run, seconds, peak, make or feed)
    except torch.OutOfMemoryError:
        journal.note(f"{name}, batch {batch}: does not fit into the memory")
        return
    journal.row(name, batch=batch, **speed)


def start_run(setting: Setting, **settings: Any) -> TrainingRun:
    """Prepare a training whose settings can be changed."""
    config = TrainConfig(
        steps=10_000, checkpoint_every=0, precision="bf16" if setting.gpu else "fp32", **settings
    )
    out = Path(tempfile.mkdtemp(dir=setting.folder))
    return prepare_run(setting.encoder, setting.store, config, out, resume=False)


def change(run: TrainingRun, config: TrainConfig) -> TrainingRun:
    """The same run with other settings, from its beginning."""
    config = decide(run.backbone, config, None)
    return replace(run, config=config, stream=replace(run.stream, batch_size=config.batch_size))


Take = Callable[[int], Inputs]
"""Gives the batch of a step."""


@contextmanager
def feed(run: TrainingRun) -> Iterator[Take]:
    """Batches as the training loop gets them."""
    feeder = Feeder(run, Position())
    try:
        yield lambda step: feeder.take(step)[0]
    finally:
        feeder.close()


@contextmanager
def prepare(run: TrainingRun) -> Iterator[Take]:
    """Some batches, made before, again and again."""
    with feed(run) as take:
        batches = [take(step) for step in range(_MADE)]
    yield lambda step: batches[step % _MADE]


Maker = Callable[[TrainingRun], AbstractContextManager[Take]]


def time_steps(
    run: TrainingRun, seconds: float, peak: float, make: Maker = feed
) -> dict[str, float]:
    """Take steps for some seconds, with batches from `make`: how fast they were.

    The share of the peak is that of the operations that are needed, without padding.
    """
    lines: list[dict[str, Any]] = []

    def take(number: int) -> None:
        if number == 0:
            lines.clear()
        step = number + _BEFORE
        lines.append(loop._take_step(run, give(step), step))

    with make(run) as give:
        done = repeat(take, run.backbone.device, seconds, warm_up=_BEFORE)
    texts, tokens, samples = (
        sum(line[name] for line in lines) for name in ("texts", "tokens", "samples")
    )
    masked = run.config.mlm_probability * (tokens - 2 * texts) if run.config.mlm_weight else 0
    flops = count_flops(run.backbone, run.head, [tokens / texts] * texts, masked, 2 * samples)
    return {
        "pairs/s": samples / run.config.words_per_sentence / done.seconds,
        "tokens/s": tokens / done.seconds,
        "ms a step": 1e3 * done.seconds / done.count,
        "share of peak": flops / done.seconds / peak,
        "GB": done.memory,
    }

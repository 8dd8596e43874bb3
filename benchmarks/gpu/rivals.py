"""What one would train with instead, on the same device: the paper's procedure and
sentence-transformers; and crosszero at the sentence level, which is what the latter does."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import torch

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.timer import repeat
from benchmarks.gpu.training import add_speed, change, measure_peak, start_run
from benchmarks.steps import PaperStep, RankingStep
from crosszero.samples.sample import Sample
from crosszero.training.train_config import Precision

PAPER, MNRL, CACHED = "the paper's procedure", "sentence-transformers MNRL", "CachedMNRL"
SENTENCES = "crosszero, sentences, no MLM"
_PASS = 256  # sentences at a time of the cached loss


class Step(Protocol):
    """A training step of another side; `tokens` grows by one number a step."""

    tokens: list[int]

    def run(self, rows: list[Sample]) -> None:
        """Take it."""


def measure_rivals(setting: Setting, journal: Journal) -> None:
    """Time steps of all sides."""
    small, middle, large = setting.batches
    half: Precision = "bf16" if setting.gpu else "fp32"

    def make_ranking(mini_batch: int) -> RankingStep:
        step = RankingStep(
            setting.encoder, device=str(setting.device), precision=half, mini_batch=mini_batch
        )
        step.model.train()
        return step

    def make_paper(precision: Precision) -> PaperStep:
        return PaperStep(setting.load_backbone().train(), precision=precision)

    sides: list[tuple[str, int, Callable[[], Step]]] = [
        (f"{PAPER}, {one}", small, lambda one=one: make_paper(one))
        for one in dict.fromkeys(("fp32", half))
    ]
    sides += [
        (f"{MNRL}, {half}", small, lambda: make_ranking(0)),
        (f"{MNRL}, {half}", middle, lambda: make_ranking(0)),
        (f"{CACHED}, {half}", large, lambda: make_ranking(4 if setting.tiny else _PASS)),
    ]
    ours = len(setting.batches)
    for number, (name, batch, make) in enumerate(sides):
        seconds = setting.clock.share(len(sides) + ours - number) - 2
        time_rival(setting, journal, name, batch, make, seconds)
    run = start_run(setting, level="sentence", loss="info-nce", mlm_weight=0.0)
    _, peak = measure_peak(setting, half)
    for number, batch in enumerate(setting.batches):
        config = replace(run.config, batch_size=batch, gradient_cache=batch == large, pack="auto")
        seconds = setting.clock.share(ours - number) - 1
        add_speed(journal, f"{SENTENCES}, {half}", change(run, config), peak, seconds)


def time_rival(
    setting: Setting,
    journal: Journal,
    name: str,
    batch: int,
    make: Callable[[], Step],
    seconds: float,
) -> None:
    """Time one side; what does not fit into the memory is said."""
    rows = [row for row in setting.read_rows(4 * batch) if row.words]
    try:
        step = make()

        def take(number: int) -> None:
            first = (number + 2) % 3 * batch
            step.run(rows[first : first + batch])

        done = repeat(take, setting.device, seconds, warm_up=1)
    except torch.OutOfMemoryError:
        journal.note(f"{name}, batch {batch}: does not fit into the memory")
        return
    finally:
        gc.collect()
    tokens = sum(step.tokens[-done.count :])
    columns: dict[str, float] = {
        "batch": batch,
        "pairs/s": batch * done.count / done.seconds,
        "tokens/s": tokens / done.seconds,
        "ms a step": 1e3 * done.seconds / done.count,
        "GB": done.memory,
    }
    journal.row(name, **columns)

"""Pairs and tokens a second of training: packed, padded, and without its data path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.timer import repeat
from benchmarks.machine import measure_gemm
from benchmarks.steps import count_flops
from crosszero.training import loop
from crosszero.training.auto_settings import decide
from crosszero.training.feeder import Feeder
from crosszero.training.setup import TrainingRun, prepare_run
from crosszero.training.stream import Position
from crosszero.training.train_config import TrainConfig


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
    """Time steps of the training loop by batch, packed and padded."""
    run = start_run(setting, level="multi")
    _, peak = measure_peak(setting, run.config.precision)
    kinds = [(batch, pack) for pack in (True, False) for batch in setting.batches]
    for number, (batch, pack) in enumerate(kinds):
        config = replace(run.config, batch_size=batch, pack=pack)
        config = replace(config, gradient_cache=batch == setting.batches[-1])
        speed = time_steps(change(run, config), setting.clock.share(len(kinds) - number) - 1)
        add_speed(journal, f"crosszero, {'packed' if pack else 'padded'}", batch, speed, peak)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast steps were.

    Attributes:
        pairs, tokens, flops: of a second; the last are those that are needed, without padding.
        seconds: of a step.
        memory: GB at most on the device.
    """

    pairs: float
    tokens: float
    flops: float
    seconds: float
    memory: float


def add_speed(journal: Journal, what: str, batch: int, speed: Speed, peak: float) -> None:
    """Write down a row; `peak` are operations a second."""
    columns: dict[str, float] = {
        "batch": batch,
        "pairs/s": speed.pairs,
        "tokens/s": speed.tokens,
        "ms a step": 1e3 * speed.seconds,
        "share of peak": speed.flops / peak,
        "GB": speed.memory,
    }
    journal.row(what, **columns)


def start_run(setting: Setting, **settings: Any) -> TrainingRun:
    """Prepare a training whose settings can be changed."""
    config = TrainConfig(
        steps=10_000, checkpoint_every=0, precision="bf16" if setting.gpu else "fp32", **settings
    )
    out = setting.folder / f"speed-{config.level}"
    out.mkdir()
    return prepare_run(setting.encoder, setting.store, config, out, resume=False)


def change(run: TrainingRun, config: TrainConfig) -> TrainingRun:
    """The same run with other settings, from its beginning."""
    run.backbone.model.set_attn_implementation("sdpa")
    config = decide(run.backbone, config, None)
    return replace(run, config=config, stream=replace(run.stream, batch_size=config.batch_size))


def time_steps(run: TrainingRun, seconds: float) -> Speed:
    """Take steps for some seconds, data path and all."""
    feeder = Feeder(
        run.backbone, run.config, run.ranks, run.stream, Position(), refreshed=None, total=run.total
    )
    lines: list[dict[str, Any]] = []

    def take(number: int) -> None:
        if number == 0:
            lines.clear()
        batch, _ = feeder.take(number + 9)
        lines.append(loop._take_step(run, batch, number + 9))

    done = repeat(take, run.accelerator.device, seconds, warm_up=3)
    texts, tokens, samples = (
        sum(line[name] for line in lines) for name in ("texts", "tokens", "samples")
    )
    masked = run.config.mlm_probability * (tokens - 2 * texts) if run.config.mlm_weight else 0
    flops = count_flops(run.backbone, run.head, [tokens / texts] * texts, masked, 2 * samples)
    return Speed(
        pairs=samples / run.config.words_per_sentence / done.seconds,
        tokens=tokens / done.seconds,
        flops=flops / done.seconds,
        seconds=done.seconds / done.count,
        memory=done.memory,
    )

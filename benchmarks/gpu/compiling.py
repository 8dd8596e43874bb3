"""What compiled layers gain in training: steps a second, and what compiling costs."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.gpu.correctness import BASE, check_near, make_runner
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.training import add_speed, change, measure_peak, prepare, start_run
from benchmarks.machine import finish
from benchmarks.steps import make_batch
from crosszero.model.backbone import Backbone
from crosszero.training import loop
from crosszero.training.auto_settings import decide


def measure_compiling(setting: Setting, journal: Journal) -> None:
    """Compile each transformer layer for any length, and time the same steps as without."""
    run = start_run(setting, level="multi")
    _, peak = measure_peak(setting, run.config.precision)
    small, middle, _ = setting.batches
    step = make_runner(run.backbone, make_batch(setting.read_rows(8), 2))
    config = replace(BASE, precision=run.config.precision, pack="auto")
    config = decide(run.backbone, config, None)
    plain = step(config)
    compile_layers(run.backbone, backend="eager" if setting.tiny else "inductor")
    check_near(journal, "compiled", step(config), plain)
    run.backbone.train()
    for number, batch in enumerate((middle, small)):
        changed = change(run, replace(run.config, batch_size=batch, pack="auto"))
        begun = time.perf_counter()
        with prepare(changed) as give:
            loop._take_step(changed, give(0), 0)
            finish(run.backbone.device)
        journal.row("its first step", batch=batch, s=time.perf_counter() - begun)
        seconds = setting.clock.share(2 - number)
        add_speed(journal, "its steps alone, layers compiled", changed, peak, seconds, prepare)


def compile_layers(backbone: Backbone, backend: str = "inductor") -> None:
    """Compile each layer: one graph serves all of them, with texts of any number and length."""
    layers = backbone._blocks
    assert layers is not None
    for layer in layers:
        layer.compile(dynamic=True, backend=backend)

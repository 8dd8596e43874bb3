"""What `compile: true` gains in training: steps a second, and what compiling costs."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.gpu.correctness import BASE, check_near, make_runner
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.training import add_speed, change, measure_peak, prepare, start_run
from benchmarks.machine import finish
from benchmarks.steps import make_batch
from crosszero.model.compiling import compile_layers
from crosszero.training import loop
from crosszero.training.auto_settings import decide
from crosszero.training.setup import TrainingRun


def measure_compiling(setting: Setting, journal: Journal) -> None:
    """Take the same steps without and with compiled layers, after batches that were made before."""
    run = start_run(setting, level="multi")
    _, peak = measure_peak(setting, run.config.precision)
    small, middle, _ = setting.batches
    rows = [(name, batch) for name in ("eager", "compiled") for batch in (middle, small)]
    for number, (name, batch) in enumerate(rows):
        compiled = name == "compiled"
        if compiled and batch == middle:
            _compile(setting, journal, run)
        settings = {"batch_size": batch, "pack": "auto", "compile": compiled and not setting.tiny}
        changed = change(run, replace(run.config, **settings))
        begun = time.perf_counter()
        with prepare(changed) as give:
            loop._take_step(changed, give(0), 0)
            finish(run.backbone.device)
        if compiled:
            journal.row("first step", batch=batch, s=time.perf_counter() - begun)
        add_speed(journal, name, changed, peak, setting.clock.share(len(rows) - number), prepare)


def _compile(setting: Setting, journal: Journal, run: TrainingRun) -> None:
    """Compile the layers, and check a step's losses and gradients before training goes on."""
    take = make_runner(run.backbone, make_batch(setting.read_rows(8), 2))
    config = replace(BASE, precision=run.config.precision, pack="auto")
    config = decide(run.backbone, config, None)
    plain = take(config)
    compile_layers(run.backbone, backend="eager" if setting.tiny else "inductor")
    check_near(journal, "compiled", take(replace(config, compile=not setting.tiny)), plain)
    run.backbone.train()

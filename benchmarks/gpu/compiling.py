"""What `compile: true` gains in training: steps a second, and what compiling costs."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product

from benchmarks.gpu.correctness import BASE, check_near, make_runner
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.training import add_speed, change, measure_peak, prepare, start_run
from benchmarks.machine import finish
from benchmarks.steps import make_batch
from crosszero.model.compiling import compile_layers
from crosszero.training import loop
from crosszero.training.auto_settings import decide


def measure_compiling(setting: Setting, journal: Journal) -> None:
    """Take the same steps without and with compiled layers, after batches that were made before."""
    run = start_run(setting, level="multi")
    _, peak = measure_peak(setting, run.config.precision)
    small, middle, _ = setting.batches
    take = make_runner(run.backbone, make_batch(setting.read_rows(8), 2))
    config = replace(BASE, precision=run.config.precision, pack="auto")
    config = decide(run.backbone, config, None)
    plain = take(config)
    for number, (name, batch) in enumerate(product(("eager", "compiled"), (middle, small))):
        compiled = name == "compiled"
        if compiled and batch == middle:
            compile_layers(run.backbone, backend="eager" if setting.tiny else "inductor")
            check_near(journal, name, take(replace(config, compile=not setting.tiny)), plain)
        run.backbone.train()
        settings = {"batch_size": batch, "pack": "auto", "compile": compiled and not setting.tiny}
        changed = change(run, replace(run.config, **settings))
        begun = time.perf_counter()
        with prepare(changed) as give:
            loop._take_step(changed, give(0), 0)
            finish(run.backbone.device)
        if compiled:
            seconds = time.perf_counter() - begun
            journal.row("first step", batch=batch, s=seconds)
        add_speed(journal, name, changed, peak, setting.clock.share(4 - number), prepare)

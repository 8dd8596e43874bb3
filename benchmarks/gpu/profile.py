"""Where a training step spends its time: how busy the device is, launches, waits, kernels."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.training import Take, change, prepare, start_run
from benchmarks.machine import finish
from crosszero.training import loop
from crosszero.training.setup import TrainingRun

_STEPS, _ROWS = 3, 40


def profile_steps(setting: Setting, journal: Journal) -> None:
    """Profile some steps of a small and of a large batch; tables of kernels go into files."""
    run = start_run(setting, level="multi", words_per_sentence=2)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if setting.gpu else [])]
    for batch in setting.batches[:2]:
        changed = change(run, replace(run.config, batch_size=batch, pack="auto"))
        with prepare(changed) as give:
            take_steps(changed, give)
            plain = take_steps(changed, give)
            with profile(activities=activities) as trace:
                took = take_steps(changed, give)
        events = trace.key_averages()
        add_profile(journal, batch, events, plain, took)
        write_kernels(setting, batch, events)


def take_steps(run: TrainingRun, give: Take) -> float:
    """Seconds of some steps."""
    finish(run.backbone.device)
    begun = time.perf_counter()
    for step in range(_STEPS):
        loop._take_step(run, give(step), step)
    finish(run.backbone.device)
    return time.perf_counter() - begun


def add_profile(journal: Journal, batch: int, events: Any, plain: float, took: float) -> None:
    """Add what a profile says of a step.

    The profiler slows the host down, not the device: so busy is the device's time over that of
    steps without a profiler.
    """
    kernels = [event for event in events if event.device_type != DeviceType.CPU]
    busy = sum(event.self_device_time_total for event in kernels) / 1e6
    launches = sum(event.count for event in events if "LaunchKernel" in event.key)
    waits = [event for event in events if "Synchronize" in event.key]
    columns: dict[str, float] = {
        "batch": batch,
        "ms": 1e3 * plain / _STEPS,
        "ms when profiled": 1e3 * took / _STEPS,
        "device, ms": 1e3 * busy / _STEPS,
        "device busy, share": busy / plain,
        "launches": launches / _STEPS,
        "waits": sum(event.count for event in waits) / _STEPS,
        "ms of waits": sum(event.self_cpu_time_total for event in waits) / 1e3 / _STEPS,
    }
    journal.row("a training step", **columns)


def write_kernels(setting: Setting, batch: int, events: Any) -> None:
    """Write the kernels and the host's operators that take longest."""
    keys = ("self_device_time_total", "self_cpu_time_total")[0 if setting.gpu else 1 :]
    text = "\n".join(events.table(sort_by=key, row_limit=_ROWS) for key in keys)
    (setting.out / f"profile-{batch}.txt").write_text(text, encoding="utf-8")

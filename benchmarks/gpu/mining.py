"""Exact mining on the device, up to a million rows on either side."""

from __future__ import annotations

from benchmarks.accelerated_search import time_search
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting

_AROUND = 3  # the vectors are made, and some neighbours checked, which takes its time, too
_RESERVED = 50.0  # seconds for what follows
_SLACK = 1.2  # a longer run may take so many times what the shorter one foretells


def measure_mining(setting: Setting, journal: Journal) -> None:
    """Mine random vectors, of the larger sizes those that the time allows."""
    dim = 64 if setting.tiny else 768
    sizes = (300, 700) if setting.tiny else (262_144, 1_000_000)
    foretold = 0.0
    for number, rows in enumerate(sizes):
        if foretold > setting.clock.whole - _RESERVED:
            journal.note(f"{rows:,} rows: left out, {foretold:.0f} s are too many")
            return
        found = time_search(rows, dim, device=setting.device.type)
        name = f"{rows:,} x {rows:,} x {dim}"
        columns = ("seconds", "search_seconds", "tflops", "unproven", "recall", "device_gb")
        labels = ("s", "s of the search", "TFLOP/s", "unproven", "recall", "GB")
        journal.row(name, **{b: found[a] for a, b in zip(columns, labels, strict=True)})
        journal.check(f"{name}: rows of a sample with other neighbours", found["wrong"], 0)
        grown = sizes[min(number + 1, len(sizes) - 1)] / rows
        rest = found["seconds"] - found["search_seconds"]
        foretold = _SLACK * (grown**2 * found["search_seconds"] + _AROUND * grown * rest)

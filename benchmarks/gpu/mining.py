"""Exact mining on the device, up to a million rows on either side.

The vectors are random, and half of the rows have a noisy translation on the other side.
"""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from crosszero.search import accelerated
from crosszero.search.neighbours import unit_rows
from crosszero.search.top_k import Nearest
from crosszero.search.vector_mining import mine_vectors

Vectors = NDArray[np.float32]

_AROUND = 3  # the vectors are made, and some neighbours checked, which takes its time, too
_RESERVED = 50.0  # seconds for what follows
_SAMPLE = 512  # rows that are checked
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


def time_search(rows: int, dim: int, device: str) -> dict[str, float]:
    """Mine `rows` x `rows` random vectors on a device, and check a sample of the neighbours.

    Needs 4 x 4 x `rows` x `dim` bytes of memory (12 GB for a million rows), and takes as long again
    for making the vectors and for the check. A CPU does what a GPU would do, step for step, so that
    a small run tests all of it.

    Returns:
        ``seconds`` of `mine_vectors`, ``search_seconds`` of that on the device with all copies,
        ``tflops`` of the search (two operations for each product of two numbers), ``unproven``
        share of rows that went to the CPU, ``pairs`` found, ``recall`` of the translations,
        ``wrong`` rows of the sample with another cosine than float64 has (0 is right), and
        ``device_gb``, the peak of its memory.
    """
    place = torch.device(device)
    source, target, gold = make_vectors(rows, dim, place)
    found: list[tuple[Nearest, NDArray[np.int64]]] = []
    spent = 0.0
    run = accelerated.search

    def timed(*sides: Vectors, **how: Any) -> list[tuple[Nearest, NDArray[np.int64]]]:
        nonlocal spent
        start = time.perf_counter()
        found[:] = run(*sides, **how)
        spent = time.perf_counter() - start
        return found

    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)
    with (
        mock.patch.object(accelerated, "search", timed),
        mock.patch.object(accelerated, "find_device", return_value=place),
    ):
        start = time.perf_counter()
        pairs = mine_vectors(source, target, k=4, device="cuda")
        seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated(place) / 1e9 if place.type == "cuda" else 0.0
    right = gold[pairs.source] == pairs.target
    unit = unit_rows(source), unit_rows(target)
    wrong = _count_wrong(*unit, found[0][0], _SAMPLE, place)
    wrong += _count_wrong(*unit[::-1], found[1][0], _SAMPLE, place)
    return {
        "rows": rows,
        "dim": dim,
        "seconds": seconds,
        "search_seconds": spent,
        "tflops": 2 * rows * rows * dim / spent / 1e12,
        "unproven": sum(len(open_rows) for _, open_rows in found) / (2 * rows),
        "pairs": len(pairs),
        "recall": float(right.sum() / (gold >= 0).sum()),
        "wrong": wrong,
        "device_gb": peak,
    }


def make_vectors(
    rows: int, dim: int, device: torch.device
) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    """Source and target, and the target row of each source row, -1 for none."""
    draw = torch.Generator(device).manual_seed(1)
    source, target = (
        torch.randn(rows, dim, device=device, generator=draw) for _ in ("source", "target")
    )
    gold = torch.full((rows,), -1, device=device)
    half = rows // 2
    gold[:half] = torch.randperm(rows, device=device, generator=draw)[:half]
    target[gold[:half]] = source[:half] + 0.8 * target[:half]
    return source.cpu().numpy(), target.cpu().numpy(), gold.cpu().numpy()


def _count_wrong(one: Vectors, other: Vectors, near: Nearest, sample: int, device: Any) -> int:
    """How many of some rows have other neighbours than a product in float64 says."""
    rows = np.linspace(0, len(one) - 1, min(sample, len(one))).astype(np.int64)
    wrong = 0
    candidates = torch.from_numpy(other).to(device)
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        asking = torch.from_numpy(one[part]).to(device).double()
        best = torch.full((len(part), near.value.shape[1]), -2.0, device=device).double()
        for block in candidates.split(2**17):
            both = torch.cat([best, asking @ block.double().T], dim=1)
            best = both.topk(best.shape[1], dim=1).values
        apart = np.abs(best.cpu().numpy() - near.value[part]).max(axis=1)
        wrong += int((apart > 2e-7).sum())
    return wrong

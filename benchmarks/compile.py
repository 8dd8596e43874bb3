"""Does ``torch.compile`` help an encoder on this machine? Forward and backward, eager and compiled.

    python -m benchmarks.compile --out compile.json

Slices of a training differ in texts and in length, so the compiled graph has dynamic shapes. What
compiling costs (once in each process that trains) stands beside what a pass gains by it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from crosszero.model.encoder import Encoder

SHAPES = ((128, 32), (100, 40), (60, 64), (200, 20))  # texts, tokens of each


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time both and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile")
    parser.add_argument("--encoder", default="crosszero-mini")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=float, default=1.0, help="share of the slices' texts")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file; without it the screen")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    encoders = {name: Encoder.load(options.encoder).eval() for name in ("eager", "compiled")}
    encoders["compiled"].base.compile(dynamic=True)
    slices = [_make_slice(n, width, options.texts) for n, width in SHAPES]
    first: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for name, encoder in encoders.items():
        first[name] = [_run(encoder, ids, options.precision) for ids in slices]
    for _ in range(options.rounds):
        for ids in slices:
            for name, encoder in encoders.items():
                seconds[name].append(_run(encoder, ids, options.precision))
    with torch.no_grad():
        eager, compiled = (e(slices[0], torch.ones_like(slices[0])) for e in encoders.values())
    ratios = [a / b for a, b in zip(seconds["eager"], seconds["compiled"], strict=True)]
    result = {
        "benchmark": "compile",
        "command": " ".join(["python -m benchmarks.compile", *(arguments or sys.argv[1:])]),
        "commit": _commit(),
        "machine": {"cpu": platform.processor(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "setting": {k: v for k, v in vars(options).items() if k != "out"} | {"slices": SHAPES},
        "seconds_of_all_slices": {n: sum(v) / options.rounds for n, v in seconds.items()},
        "seconds_until_all_shapes_ran": {n: sum(values) for n, values in first.items()},
        "times_as_fast": statistics.median(ratios),
        "lowest_and_highest": [min(ratios), max(ratios)],
        "largest_difference": float((eager.pooled - compiled.pooled).abs().max()),
    }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        sys.stdout.write(text + "\n")
    return result


def _make_slice(texts: int, width: int, share: float) -> torch.Tensor:
    return torch.randint(10, 1000, (max(2, int(texts * share)), width))


def _run(encoder: Encoder, ids: torch.Tensor, precision: str) -> float:
    begun = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        hidden = encoder(ids, torch.ones_like(ids))
    hidden.pooled.float().square().mean().backward()
    seconds = time.perf_counter() - begun
    encoder.zero_grad(set_to_none=True)
    return seconds


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()

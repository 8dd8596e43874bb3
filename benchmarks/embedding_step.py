"""A step of the table of token embeddings: dense AdamW, fused, and over the rows in use.

    python -m benchmarks.embedding_step --out embedding_step.json

A step is what a training pays for its table: look tokens up, back-propagate, clip, AdamW. Tokens
follow Zipf's law, as those of text do. All three sides see the same tokens and the same gradients,
take turns, and must end with the same table. A fourth side is the sparse one late in a training:
its rows were last used up to 1,000 steps ago, so that as much as possible is to be made up.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crosszero.training.optimizer import clip_gradients
from crosszero.training.rows import RowAdamW

SIDES: dict[str, Callable[[nn.Embedding], torch.optim.Optimizer]] = {
    "dense": lambda table: torch.optim.AdamW(_groups(table), lr=1e-5),
    "fused": lambda table: torch.optim.AdamW(_groups(table), lr=1e-5, fused=True),
    "sparse": lambda table: RowAdamW(_groups(table), table, lr=1e-5, fused=True),
    "sparse_late": lambda table: make_late(table, 1000),
}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time the three sides and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding_step")
    parser.add_argument("--rows", type=int, default=119_547, help="of the table (mBERT's)")
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--tokens", type=int, default=4096, help="of a batch")
    parser.add_argument("--steps", type=int, default=12, help="the first two are not counted")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file; without it the screen")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    batches = draw_tokens(options.rows, options.tokens, options.steps, options.seed)
    seconds, tables = run_sides(batches, options.rows, options.width, options.seed)
    counted = {name: values[2:] for name, values in seconds.items()}
    del tables["sparse_late"]  # has a past that the others have not
    apart = {name: float((table - tables["dense"]).abs().max()) for name, table in tables.items()}
    if max(apart.values()) > 1e-6:
        raise AssertionError(f"the tables differ: {apart}")
    result = {
        "benchmark": "embedding_step",
        "command": " ".join(["python -m benchmarks.embedding_step", *(arguments or sys.argv[1:])]),
        "commit": _commit(),
        "machine": {"cpu": platform.processor(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "setting": {k: v for k, v in vars(options).items() if k != "out"}
        | {"rows_in_use": statistics.mean(len(np.unique(b)) for b in batches)},
        "seconds": {name: statistics.median(w for w, _ in v) for name, v in counted.items()},
        "cpu_seconds": {name: statistics.median(c for _, c in v) for name, v in counted.items()},
        "times_as_fast_as_dense": {
            name: statistics.median(
                a / b for (a, _), (b, _) in zip(counted["dense"], v, strict=True)
            )
            for name, v in counted.items()
        },
        "largest_difference_of_the_tables": apart,
    }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        sys.stdout.write(text + "\n")
    return result


def draw_tokens(rows: int, tokens: int, steps: int, seed: int) -> list[Tensor]:
    """Tokens of each step, by Zipf's law with exponent 1."""
    random = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, rows + 1)
    drawn = random.choice(rows, size=(steps, tokens), p=shares / shares.sum())
    return list(torch.from_numpy(drawn))


def run_sides(
    batches: Sequence[Tensor], rows: int, width: int, seed: int
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, Tensor]]:
    """Wall and CPU seconds of each step of each side, and the tables they end with."""
    torch.manual_seed(seed)
    start, goal = torch.randn(rows, width) * 0.02, torch.randn(width)
    tables = {name: nn.Embedding.from_pretrained(start.clone(), freeze=False) for name in SIDES}
    optimizers = {name: make(tables[name]) for name, make in SIDES.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for tokens in batches:
        for name, table in tables.items():
            wall, cpu = time.perf_counter(), time.process_time()
            (table(tokens) @ goal).square().mean().backward()
            clip_gradients(list(table.parameters()), 1.0)
            optimizers[name].step()
            optimizers[name].zero_grad(set_to_none=True)
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    sparse = optimizers["sparse"]
    assert isinstance(sparse, RowAdamW)
    sparse.finish()
    return seconds, {name: table.weight.detach() for name, table in tables.items()}


def make_late(table: nn.Embedding, steps: int) -> RowAdamW:
    """An optimizer of rows after `steps` steps, each row last used at a random one of them."""
    optimizer = RowAdamW(_groups(table), table, lr=1e-5, fused=True)
    shape = table.weight.shape
    optimizer.state[table.weight] = {
        "exp_avg": torch.full(shape, 1e-6),
        "exp_avg_sq": torch.full(shape, 1e-10),
        "last": torch.randint(1, steps, (shape[0],), dtype=torch.int32),
        "rates": torch.full((steps,), 1e-5, dtype=torch.float64),
    }
    return optimizer


def _groups(table: nn.Embedding) -> list[dict[str, Any]]:
    return [{"params": list(table.parameters()), "weight_decay": 0.0}]


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()

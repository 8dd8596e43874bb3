"""A step of the table of token embeddings: dense AdamW, fused, and over the rows in use.

    python -m benchmarks.embedding_step --out runs/bench/embedding_step.json

A step is what a training pays for its table: look tokens up, back-propagate, clip, AdamW. Tokens
follow Zipf's law, as those of text do. All sides see the same tokens and the same gradients and
must end with the same table. One more side is that of the rows late in a training: each was last
used at a random one of 100,000 steps, so that as much as possible is to be made up.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.encoders import MBERT, TINY
from benchmarks.record import Record, make_parser
from benchmarks.timing import compare, take_turns
from crosszero.model.loading import MINI
from crosszero.training.optimizer import clip_gradients
from crosszero.training.rows import RowAdamW

SHAPES = {MBERT: (119_547, 768), MINI: (12_000, 256), TINY: (500, 8)}
DENSE, FUSED, ROWS = "dense AdamW (torch's default)", "fused AdamW", "rows in use"
LATE = "rows in use, late in a training"
_LATE_STEPS = 100_000
_SAME_TABLE = 1e-6  # a step moves a number by 1e-5
Make = Callable[[nn.Embedding], torch.optim.Optimizer]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time all sides for tables of several sizes, check, record."""
    parser = make_parser("embedding_step", __doc__)
    parser.add_argument("--encoders", nargs="+", choices=SHAPES, default=[MBERT, MINI])
    parser.add_argument("--tokens", type=int, default=4096, help="tokens of a step")
    options = parser.parse_args(arguments)
    if options.quick:
        options.encoders, options.tokens, options.rounds = [TINY], 64, 1
    record = Record(options, {"tokens": options.tokens})
    for size in options.encoders:
        measure(record, size, options.tokens, rounds=options.rounds, seed=options.seed)
        gc.collect()
    return record.write(arguments)


def measure(record: Record, size: str, tokens: int, *, rounds: int, seed: int) -> None:
    """Time the sides on a table of one size."""
    rows, width = SHAPES[size]
    batches = draw_tokens(rows, tokens, rounds + 1, seed)
    different = [len(batch.unique()) for batch in batches[1:]]
    record.add_value("different tokens of a step", size, "", sum(different) / rounds)
    torch.manual_seed(seed)
    start, goal = torch.randn(rows, width) * 0.02, torch.randn(width)
    makers: dict[str, Make] = {
        DENSE: lambda table: torch.optim.AdamW(_group(table), lr=1e-5),
        FUSED: lambda table: torch.optim.AdamW(_group(table), lr=1e-5, fused=True),
        ROWS: lambda table: RowAdamW(_group(table), table, lr=1e-5, fused=True),
        LATE: make_late,
    }
    tables = {name: nn.Embedding.from_pretrained(start.clone(), freeze=False) for name in makers}
    optimizers = {name: make(tables[name]) for name, make in makers.items()}

    def turn(name: str, number: int) -> None:
        (tables[name](batches[number + 1]) @ goal).square().mean().backward()
        clip_gradients(list(tables[name].parameters()), 1.0)
        optimizers[name].step()
        optimizers[name].zero_grad(set_to_none=True)

    turns = {name: lambda number, name=name: turn(name, number) for name in makers}
    timings = take_turns(turns, rounds=rounds)
    if isinstance(late := optimizers[ROWS], RowAdamW):
        late.finish()
    for name in (FUSED, ROWS):
        apart = float((tables[name].weight - tables[DENSE].weight).detach().abs().max())
        record.check(f"{size}: table of {name}, against {DENSE}", apart, _SAME_TABLE)
    for name, timing in timings.items():
        record.add_rate(name, size, "steps/s", 1, timing)
    for name, other in ((FUSED, DENSE), (ROWS, FUSED), (LATE, FUSED)):
        ratio = compare(timings[name], timings[other])
        record.add_ratio(f"step of the embeddings: {name}", size, other, ratio)


def draw_tokens(rows: int, tokens: int, steps: int, seed: int) -> list[Tensor]:
    """Tokens of each step, by Zipf's law with exponent 1."""
    random = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, rows + 1)
    drawn = random.choice(rows, size=(steps, tokens), p=shares / shares.sum())
    return list(torch.from_numpy(drawn))


def make_late(table: nn.Embedding) -> RowAdamW:
    """An optimizer of rows, each of which was last used at a random one of many steps."""
    optimizer = RowAdamW(_group(table), table, lr=1e-5, fused=True)
    shape = table.weight.shape
    optimizer.state[table.weight] = {
        "exp_avg": torch.full(shape, 1e-6),
        "exp_avg_sq": torch.full(shape, 1e-10),
        "last": torch.randint(1, _LATE_STEPS, (shape[0],), dtype=torch.int32),
        "rates": torch.full((_LATE_STEPS,), 1e-5, dtype=torch.float64),
    }
    return optimizer


def _group(table: nn.Embedding) -> list[dict[str, Any]]:
    return [{"params": list(table.parameters()), "weight_decay": 0.0}]


if __name__ == "__main__":
    main()

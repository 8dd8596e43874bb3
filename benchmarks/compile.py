"""Does ``torch.compile`` help an encoder on this machine? Forward and backward, eager and compiled.

    python -m benchmarks.compile --out runs/bench/compile.json

Mini-batches of a training differ in texts and in length, so the graph has dynamic shapes. What
compiling costs (once in each process that trains) stands beside what a pass gains by it. Passes are
those of a training, with dropout; hidden states are compared without.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.encoders import SIZES, TINY, load_backbone
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import compare, take_turns
from crosszero.model.backbone import Backbone
from crosszero.model.options import MINI, Precision
from crosszero.model.precision import autocast

SHAPES = ((128, 32), (100, 40), (60, 64), (200, 20))  # texts, tokens of each
EAGER, COMPILED = "eager", "compiled"
_SAME_VECTORS = {"fp32": 5e-3, "bf16": 0.3}  # kernels that are fused round otherwise


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time both, check, record."""
    parser = make_parser("compile", __doc__, rounds=3)
    parser.add_argument("--encoder", choices=SIZES, default=MINI)
    parser.add_argument("--texts", type=float, default=1.0, help="share of the mini-batches' texts")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    options = read_options(parser, arguments, encoder=TINY, texts=0.1, rounds=1)
    backend = "eager" if options.quick else "inductor"  # compiling takes a minute; eager traces
    size, precision = options.encoder, options.precision
    record = Record(options, "encoder", "texts", "precision", **{"mini-batches": SHAPES})
    backbones = {name: load_backbone(size, seed=options.seed) for name in (EAGER, COMPILED)}
    backbones[COMPILED].base.compile(dynamic=True, backend=backend)
    for backbone in backbones.values():
        backbone.train()
    mini_batches = [
        torch.randint(10, 1000, (max(2, int(texts * options.texts)), width))
        for texts, width in SHAPES
    ]
    for name, backbone in backbones.items():
        begun = time.perf_counter()
        run_all(backbone, mini_batches, precision, seed=options.seed)
        seconds = time.perf_counter() - begun
        record.add_value(f"{name}: until all mini-batches ran once", size, "s", seconds)
    turns = {
        name: lambda _, backbone=backbone: run_all(
            backbone, mini_batches, precision, seed=options.seed
        )
        for name, backbone in backbones.items()
    }
    timings = take_turns(turns, rounds=options.rounds, warm_up=0)
    with torch.no_grad(), autocast(precision, torch.device("cpu")):
        eager, compiled = (
            e.eval()(mini_batches[0], torch.ones_like(mini_batches[0])) for e in backbones.values()
        )
    apart = float((eager.read() - compiled.read()).abs().max())
    record.check(f"{size}: hidden states, compiled and eager", apart, _SAME_VECTORS[precision])
    tokens = sum(ids.numel() for ids in mini_batches)
    for name, timing in timings.items():
        record.add_rate(f"{name}, {precision}", size, "tokens/s", tokens, timing)
    ratio = compare(timings[COMPILED], timings[EAGER])
    record.add_ratio(f"torch.compile, {precision}: tokens/s", size, EAGER, ratio)
    return record.write(arguments)


def run_all(
    backbone: Backbone, mini_batches: Sequence[Tensor], precision: Precision, *, seed: int
) -> None:
    """Forward and backward through all mini-batches, with dropout from the same seed each time."""
    torch.manual_seed(seed)
    for ids in mini_batches:
        with autocast(precision, torch.device("cpu")):
            hidden = backbone(ids, torch.ones_like(ids))
        hidden.read().float().square().mean().backward()
        backbone.zero_grad(set_to_none=True)


if __name__ == "__main__":
    main()

"""Where a training step spends its time: torch's profiler, operators by what they are for.

    python -m benchmarks.step_profile --data bible --out runs/bench/step_profile.json

Shares are of the time that operators themselves took (on the thread that calls them, which waits
for the others). Products say how fast they were, beside the peak of a large one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.corpus import load_samples
from benchmarks.encoders import MBERT, SIZES, TINY, load_backbone
from benchmarks.machine import measure_gemm
from benchmarks.record import Record, make_parser, read_options
from benchmarks.steps import OurStep
from crosszero.model.precision import choose_precision

PRODUCTS = "matrix products"
KINDS = {
    PRODUCTS: ("mm", "addmm", "bmm", "baddbmm"),
    "fused attention": (
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention_for_cpu_backward",
    ),
    "dropout": ("bernoulli_", "native_dropout", "native_dropout_backward", "div_", "mul"),
    "activation, norm, softmax": (
        "gelu", "gelu_backward", "native_layer_norm", "native_layer_norm_backward",
        "_softmax", "_softmax_backward_data", "_log_softmax", "_log_softmax_backward_data",
        "_safe_softmax", "tanh", "tanh_backward", "sum",
    ),
    "adding: gradients, residuals, biases": ("add", "add_", "index_add_"),
    "AdamW and the norm of the gradient": ("_fused_adamw_", "linalg_vector_norm", "mul_"),
    "setting and copying memory": (
        "fill_", "copy_", "zero_", "cat", "index", "embedding", "_index_put_impl_",
        "embedding_dense_backward",
    ),
}  # fmt: skip
REST = "all other operators"


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Profile some steps, check the count of operations, record."""
    parser = make_parser("step_profile", __doc__, rounds=3)
    parser.add_argument("--encoder", choices=SIZES, default=MBERT)
    parser.add_argument("--batch", type=int, default=16, help="sentence pairs")
    parser.add_argument("--words", type=int, default=8, help="most words of a sentence pair")
    parser.add_argument("--pairs", type=int, default=4_000, help="pairs that words are found in")
    options = read_options(parser, arguments, encoder=TINY, rounds=1, pairs=200, batch=4, words=3)
    size, gemm = options.encoder, 128 if options.quick else 2048
    record = Record(options, "batch", "words", "pairs")
    samples = load_samples(options)
    backbone = load_backbone(size, seed=options.seed).train()
    precision = choose_precision(backbone, "auto")
    step = OurStep(backbone, words=options.words, precision=precision)
    peak = measure_gemm(step.precision, size=gemm)
    step.run(samples[: options.batch])
    with torch.profiler.profile(with_flops=True) as profile:
        for number in range(1, options.rounds + 1):
            step.run(samples[number * options.batch : (number + 1) * options.batch])
    seconds, counted = sum_kinds(profile.key_averages())
    total = sum(seconds.values())
    needed = sum(step.flops[1:])
    # What is needed rests on the mean number of masked tokens; fused attention is not counted.
    record.check("operations needed, above those that were counted", needed / counted - 1, 0.05)
    record.add_value("operators of a step", size, "s", total / options.rounds)
    for kind in (*KINDS, REST):
        record.add_value(kind, size, "share of the time", seconds[kind] / total)
    record.add_value(PRODUCTS, size, "GFLOP/s", counted / seconds[PRODUCTS] / 1e9)
    record.add_value(f"GEMM peak, {step.precision}", "", "GFLOP/s", peak)
    record.add_value("operations needed, of those done", size, "share", needed / counted)
    return record.write(arguments)


def sum_kinds(averages: Any) -> tuple[dict[str, float], float]:
    """Seconds of each kind of operator, and the operations of the products.

    Args:
        averages: what ``key_averages()`` of a profile gives.
    """
    kinds = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names}
    seconds: dict[str, float] = defaultdict(float)
    operations = 0.0
    for event in averages:
        kind = kinds.get(event.key, REST)
        seconds[kind] += event.self_cpu_time_total / 1e6
        if kind == PRODUCTS:
            operations += event.flops
    return seconds, operations


if __name__ == "__main__":
    main()

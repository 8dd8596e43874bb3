"""What bf16 costs and gains: scores and speed of an encoder, read in fp32 and in bf16.

    python -m benchmarks.precision --encoder runs/one --xtreme DATA/xtreme --alignment DATA

Both sides encode and align the same texts in turns. With a folder in XTREME's layout both are then
measured on Tatoeba, BUCC and word alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import load_corpus
from benchmarks.encoders import TINY, load_backbone
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import compare, take_turns
from crosszero.experiment.evaluation import evaluate
from crosszero.experiment.scores import Scores
from crosszero.model.encoder import Encoder
from crosszero.model.options import MINI
from crosszero.model.precision import measure_harm
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.score import average

_TASKS = ("word-alignment", "tatoeba", "bucc2018")
_TARGET = 1.7  # times as fast


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time both, measure both, record."""
    parser = make_parser("precision", __doc__)
    parser.add_argument("--encoder", default=MINI)
    parser.add_argument("--size", type=int, default=200, help="sentence pairs that are timed")
    parser.add_argument("--xtreme", type=Path, help="folder in XTREME's layout")
    parser.add_argument("--alignment", type=Path, help="folder that holds word-alignment/")
    options = read_options(parser, arguments, encoder=TINY, size=8, rounds=1)
    name = Path(options.encoder).name
    record = Record(options, pairs=options.size)
    backbone = load_backbone(TINY) if options.quick else None
    fp32, bf16 = (
        Encoder(backbone, precision=precision)
        if backbone
        else Encoder.load(options.encoder, precision=precision)
        for precision in ("fp32", "bf16")
    )
    record.add_value("distance of bf16 from fp32", name, "share", measure_harm(fp32.backbone))
    corpus = load_corpus(options, options.size)
    time_both(record, name, fp32, bf16, [(p.source, p.target) for p in corpus.pairs], options)
    if options.xtreme is not None:
        one, other = (
            evaluate(
                options.encoder, tasks=_TASKS if options.alignment else _TASKS[1:],
                data=options.xtreme, alignment=options.alignment, precision=precision,
            )
            for precision in ("fp32", "bf16")
        )  # fmt: skip
        add_scores(record, name, one, other)
    return record.write(arguments)


def time_both(
    record: Record, name: str, fp32: Encoder, bf16: Encoder, pairs: Any, options: Any
) -> None:
    """Compare the speed of encoding and of aligning."""
    left, right = (list(side) for side in zip(*pairs, strict=True))
    vectors: dict[str, Any] = {}
    encoding = take_turns(
        {
            "fp32": lambda _: vectors.update(fp32=fp32.encode([*left, *right])),
            "bf16": lambda _: vectors.update(bf16=bf16.encode([*left, *right])),
        },
        rounds=options.rounds,
    )
    cosine = np.einsum("nd,nd->n", vectors["fp32"], vectors["bf16"])
    record.check("1 - cosine of a sentence's two vectors, at most", 1 - cosine.min(), 0.01)
    aligning = take_turns(
        {"fp32": lambda _: fp32.align(left, right), "bf16": lambda _: bf16.align(left, right)},
        rounds=options.rounds,
    )
    for what, timings, unit, count in (
        ("encode", encoding, "sentences/s", 2 * len(pairs)),
        ("align", aligning, "pairs/s", len(pairs)),
    ):
        for side, timing in timings.items():
            record.add_rate(f"{what}, {side}", name, unit, count, timing)
        ratio = compare(timings["bf16"], timings["fp32"])
        record.add_ratio(f"{what} in bf16", name, "fp32", ratio, _TARGET)


def add_scores(record: Record, name: str, fp32: Scores, bf16: Scores) -> None:
    """Add the mean of each task's main metric, and the difference in each language."""
    means = average(bf16)
    main = {f"{task.name}/{task.metric}" for task in list_tasks()}
    for metric, mean in average(fp32).items():
        if metric not in main:
            continue
        record.add_value(f"{metric}, mean, fp32", name, "per cent", 100 * mean)
        record.add_value(f"{metric}, mean, bf16", name, "per cent", 100 * means[metric])
        for one, other in zip(fp32, bf16, strict=True):
            if one.name == metric:
                apart = 100 * (other.value - one.value)
                record.add_value(f"{metric}, {one.language}, bf16 - fp32", name, "points", apart)


if __name__ == "__main__":
    main()

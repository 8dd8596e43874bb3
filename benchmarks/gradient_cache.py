"""Peak memory and seconds of whole training steps with the gradient cache, by pairs of a batch.

    python -m benchmarks.gradient_cache --pairs 64 512 4096 --out runs/bench/gradient_cache.json

Every size runs in a process of its own, so that its memory peak is its own: weights, gradients,
both moments of AdamW, one mini-batch, and what the similarities take. The smallest size runs
without the cache, too, and must have the same loss. Texts are made up of random words and as long
as those of a corpus: a mini-batch of long texts takes more memory than one of as many tokens in
short ones, because attention keeps numbers for each pair of tokens. Every sixty-fourth text is of
128 tokens. Mini-batches are half as large as training's default, because the one of the longest
texts decides the peak.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.encoders import MBERT, MINI, SIZES, TINY, load_backbone
from benchmarks.machine import peak_memory, run_apart, set_threads
from benchmarks.record import Record, make_parser, read_options
from crosszero.align.spans import Span, WordPair
from crosszero.samples.sample import Sample

_GOAL = 8.0  # GB for 4,096 pairs on an encoder of mBERT's size
_GOAL_PAIRS = 4_096
_SAME_LOSS = 1e-4  # of losses of 5 to 20
_LENGTH = 128  # tokens of the longest texts
_LONG, _UNEVEN = 64, 0.6  # one text in so many is of that length; spread of the others
_FEW = 8  # pairs of the step before


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Take steps of every size, each in a process of its own, and record."""
    parser = make_parser("gradient_cache", __doc__)
    parser.add_argument("--pairs", type=int, nargs="+", default=[64, 512, _GOAL_PAIRS])
    parser.add_argument("--encoder", choices=SIZES, default=MBERT)
    parser.add_argument("--words", type=int, default=24, help="words of a text, on average")
    parser.add_argument("--mini-batch-num-tokens", type=int, default=2048)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    options = read_options(parser, arguments, pairs=[8], encoder=TINY, mini_batch_num_tokens=64)
    names = ("pairs", "encoder", "words", "mini_batch_num_tokens", "precision")
    record = Record(options, *names)
    first = min(options.pairs)
    plain = run_apart(take_steps, options, first, False, here=options.quick)
    add_rows(record, options, f"{first:,} pairs, without cache", plain)
    for pairs in options.pairs:
        found = run_apart(take_steps, options, pairs, True, here=options.quick)
        add_rows(record, options, f"{pairs:,} pairs", found)
        if pairs == first:
            apart = abs(found["loss"] - plain["loss"])
            record.check("loss with the cache and without", apart, _SAME_LOSS)
        if pairs == max(options.pairs):
            what = f"memory of a step of {pairs:,} pairs"
            record.add_goal(
                what, options.encoder, "absolute", found["peak"], "GB", _GOAL, most=True
            )
    return record.write(arguments)


def add_rows(
    record: Record, options: argparse.Namespace, what: str, found: dict[str, float]
) -> None:
    """Memory and time of one size."""
    record.add_value(f"{what}: at most", options.encoder, "GB", found["peak"])
    record.add_value(f"{what}: last step", options.encoder, "s", found["seconds"])


def take_steps(options: argparse.Namespace, pairs: int, cached: bool) -> dict[str, float]:
    """Take a step with one size of batch: loss, seconds, GB at most.

    A step of a few pairs goes before it, so that AdamW has its moments.
    """
    import numpy as np
    import torch

    from crosszero.model.head import ProjectionHead
    from crosszero.training.batch import build_batch
    from crosszero.training.gradients import compute_gradients
    from crosszero.training.inputs import make_inputs
    from crosszero.training.learner import Learner
    from crosszero.training.optimizer import make_optimizer
    from crosszero.training.train_config import TrainConfig

    set_threads(options.threads)
    torch.manual_seed(options.seed)
    backbone = load_backbone(options.encoder, seed=options.seed).train()
    head = ProjectionHead(backbone.hidden_size, "multi").train()
    config = TrainConfig(
        precision=options.precision,
        mini_batch_num_tokens=options.mini_batch_num_tokens,
        gradient_cache=cached,
    )
    learner = Learner(backbone=backbone, head=head, config=config)
    optimizer = make_optimizer(backbone, head, config)
    samples = make_samples(pairs, options.words, options.seed)
    for number, rows in enumerate((samples[:_FEW], samples)):
        units = [(sample,) for sample in rows]
        batch = build_batch(units, config, np.random.default_rng(options.seed))
        begun = time.perf_counter()
        torch.manual_seed(options.seed + number)
        random = np.random.default_rng(number)
        inputs = make_inputs(backbone, batch, config, random)
        result = compute_gradients(learner, inputs)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - begun
    return {"loss": float(result.loss.detach()), "seconds": seconds, "peak": peak_memory()}


def make_samples(pairs: int, words: int, seed: int) -> list[Sample]:
    """Pairs of texts of random words; the first words of a pair mean the same.

    Args:
        pairs: how many.
        words: of a text, on average; lengths are as uneven as those of a corpus (log-normal).
        seed: the same seed, the same texts.
    """
    import numpy as np

    backbone = load_backbone(MINI)
    pieces = backbone.tokenizer.convert_ids_to_tokens(backbone.ordinary_ids.tolist())
    known = [piece for piece in pieces if piece.isascii() and piece.isalpha()]
    random = np.random.default_rng(seed)
    # a word is one token; two more are special
    drawn = words * random.lognormal(-(_UNEVEN**2) / 2, _UNEVEN, size=2 * pairs)
    lengths = drawn.round().astype(int).clip(2, _LENGTH - 2)
    lengths[::_LONG] = _LENGTH - 2
    samples = []
    for number in range(pairs):
        counts = lengths[2 * number : 2 * number + 2]
        source, target = (random.choice(known, count).tolist() for count in counts)
        spans = Span(0, len(source[0])), Span(0, len(target[0]))
        samples.append(
            Sample(
                source=" ".join(source),
                target=" ".join(target),
                source_language="en",
                target_language="fr",
                origin=f"made:{number + 1}",
                group="",
                words=(WordPair(*spans),),
                finder="made",
            )
        )
    return samples


if __name__ == "__main__":
    main()

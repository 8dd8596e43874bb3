"""What a smaller vocabulary gains: size, start, a training step, and the MLM head.

    python -m benchmarks.trim --encoder e5-small-q4 --text corpus.* --out runs/bench/trim.json

The training step is a contrastive one, without MLM, with embeddings that learn. The MLM head gives
the loss of some tokens and its gradient; an encoder without one gets a random one tied to its
embeddings. Both encoders see the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.corpus import load_corpus, make_samples
from benchmarks.encoders import MBERT, TINY, as_folder, load_backbone
from benchmarks.record import Record, make_parser, read_options
from benchmarks.steps import OurStep
from benchmarks.timing import compare, take_turns
from crosszero.bitext.lines import require_lines
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.trimming import trim_encoder

_MASKED = 128  # tokens that the MLM head scores in a round


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Trim, compare vectors, time, record."""
    parser = make_parser("trim", __doc__)
    parser.add_argument("--encoder", default=MBERT, help="mBERT-size, tiny, or a folder")
    parser.add_argument("--text", nargs="+", help="files; without them the parallel text")
    parser.add_argument("--least", type=int, default=1, help="occurrences of a token to keep")
    parser.add_argument("--batch", type=int, default=16, help="sentence pairs")
    parser.add_argument("--pairs", type=int, default=2_000, help="of parallel text")
    options = read_options(parser, arguments, encoder=TINY, rounds=1, pairs=100, batch=4)
    name = Path(options.encoder).name
    record = Record(options, "batch", "least")
    corpus = load_corpus(options, options.pairs)
    samples = make_samples(corpus.pairs, most=1, seed=options.seed)
    texts = [text for pair in corpus.pairs for text in (pair.source, pair.target)]
    lines = [x for path in options.text or () for x in require_lines(path, empty_lines=True)]
    with TemporaryDirectory(prefix="benchmark.") as folder:
        whole, small = Path(folder) / "whole", Path(folder) / "small"
        if options.encoder in (MBERT, TINY):
            with as_folder(load_backbone(options.encoder, seed=options.seed)) as made:
                made.rename(whole)
                made.mkdir()  # for its owner to remove
        else:
            whole = Path(options.encoder)
        done = trim_encoder(whole, small, texts=[*texts, *lines], least=options.least)
        sides = {"whole": whole, "trimmed": small}
        vectors = [
            Encoder.load(path, precision="fp32").encode(texts[:32]) for path in sides.values()
        ]
        if options.least == 1:
            apart = float(np.abs(vectors[0] - vectors[1]).max())
            record.check("vectors of whole and trimmed, greatest difference", apart, 1e-4)
        for side, count, size in zip(sides, done.tokens, done.size, strict=True):
            record.add_value(f"tokens, {side}", name, "tokens", count)
            record.add_value(f"weights, {side}", name, "MB in fp32", size / 1e6)
        starts = {side: _starter(path) for side, path in sides.items()}
        backbones = {side: Backbone.load(path, mlm=True) for side, path in sides.items()}
        heads = {side: _scorer(backbone) for side, backbone in backbones.items()}
        steps = {
            side: _stepper(Backbone.load(path).train(), samples, options.batch)
            for side, path in sides.items()
        }
        for what, runs in (("start", starts), ("training step", steps), ("MLM head", heads)):
            timings = take_turns(runs, rounds=options.rounds)
            for side, timing in timings.items():
                record.add_value(f"{what}, {side}", name, "s", timing.median)
            least = 1.5 if what == "training step" and not options.quick else None
            ratio = compare(timings["trimmed"], timings["whole"])
            record.add_ratio(what, name, "whole vocabulary", ratio, least)
    return record.write(arguments)


def _starter(folder: Path) -> Callable[[int], object]:
    return lambda _: Encoder.load(folder, precision="fp32").encode(["start"])


def _stepper(backbone: Backbone, samples: Sequence[Any], batch: int) -> Callable[[int], object]:
    step = OurStep(backbone, words=0, precision="fp32")

    def run(number: int) -> None:
        rows = [samples[(max(number, 0) * batch + i) % len(samples)] for i in range(batch)]
        step.run(rows)

    return run


def _scorer(backbone: Backbone) -> Callable[[int], object]:
    random = torch.Generator().manual_seed(1)
    table = backbone.base.get_input_embeddings().weight
    rows = torch.randn(_MASKED, backbone.hidden_size, generator=random)
    labels = torch.randint(len(table), (_MASKED,), generator=random)
    head = backbone.mlm_head or (lambda hidden: hidden @ table.T)

    def run(_: int) -> None:
        cross_entropy(head(rows), labels).backward()
        backbone.zero_grad(set_to_none=True)

    return run


if __name__ == "__main__":
    main()

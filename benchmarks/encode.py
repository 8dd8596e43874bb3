"""Sentences per second of ``Encoder.encode`` and of ``SentenceTransformer.encode``.

The same weights, the same pooling, the same texts in the same order, unsorted and of mixed length,
both libraries with their own settings of batch and order. The vectors must be equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.corpus import load_corpus, mix_lengths
from benchmarks.encoders import MBERT, SIZES, TINY, as_folder, load_backbone
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import compare, take_turns
from crosszero.model.encoder import Encoder
from crosszero.model.options import MINI

_DEFAULT = {MINI: 2_000, MBERT: 200, TINY: 20}  # sentence pairs


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Encode with both, check, record."""
    parser = make_parser("encode", __doc__)
    parser.add_argument("--encoders", nargs="+", choices=SIZES, default=[MINI, MBERT])
    parser.add_argument("--size", type=int, help="sentence pairs; by default by encoder")
    parser.add_argument("--max-length", type=int, default=256)
    options = read_options(parser, arguments, encoders=[TINY], rounds=1)
    record = Record(options, "max_length")
    for size in options.encoders:
        corpus = load_corpus(options, options.size or _DEFAULT[size])
        measure(record, size, mix_lengths(corpus.pairs, seed=options.seed), options)
    return record.write(arguments)


def measure(record: Record, size: str, texts: list[str], options: Any) -> None:
    """Compare the two libraries on one encoder."""
    from sentence_transformers import SentenceTransformer

    backbone = load_backbone(size, seed=options.seed)
    encoder = Encoder(backbone, max_length=options.max_length)
    with as_folder(backbone) as folder:
        other = SentenceTransformer(str(folder), device="cpu")
    other.max_seq_length = options.max_length
    tokens = backbone.tokenize(texts, options.max_length).ids.lengths.tolist()
    theirs = other.tokenizer(texts, truncation=True, max_length=other.max_seq_length).input_ids
    apart = sum(abs(n - len(row)) for n, row in zip(tokens, theirs, strict=True))
    record.check(f"{size}: tokens that only one side saw", apart, 0)
    found: dict[str, np.ndarray] = {}
    sides = {
        "crosszero": lambda _: found.update(ours=encoder.encode(texts)),
        "SentenceTransformer.encode": lambda _: found.update(
            theirs=other.encode(texts, show_progress_bar=False)
        ),
    }
    timings = take_turns(sides, rounds=options.rounds)
    apart = np.abs(found["ours"] - found["theirs"]).max()
    record.check(f"{size}: largest difference of a vector's value", apart, 1e-4)
    record.setting[size] = {"texts": len(texts), "tokens": sum(tokens), "longest": max(tokens)}
    for name, timing in timings.items():
        record.add_rate(name, size, "sentences/s", len(texts), timing)
    ratio = compare(timings["crosszero"], timings["SentenceTransformer.encode"])
    record.add_ratio("encode, mixed lengths", size, "SentenceTransformer.encode", ratio, 1.3)


if __name__ == "__main__":
    main()

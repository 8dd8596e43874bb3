"""Sentence pairs per second whose words are aligned: crosszero, simalign and awesome-align.

One encoder, one layer, the same threads and the same sentences; the others have no 16 bits. Against
simalign's argmax the links are the same by definition (mutual argmax of the cosine of word
vectors), so the alignment error rates must be equal to 0.1, to 0.5 with ``--precision bf16``; of
the others they stand beside. awesome-align is our reading of its extraction
(:mod:`benchmarks.alignment_tools`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks.alignment_tools import Links, make_simalign, run_simalign, run_softmax
from benchmarks.corpus import make_corpus
from benchmarks.encoders import MBERT, SIZES, TINY, as_folder, list_matrices, load_backbone
from benchmarks.machine import measure_gemm
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import Timing, compare, take_turns
from crosszero.align.aer import score_alignment
from crosszero.align.gold import AlignmentSet, read_alignment_set
from crosszero.align.linker import align_words
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import GoldLinks, join_words
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.options import MINI, Precision
from crosszero.model.word_layers import find_alignment_layer

OURS, ARGMAX, ITERMAX, AWESOME = (
    "crosszero", "simalign argmax", "simalign itermax", "awesome-align (our reading)",
)  # fmt: skip
ENCODER = "the encoder of crosszero"
_DEFAULT = {MINI: 1_000, MBERT: 100, TINY: 12}  # sentence pairs
_OTHER = 400  # of another encoder
_LIMITS: dict[Precision, tuple[float, float]] = {"fp32": (0.1, 0.01), "bf16": (0.5, 0.03)}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Align with all, check, record."""
    parser = make_parser("align", __doc__, rounds=3)
    parser.add_argument("--encoders", nargs="+", choices=SIZES, default=[MINI, MBERT])
    parser.add_argument("--encoder", help="folder or hub id of another one, instead of these")
    parser.add_argument("--precision", choices=get_args(Precision), default="fp32")
    parser.add_argument("--size", type=int, help="sentence pairs; by default by encoder")
    parser.add_argument("--gold", help="PATH of PATH.src, .tgt and .gold; else made up")
    options = read_options(parser, arguments, encoders=[TINY], rounds=1)
    record = Record(options, gold=options.gold or "made up")
    if options.encoder:
        name = Path(options.encoder).name
        data = _load(options, options.size or _OTHER)
        measure(record, name, Backbone.load(options.encoder), data, options)
    for size in [] if options.encoder else options.encoders:
        data = _load(options, options.size or _DEFAULT[size])
        measure(record, size, load_backbone(size, seed=options.seed), data, options)
    return record.write(arguments)


def measure(
    record: Record, size: str, backbone: Backbone, data: AlignmentSet, options: Any
) -> None:
    """Compare the aligners on one encoder."""
    layer = find_alignment_layer(backbone)
    encoder = Encoder(backbone, layer=layer, precision=options.precision)
    precision = encoder.precision
    source, target = data.source, data.target
    config = LinkConfig(method="argmax", unit="word", threshold=0.0)  # as simalign
    found: dict[str, Links] = {}
    with as_folder(backbone) as folder:
        argmax, itermax = (make_simalign(folder, layer, method) for method in "ai")
    sides = {
        OURS: lambda: [set(links) for links in align_words(encoder, source, target, config)],
        ARGMAX: lambda: run_simalign(argmax, source, target),
        ITERMAX: lambda: run_simalign(itermax, source, target),
        AWESOME: lambda: run_softmax(backbone, layer, source, target),
    }
    # Default arguments: a lambda looks its names up when it is called.
    turns = {n: lambda _, n=n, run=run: found.update({n: run()}) for n, run in sides.items()}
    joined = [join_words(side) for side in (source, target)]
    peaks: list[float] = []
    square = 128 if options.quick else 2048
    turns |= {
        ENCODER: lambda _: [encoder.encode_words(*side) for side in joined],
        "GEMM": lambda _: peaks.append(measure_gemm(precision, size=square)),
    }
    timings = take_turns(turns, rounds=options.rounds)
    record.setting[size] = {"pairs": len(source), "layer": layer, "precision": precision}
    rates = {}
    for name in sides:
        timing = timings[name]
        record.add_rate(name, size, "sentence pairs/s", len(source), timing)
        rates[name] = 100 * score_alignment(found[name], data.gold).aer
        record.add_value(name, size, "AER", rates[name])
    most, share = _LIMITS[precision]
    record.check(f"{size}: AER against simalign argmax", abs(rates[OURS] - rates[ARGMAX]), most)
    every = sum(map(len, found[ARGMAX]))
    apart = sum(len(a ^ b) for a, b in zip(found[OURS], found[ARGMAX], strict=True))
    record.check(f"{size}: share of links that only one side has", apart / max(1, every), share)
    for other, least in ((ARGMAX, 10.0), (ITERMAX, None), (AWESOME, None)):
        record.add_ratio("align", size, other, compare(timings[OURS], timings[other]), least)
    texts = [text for side, _ in joined for text in side]
    tokens = backbone.tokenize(texts, encoder.max_length).ids.lengths.tolist()
    work = count_forward_flops(backbone, tokens, layer)
    add_profile(record, size, timings, work, peaks[1:], precision)


def add_profile(
    record: Record, size: str, timings: Mapping[str, Timing], work: float, peaks: list[float],
    precision: Precision,
) -> None:  # fmt: skip
    """Where the time of crosszero goes, and the most that any program could reach here.

    The encoder's products alone, at the speed of a large product of the same round, take a `floor`
    of seconds: no program that runs the same layers on the same tokens takes less, and simalign's
    time divided by it is the highest ratio that there can be.
    """
    ours, theirs = timings[OURS].wall, timings[ARGMAX].wall
    floor = [work / peak / 1e9 for peak in peaks]
    for what, unit, above, below in (
        ("crosszero, of it the encoder", "share of time", timings[ENCODER].wall, ours),
        (f"crosszero, share of {precision} GEMM peak", "share", floor, ours),
        ("limit of any program: products alone", "x simalign argmax", theirs, floor),
    ):
        record.add_value(what, size, unit, [a / b for a, b in zip(above, below, strict=True)])


def count_forward_flops(backbone: Backbone, lengths: Sequence[int], layers: int) -> float:
    """Floating point operations of the first layers on texts of these lengths, without padding."""
    share = layers / backbone.layers
    matrices = share * sum(p.numel() for p in list_matrices(backbone))
    attention = 4 * layers * backbone.hidden_size * sum(length**2 for length in lengths)
    return 2.0 * matrices * sum(lengths) + attention


def _load(options: Any, size: int) -> AlignmentSet:
    if options.gold:
        gold = read_alignment_set(options.gold)
        return AlignmentSet(
            source=gold.source[:size], target=gold.target[:size], gold=gold.gold[:size]
        )
    corpus = make_corpus(size, languages=options.languages, seed=options.seed)
    return AlignmentSet(
        source=tuple(tuple(pair.source.split()) for pair in corpus.pairs),
        target=tuple(tuple(pair.target.split()) for pair in corpus.pairs),
        gold=tuple(GoldLinks(sure=links) for links in corpus.links),
    )


if __name__ == "__main__":
    main()

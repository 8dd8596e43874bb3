"""Training steps per second: crosszero, the paper's procedure and sentence-transformers.

First part, all losses, the same batches of sentence pairs: crosszero with several words of each
sentence, crosszero with one, and the paper's procedure (:mod:`benchmarks.paper`), which encodes a
sentence pair again for each word. Second part: sentence vectors only, against the
MultipleNegativesRankingLoss of sentence-transformers. A step is: tokens, masks, losses, gradients,
their norm, the optimizer (AdamW; the paper's procedure has plain Adam). Before anything is timed,
both sides must have the same losses on the same tokens.

crosszero's precision is chosen once for an encoder and serves for its losses, its steps and the
products that they are held against; the paper's procedure is in fp32. In the second part both
libraries are in fp32.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.checks import check_losses, check_vectors
from benchmarks.corpus import load_corpus, make_samples
from benchmarks.encoders import MBERT, SIZES, TINY, load_encoder
from benchmarks.large_input import run_apart
from benchmarks.machine import measure_gemm, peak_memory, release_memory, set_threads
from benchmarks.record import Record, make_parser
from benchmarks.steps import OurStep, PaperStep, RankingStep
from benchmarks.timing import compare, per_second, take_turns
from crosszero.model.loading import MINI
from crosszero.training.config import Precision
from crosszero.training.precision import choose_precision

WORDS, ONE, PAPER = "crosszero, several words", "crosszero, one word", "the paper's procedure"
SENTENCES, RANKING = "crosszero, sentences, no MLM", "sentence-transformers MNRL"


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time all steps, check, record."""
    parser = make_parser("train_step", __doc__)
    parser.add_argument("--encoders", nargs="+", choices=SIZES, default=[MINI, MBERT])
    parser.add_argument("--batch", type=int, default=16, help="sentence pairs of the first part")
    parser.add_argument("--ranking-batch", type=int, default=64, help="those of the second part")
    parser.add_argument("--words", type=int, default=8, help="most words of a sentence pair")
    parser.add_argument("--pairs", type=int, default=4_000, help="pairs that words are found in")
    parser.set_defaults(rounds=3)
    options = parser.parse_args(arguments)
    gemm = 2048
    if options.quick:
        options.encoders, options.rounds, options.pairs, gemm = [TINY], 1, 200, 128
        options.batch, options.ranking_batch, options.words = 4, 6, 3
    record = Record(options, {key: getattr(options, key) for key in ("batch", "words", "pairs")})
    corpus = load_corpus(
        options.data, options.pairs, languages=options.languages, seed=options.seed
    )
    samples = make_samples(corpus.pairs, most=options.words, seed=options.seed)
    samples = [sample for sample in samples if sample.words]
    for size in options.encoders:
        measure_all_losses(record, size, samples, options, gemm=gemm)
        gc.collect()
        measure_sentences(record, size, samples, options)
        gc.collect()
    return record.write(arguments)


def measure_all_losses(
    record: Record, size: str, samples: list[Any], options: Any, *, gemm: int
) -> None:
    """Part one: contrastive loss of words and MLM, against the paper's procedure.

    A round holds a product of matrices, too: the machine may be slower then than a minute before.
    """
    encoder = load_encoder(size, seed=options.seed)
    precision = choose_precision(encoder, "auto")
    batches = [
        samples[n * options.batch : (n + 1) * options.batch] for n in range(options.rounds + 1)
    ]
    kinds: dict[str, Precision] = {WORDS: precision, ONE: precision, PAPER: "fp32"}
    # Before this process holds models of its own: the paper's procedure alone takes 19 GB, and a
    # quick run stays in this process, because starting another takes longer than what it does.
    apart = _call if options.quick else run_apart
    memory = {
        name: apart(measure_peak, name, size, kind, batches, options)
        for name, kind in kinds.items()
    }
    for one in dict.fromkeys(("fp32", precision)):
        check_losses(record, encoder, batches[0], words=options.words, precision=one)
    several = OurStep(encoder.train(), words=options.words, precision=precision)
    steps = {
        WORDS: several,
        ONE: several.with_words(1),
        PAPER: PaperStep(load_encoder(size, seed=options.seed).train()),
    }
    peaks: dict[str, list[float]] = {step.precision: [] for step in steps.values()}
    turns = {
        name: lambda number, step=step: step.run(batches[number + 1])
        for name, step in steps.items()
    }
    # Both models and the paper's procedure fill 24 GB: what the steps before left free is needed.
    turns = {"": lambda _: release_memory(), PAPER: turns.pop(PAPER)} | turns
    turns |= {
        f"GEMM, {kind}": lambda _, kind=kind: peaks[kind].append(measure_gemm(kind, size=gemm))
        for kind in peaks
    }
    timings = take_turns(turns, rounds=options.rounds)
    for kind in peaks:
        del peaks[kind][0]  # of the warm-up
        record.add_value(f"GEMM peak, {kind}", size, "GFLOP/s", peaks[kind])
    tokens = {name: step.tokens[1:] for name, step in steps.items()}
    record.check(
        f"{size}: tokens of the rounds, against the paper's procedure",
        sum(abs(a - b) for a, b in zip(tokens[ONE], tokens[PAPER], strict=True)),
        0,
    )
    note_precision(record, f"{size}, all losses", steps)
    for name, step in steps.items():
        timing, kind = timings[name], kinds[name]
        record.add_rate(name, size, "word samples/s", step.samples[1:], timing)
        record.add_rate(name, size, "sentence pairs/s", options.batch, timing)
        record.add_rate(name, size, "tokens/s", tokens[name], timing)
        record.add_value(name, size, "GB at most", memory[name])
        record.add_value(name, size, "GFLOP of a step", [f / 1e9 for f in step.executed[1:]])
        speeds = per_second(step.flops[1:], timing.wall)
        shares = [one / 1e9 / most for one, most in zip(speeds, peaks[kind], strict=True)]
        record.add_value(name, size, f"share of {kind} GEMM peak", shares)
        if name != PAPER and size == MBERT:
            what = f"{name}: training GEMM efficiency"
            record.add_goal(what, size, f"measured {kind} peak", shares, "share", 0.6)
    spent = sum(steps[PAPER].executed[1:]) / sum(steps[ONE].flops[1:])
    record.add_value(f"operations of {PAPER}, against those of one word", size, "x", spent)
    pairs = zip(steps[WORDS].samples[1:], steps[PAPER].samples[1:], strict=True)
    more: list[float] = [ours / theirs for ours, theirs in pairs]
    for name, unit, work, least in (
        (WORDS, "word samples/s", more, 50.0),
        (ONE, "sentence pairs/s", [1.0] * len(more), 20.0),
    ):
        ratio = compare(timings[name], timings[PAPER], work=work)
        record.add_ratio(f"{name}: {unit}, all losses", size, PAPER, ratio, least)


def measure_peak(
    name: str, size: str, precision: Precision, batches: list[list[Any]], options: Any
) -> float:
    """Most memory of two steps of one side in this process; the second has AdamW's moments."""
    set_threads(options.threads)
    encoder = load_encoder(size, seed=options.seed).train()
    step: OurStep | PaperStep
    if name == PAPER:
        step = PaperStep(encoder)
    else:
        words = options.words if name == WORDS else 1
        step = OurStep(encoder, words=words, precision=precision)
    for batch in batches[:2]:
        step.run(batch)
    return peak_memory()


def note_precision(record: Record, what: str, steps: Mapping[str, Any]) -> None:
    """Put into the setting in which number format each side ran."""
    record.setting[f"{what}, precision"] = {name: step.precision for name, step in steps.items()}


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def measure_sentences(record: Record, size: str, samples: list[Any], options: Any) -> None:
    """Part two: sentence vectors only, against sentence-transformers, and everything on."""
    count = options.ranking_batch
    batches = [samples[n * count : (n + 1) * count] for n in range(options.rounds + 1)]
    # Sentences alone step only the rows of embeddings in use: nothing else may train their encoder.
    own, encoder = (load_encoder(size, seed=options.seed) for _ in range(2))
    ranking = RankingStep(encoder)
    precision = ranking.precision
    steps = {
        SENTENCES: OurStep(own, words=0, precision=precision),
        WORDS: OurStep(encoder, words=options.words, precision=precision),
        RANKING: ranking,
    }
    ranking.model.eval()
    check_vectors(record, size, steps[SENTENCES], ranking, batches[0])
    for model in (encoder, own, ranking.model):
        model.train()
    note_precision(record, f"{size}, sentences", steps)
    turns = {
        name: lambda number, step=step: step.run(batches[number + 1])
        for name, step in steps.items()
    }
    timings = take_turns(turns, rounds=options.rounds)
    tokens = zip(steps[SENTENCES].tokens, steps[RANKING].tokens, strict=True)
    record.check(
        f"{size}: tokens of the rounds, against sentence-transformers",
        sum(abs(a - b) for a, b in tokens),
        0,
    )
    for name in steps:
        unit = f"sentence pairs/s, batch {count}"
        record.add_rate(name, size, unit, count, timings[name])
    for name, least in ((SENTENCES, 1.5), (WORDS, None)):
        ratio = compare(timings[name], timings[RANKING])
        record.add_ratio(f"{name}: pairs/s, batch {count}", size, RANKING, ratio, least)


if __name__ == "__main__":
    main()

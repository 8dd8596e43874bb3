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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.checks import check_losses, check_vectors
from benchmarks.corpus import load_samples
from benchmarks.encoders import MBERT, SIZES, TINY, as_folder, load_backbone
from benchmarks.machine import measure_gemm, peak_memory, run_apart, set_threads
from benchmarks.record import Record, make_parser, read_options
from benchmarks.steps import OurStep, PaperStep, RankingStep
from benchmarks.timing import Timing, compare, take_turns
from crosszero.memory import release_memory
from crosszero.model.options import MINI, Precision
from crosszero.model.precision import choose_precision

WORDS, ONE, PAPER = "crosszero, several words", "crosszero, one word", "the paper's procedure"
SENTENCES, RANKING = "crosszero, sentences, no MLM", "sentence-transformers MNRL"


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time all steps, check, record."""
    parser = make_parser("train_step", __doc__, rounds=3)
    parser.add_argument("--encoders", nargs="+", choices=SIZES, default=[MINI, MBERT])
    parser.add_argument("--batch", type=int, default=16, help="sentence pairs of the first part")
    parser.add_argument("--ranking-batch", type=int, default=64, help="those of the second part")
    parser.add_argument("--words", type=int, default=8, help="most words of a sentence pair")
    parser.add_argument("--pairs", type=int, default=4_000, help="pairs that words are found in")
    options = read_options(
        parser, arguments, encoders=[TINY], rounds=1, pairs=200, batch=4, ranking_batch=6, words=3
    )
    record = Record(options, "batch", "words", "pairs")
    samples = load_samples(options)
    for size in options.encoders:
        measure_all_losses(record, size, samples, options)
        gc.collect()
        measure_sentences(record, size, samples, options)
        gc.collect()
    return record.write(arguments)


def measure_all_losses(record: Record, size: str, samples: list[Any], options: Any) -> None:
    """Part one: contrastive loss of words and MLM, against the paper's procedure.

    A round holds a product of matrices, too: the machine may be slower then than a minute before.
    """
    backbone = load_backbone(size, seed=options.seed)
    precision = choose_precision(backbone, "auto")
    batches = [
        samples[n * options.batch : (n + 1) * options.batch] for n in range(options.rounds + 1)
    ]
    for one in dict.fromkeys(("fp32", precision)):
        check_losses(record, backbone, batches[0], words=options.words, precision=one)
    del backbone
    gc.collect()
    release_memory()
    kinds: dict[str, Precision] = {WORDS: precision, ONE: precision, PAPER: "fp32"}
    rounds = run_rounds(kinds, size, batches, options)
    record.check(
        f"{size}: tokens of the rounds, against the paper's procedure",
        sum(abs(a.tokens - b.tokens) for a, b in zip(rounds[ONE], rounds[PAPER], strict=True)),
        0,
    )
    record.setting[f"{size}, all losses, precision"] = kinds
    for kind in dict.fromkeys(kinds.values()):
        peaks = [one.gemm for name, some in rounds.items() if kinds[name] == kind for one in some]
        record.add_value(f"GEMM peak, {kind}", size, "GFLOP/s", peaks)
    for name, some in rounds.items():
        timing, kind = _time(some), kinds[name]
        record.add_rate(name, size, "word samples/s", [one.samples for one in some], timing)
        record.add_rate(name, size, "sentence pairs/s", options.batch, timing)
        record.add_rate(name, size, "tokens/s", [one.tokens for one in some], timing)
        record.add_value(name, size, "GB at most", max(one.peak for one in some))
        record.add_value(name, size, "GFLOP of a step", [one.executed / 1e9 for one in some])
        shares = [one.flops / one.wall / 1e9 / one.gemm for one in some]
        record.add_value(name, size, f"share of {kind} GEMM peak", shares)
        if name != PAPER and size == MBERT:
            what = f"{name}: training GEMM efficiency"
            record.add_goal(what, size, f"measured {kind} peak", shares, "share", 0.6)
    spent = sum(r.executed for r in rounds[PAPER]) / sum(r.flops for r in rounds[ONE])
    record.add_value(f"operations of {PAPER}, against those of one word", size, "x", spent)
    pairs = zip(rounds[WORDS], rounds[PAPER], strict=True)
    more = [ours.samples / theirs.samples for ours, theirs in pairs]
    for name, unit, work, least in (
        (WORDS, "word samples/s", more, 50.0),
        (ONE, "sentence pairs/s", [1.0] * len(more), 20.0),
    ):
        ratio = compare(_time(rounds[name]), _time(rounds[PAPER]), work=work)
        record.add_ratio(f"{name}: {unit}, all losses", size, PAPER, ratio, least)


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one side did in a round.

    Attributes:
        wall, cpu: seconds of the step.
        tokens: that it saw.
        gemm: 10^9 operations per second of a large product, right behind the step.
        peak: GB at most of this and of the step before it, with AdamW's moments.
        samples: word positioned samples; 0 for sentences.
        flops, executed: operations that it needed, and that it did without its padding; 0 for
            sentence-transformers.
    """

    wall: float
    cpu: float
    tokens: int
    gemm: float
    peak: float
    samples: int = 0
    flops: float = 0.0
    executed: float = 0.0


def run_rounds(
    kinds: Mapping[str, Precision], size: str, batches: list[list[Any]], options: Any
) -> dict[str, list[Round]]:
    """Let the sides take turns, each turn in a process of its own: together they fill 24 GB.

    Args:
        kinds: the sides, and in which precision each of them runs.
        size: of the encoder.
        batches: one that is not counted, and one for each round.
    """
    rounds: dict[str, list[Round]] = {name: [] for name in kinds}
    for batch in batches[1:]:
        for name, kind in kinds.items():
            work = (name, size, kind, [batches[0], batch], options)
            rounds[name].append(run_apart(take_round, *work, here=options.quick))
    return rounds


def take_round(
    name: str,
    size: str,
    precision: Precision,
    batches: list[list[Any]],
    options: Any,
) -> Round:
    """Take a step that is not counted, and one that is."""
    set_threads(options.threads)
    backbone = load_backbone(size, seed=options.seed).train()
    step: OurStep | PaperStep | RankingStep
    if name == PAPER:
        step = PaperStep(backbone)
    elif name == RANKING:
        with as_folder(backbone) as folder:
            step = RankingStep(folder)
        step.model.train()
    else:
        words = {WORDS: options.words, ONE: 1, SENTENCES: 0}[name]
        step = OurStep(backbone, words=words, precision=precision)
    timing = take_turns({"": lambda n: step.run(batches[n + 1])}, rounds=1)[""]
    peak = peak_memory()
    counted = ("samples", "tokens", "flops", "executed")
    return Round(
        wall=timing.wall[0],
        cpu=timing.cpu[0],
        gemm=measure_gemm(precision, size=128 if options.quick else 2048),
        peak=peak,
        **{what: getattr(step, what)[1] for what in counted if hasattr(step, what)},
    )


def _time(rounds: list[Round]) -> Timing:
    return Timing([one.wall for one in rounds], [one.cpu for one in rounds])


def measure_sentences(record: Record, size: str, samples: list[Any], options: Any) -> None:
    """Part two: sentence vectors only, against sentence-transformers, and everything on."""
    count = options.ranking_batch
    batches = [samples[n * count : (n + 1) * count] for n in range(options.rounds + 1)]
    # Sentences alone step only the rows of embeddings in use: nothing else may train their encoder.
    own, backbone = (load_backbone(size, seed=options.seed) for _ in range(2))
    with as_folder(backbone) as folder:
        ranking = RankingStep(folder)
    precision = ranking.precision
    ranking.model.eval()
    ours = OurStep(own.eval(), words=0, precision=precision)
    check_vectors(record, size, ours, ranking, batches[0])
    del own, backbone, ranking, ours
    gc.collect()
    release_memory()
    kinds = dict.fromkeys((SENTENCES, WORDS, RANKING), precision)
    record.setting[f"{size}, sentences, precision"] = kinds
    rounds = run_rounds(kinds, size, batches, options)
    record.check(
        f"{size}: tokens of the rounds, against sentence-transformers",
        sum(
            abs(a.tokens - b.tokens)
            for a, b in zip(rounds[SENTENCES], rounds[RANKING], strict=True)
        ),
        0,
    )
    for name, some in rounds.items():
        record.add_rate(name, size, f"sentence pairs/s, batch {count}", count, _time(some))
        record.add_value(name, size, f"GB at most, batch {count}", max(one.peak for one in some))
    for name, least in ((SENTENCES, 1.5), (WORDS, None)):
        ratio = compare(_time(rounds[name]), _time(rounds[RANKING]))
        record.add_ratio(f"{name}: pairs/s, batch {count}", size, RANKING, ratio, least)


if __name__ == "__main__":
    main()

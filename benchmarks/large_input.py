"""Prepare millions of made-up sentence pairs, train on them, and record time and memory of it.

Every stage runs in a process of its own, so that its memory peak is its own. The pairs are made up
while they are read: at no time does anybody hold them all. What training takes above the model is
its peak less the bytes of the weights: gradients, AdamW's moments, a batch's activations, Python
and its libraries are all in it. Training is measured a second time from a store of a few thousand
rows; the difference between the two is what the size of the store costs.

Every process of a training reads all rows. What that takes beside a step is measured, too: *reading
batches* decodes the rows of a window and makes the batches, and no more.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.machine import peak_memory, reset_memory, run_apart, set_threads
from benchmarks.record import Record, make_parser, read_options
from crosszero.bitext.pair import SentencePair
from crosszero.samples import FinderConfig, Summary, prepare
from crosszero.samples.store import SampleStore

_GOAL = 1.5  # GB above the model
_SMALL = 3_000  # sentence pairs of the store that training is compared with
_WORDS = 100_000  # of each language; besides, every eighth pair has a name that no other has
_IO = Path("/proc/self/io")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the stages, each in a process of its own, and record."""
    parser = make_parser("large_input", __doc__)
    parser.add_argument("--pairs", type=int, default=2_000_000)
    parser.add_argument("--finder", choices=("aligner", "lexicon", "none"), default="aligner")
    parser.add_argument("--fit-pairs", type=int, default=100_000, help="the aligner learns from")
    parser.add_argument("--encoder", default="crosszero-mini")
    parser.add_argument("--steps", type=int, default=5, help="of training; 0 leaves it out")
    parser.add_argument("--gradient-cache", action="store_true", help="train with it")
    parser.add_argument("--folder", type=Path, help="for the stores; by default a temporary one")
    options = read_options(parser, arguments, pairs=3_000, fit_pairs=300, steps=0)
    record = Record(options, "pairs", "finder", "fit_pairs", "encoder", "steps", "gradient_cache")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        measure(record, Path(name), options)
    return record.write(arguments)


def measure(record: Record, folder: Path, options: Any) -> None:
    """All stages."""
    config: dict[str, Any] = {"kind": options.finder, "fit_pairs": options.fit_pairs}
    config["seed"] = options.seed
    if options.finder == "lexicon":
        config["lexicon"] = (f"en,fr={write_lexicon(folder / 'lexicon.tsv')}",)
    big, small, threads = folder / "big", folder / "small", options.threads
    stages = run_apart(prepare_made_up, big, options.pairs, config, options.seed, threads)
    for stage, (seconds, peak) in stages.items():
        done = min(options.pairs, options.fit_pairs) if stage == "fit" else options.pairs
        record.rows.append(_rate(f"prepare, {stage}", options.finder, done, seconds))
        record.add_value(f"prepare, {stage}, peak", options.finder, "GB", peak)
    most = max(peak for _, peak in stages.values())
    record.add_goal("memory of prepare", options.finder, "absolute", most, "GB", _GOAL, most=True)
    record.setting["store_bytes"] = sum(file.stat().st_size for file in big.iterdir())
    record.setting["words_per_pair"] = run_apart(words_per_pair, big)
    seconds, read, peak = run_apart(start, big)
    record.rows.append(_rate("start of training: open and count", "", options.pairs, seconds))
    record.add_value("start of training, bytes read", "", "bytes", read)
    record.add_value("start of training, peak", "", "GB", peak)
    read_rows, reading = run_apart(read_batches, big, threads)
    record.rows.append(_rate("reading batches", "", read_rows, reading))
    if options.steps:
        run_apart(prepare_made_up, small, _SMALL, {"kind": "none"}, options.seed, threads)
        settings = (options.encoder, options.steps, threads, options.gradient_cache)
        base = run_apart(take_steps, small, folder / "a", *settings)
        found = run_apart(take_steps, big, folder / "b", *settings)
        what = "training, sentence level"
        record.rows.append(_rate(what, options.encoder, found.rows, found.seconds))
        share = 100 * (reading / read_rows) / (found.seconds / found.rows)
        record.add_value("reading batches, beside a step", options.encoder, "%", share)
        record.add_value("training from the store, peak", options.encoder, "GB", found.peak)
        record.add_value("weights of the model", options.encoder, "GB", found.model)
        what = f"training, peak above that from {_SMALL:,} rows"
        record.add_value(what, options.encoder, "GB", found.peak - base.peak)
        cached = ", gradient cache" if options.gradient_cache else ""
        what = f"memory of training above the weights of the model{cached}"
        record.add_goal(
            what, options.encoder, "absolute", found.peak - found.model, "GB", _GOAL, most=True
        )


def prepare_made_up(
    out: Path, pairs: int, config: dict[str, Any], seed: int, threads: int = 1
) -> dict[str, tuple[float, float]]:
    """Prepare made-up pairs; gives seconds and memory peak (GB) of each stage."""
    set_threads(threads)
    found: dict[str, tuple[float, float]] = {}
    begun = time.perf_counter()
    reset_memory()
    # The last word of a stage comes when it ends: the next one has begun.
    last = {"read": pairs, "fit": pairs, "find": pairs}

    def note(stage: str, done: int) -> None:
        nonlocal begun
        if done >= last[stage] and stage not in found:
            found[stage] = (time.perf_counter() - begun, peak_memory())
            begun = time.perf_counter()
            reset_memory()

    prepare(make_pairs(pairs, seed), out=out, words=FinderConfig(**config), progress=note)
    found["write"] = (time.perf_counter() - begun, peak_memory())
    return found


def words_per_pair(store: Path) -> float:
    """Word pairs of a row."""
    summary = Summary.of(SampleStore.open(store))
    return summary.words_per_pair if summary else 0.0


def start(store: Path) -> tuple[float, int, float]:
    """What training does with a store before its first batch: seconds, bytes read, peak (GB)."""
    import pyarrow.parquet  # noqa: F401 - libraries are not what is measured

    from crosszero.training.stream import SampleStream

    read, begun = _bytes_read(), time.perf_counter()
    opened = SampleStore.open(store)
    stream = SampleStream(store=opened, batch_size=64, level="sentence", seed=1)
    stream.count_batches()
    opened.fingerprint, opened.languages, opened.language_pairs  # noqa: B018 - for what they read
    return time.perf_counter() - begun, _bytes_read() - read, peak_memory()


def read_batches(store: Path, threads: int) -> tuple[int, float]:
    """What each process of a training does with the rows of a window: rows, seconds."""
    import numpy as np
    import pyarrow.parquet  # noqa: F401 - libraries are not what is measured

    from crosszero.training.batch import build_batch
    from crosszero.training.stream import Position, SampleStream
    from crosszero.training.train_config import TrainConfig

    set_threads(threads)
    config, random = TrainConfig(level="sentence"), np.random.default_rng(0)
    opened = SampleStore.open(store)
    stream = SampleStream(
        store=opened, batch_size=config.batch_size, level=config.level, seed=config.seed
    )
    rows, seconds, begun = 0, 0.0, time.perf_counter()
    for units, position in stream.batches():
        if position[:2] != Position()[:2]:  # the next window was read before this batch was given
            break
        build_batch(units, config, random)
        rows, seconds = rows + len(units), time.perf_counter() - begun
    return rows, seconds


class Steps(NamedTuple):
    """What a short training took.

    Attributes:
        peak: most memory of the process, GB.
        model: the weights of the model, GB.
        rows, seconds: of all steps but the first, which reads a window; the others' rows lie ready.
    """

    peak: float
    model: float
    rows: int
    seconds: float


def take_steps(
    store: Path, out: Path, encoder: str, steps: int, threads: int, cached: bool
) -> Steps:
    """Train a few steps."""
    from crosszero.model.backbone import Backbone
    from crosszero.training.loop import train
    from crosszero.training.metrics import read_metrics
    from crosszero.training.train_config import TrainConfig

    set_threads(threads)
    config = TrainConfig(
        level="sentence", steps=steps, precision="fp32", log_every=1, gradient_cache=cached
    )
    train(encoder, store, config, out=out, show_progress=False)
    lines = list(read_metrics(out / "metrics.jsonl"))
    lines = lines[1:] or lines
    rows, seconds = (sum(line[name] for line in lines) for name in ("samples", "seconds"))
    peak = peak_memory()
    weights = Backbone.load(encoder, mlm=True).parameters()
    model = sum(one.numel() * one.element_size() for one in weights) / 1e9
    return Steps(peak=peak, model=model, rows=rows, seconds=seconds)


def make_pairs(count: int, seed: int) -> Iterator[SentencePair]:
    """Make up sentence pairs, one after the other: Zipf's law, names that occur once, small turns.

    Args:
        count: how many.
        seed: the same seed, the same pairs.
    """
    draw = Random(seed)
    weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))
    sides = [make_words("bdfgklmnprst"), make_words("cjhqvwxz")]
    numbers = range(_WORDS)
    for number in range(count):
        length = max(3, min(80, round(draw.lognormvariate(3.0, 0.6))))  # 24 words on average
        concepts = draw.choices(numbers, cum_weights=weights, k=length)
        source = [sides[0][concept] for concept in concepts]
        place = draw.randrange(length - 1)
        concepts[place], concepts[place + 1] = concepts[place + 1], concepts[place]
        target = [sides[1][concept] for concept in concepts]
        if number % 8 == 0:
            source.append(f"Nom{number:x}")
            target.append(f"Nam{number:x}")
        yield SentencePair(
            source=" ".join(source),
            target=" ".join(target),
            source_language="en",
            target_language="fr",
            origin=f"made-up:{number + 1}",
        )


def make_words(consonants: str) -> list[str]:
    """All different, the frequent ones short."""
    syllables = [first + vowel for first in consonants for vowel in "aeiou"]
    words: list[str] = []
    for number in range(_WORDS):
        word = ""
        while number >= 0:
            number, last = divmod(number, len(syllables))
            word, number = syllables[last] + word, number - 1
        words.append(word)
    return words


def write_lexicon(path: Path, entries: int = 4_243) -> Path:
    """A word list of the most frequent words; as long as the paper's."""
    rows = list(zip(make_words("bdfgklmnprst"), make_words("cjhqvwxz"), strict=True))[:entries]
    path.write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    return path


def _rate(what: str, encoder: str, count: int, seconds: float) -> dict[str, Any]:
    row = {"what": what, "encoder": encoder, "unit": "sentence pairs/s", "seconds": seconds}
    return row | {"rate": count / seconds}


def _bytes_read() -> int:
    """Bytes that this process has read from files (Linux; elsewhere 0)."""
    try:
        return int(_IO.read_text().split("rchar: ")[1].split()[0])
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()

"""Word alignment by statistics of parallel text alone, as a baseline for encoders.

The model is eflomal (sil-thot), trained on the gold standard's own sentences, without their links,
and on the samples that the encoders are trained on: what one would do with the same text and no
encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from crosszero.align.eflomal import Row, TwoWayModel
from crosszero.align.gold import read_sides, split_base
from crosszero.align.word_boundaries import word_spans
from crosszero.samples.store import SampleStore
from crosszero.tasks.prediction_files import name_file
from crosszero.tasks.word_alignment import WordAlignment, write_links

PAIRS = 50_000  # sentence pairs of the samples, for each pair of languages
_LONGEST = 100  # words of a sentence of the samples; the rest is left out


def predict_links(
    data: str | Path,
    predictions: str | Path,
    samples: str | Path,
    *,
    languages: Sequence[str] | None = None,
    seed: int = 1,
) -> list[Path]:
    """Align gold sets, whose links are not read, and write their prediction files.

    Args:
        data, predictions, languages: as for :meth:`WordAlignment.predict`.
        samples: the store; the first 50,000 pairs of a gold set's two languages are read.
        seed: of the sampling.

    Raises:
        DataError: a file is missing or can't be used.
    """
    task, written = WordAlignment(), []
    pairs = None if languages is None else [split_base(pair)[0] for pair in languages]
    for pair in task.choose_languages(data, pairs):
        source, _, target = pair.partition("-")
        sides = read_sides(Path(data) / task.name / pair)
        gold = [
            ([w.lower() for w in a], [w.lower() for w in b]) for a, b in zip(*sides, strict=True)
        ]
        rows = [*gold, *islice(_read_rows(samples, source, target), PAIRS)]
        model = TwoWayModel(
            rows.copy,
            seeds=(seed, seed),
            schedule="thot",
            symmetrisation="grow-diag-final-and",
        )
        written.append(name_file(predictions, task.name, pair))
        write_links(written[-1], map(sorted, model.align(gold)))
    return written


def _read_rows(samples: str | Path, source: str, target: str) -> Iterator[Row]:
    """Lower-cased words of the samples of two languages, in whichever order they stand."""
    for sample in SampleStore.open(Path(samples)):
        texts = {sample.source_language: sample.source, sample.target_language: sample.target}
        if set(texts) != {source, target}:
            continue
        first, second = (
            [texts[code][a:b].lower() for a, b in word_spans(texts[code], code)][:_LONGEST]
            for code in (source, target)
        )
        if first and second:
            yield first, second

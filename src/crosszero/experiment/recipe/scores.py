"""What a recipe measures, as rows of one plain table: the same before and after training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crosszero.align.aer import score_aligner
from crosszero.align.gold import read_alignment_set, split_base
from crosszero.bitext import BitextConfig
from crosszero.errors import DataError
from crosszero.experiment.recipe.config import EvaluateConfig
from crosszero.model.encoder import Encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.tasks.retrieval import score_aligned
from crosszero.tasks.tatoeba_data import list_languages, read_tatoeba, score_tatoeba
from crosszero.tasks.word_lookup import WordLookup
from crosszero.tasks.word_questions import score_words


class Score(NamedTuple):
    """One number.

    Attributes:
        measure: such as ``sentence retrieval``; says data and unit too.
        source: language that asks.
        target: language that is searched.
        value: share in [0, 1].
        size: queries, or sentence pairs of a gold alignment.
    """

    measure: str
    source: str
    target: str
    value: float
    size: int


HELD_OUT_SENTENCES = "held-out sentence retrieval, accuracy by text"
HELD_OUT_WORDS = "held-out word retrieval, accuracy in context"
TATOEBA = "xtreme/tatoeba/accuracy"
AER = "alignment error rate"


def measure(encoder: Encoder, config: EvaluateConfig, held_out: Path | None) -> list[Score]:
    """Measure everything that the recipe asks for.

    Args:
        encoder: the encoder.
        config: what to measure.
        held_out: store of held-out samples.

    Raises:
        DataError: a file is missing, empty, or can't be used.
    """
    scores: list[Score] = []
    if config.held_out and held_out is not None:
        samples = list(SampleStore.open(held_out))
        scores += measure_sentences(encoder, samples, HELD_OUT_SENTENCES)
        scores += measure_words(encoder, samples)
    if config.tatoeba:
        for language in config.tatoeba_languages or list_languages(config.tatoeba):
            data = read_tatoeba(config.tatoeba, language)
            score = score_tatoeba(encoder, data)
            scores.append(Score(TATOEBA, "en", language, score.accuracy, len(score.hits)))
    for source in config.retrieval:
        samples = [Sample.of(pair) for pair in source.open()]
        if not samples:
            raise DataError(str(source.path), "holds no sentence pairs to measure retrieval on")
        scores += measure_sentences(encoder, samples, name_source(source))
    for stem in config.alignment:
        gold = read_alignment_set(stem)
        score_aer = score_aligner(encoder, gold)
        source_language, _, target_language = Path(split_base(stem)[0]).name.partition("-")
        scores.append(Score(AER, source_language, target_language, score_aer.aer, len(gold.source)))
    return scores


def measure_sentences(encoder: Encoder, samples: Sequence[Sample], name: str) -> Iterator[Score]:
    """Sentence retrieval in both directions of every language pair; a hit is the gold text."""
    pairs: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for sample in samples:
        languages = (sample.source_language, sample.target_language)
        pairs.setdefault(languages, {})[sample.source, sample.target] = None
    texts = list(dict.fromkeys(text for rows in pairs.values() for row in rows for text in row))
    vectors = encoder.encode(texts)
    where = {text: i for i, text in enumerate(texts)}
    for (source, target), rows in sorted(pairs.items()):
        left, right = ([row[side] for row in rows] for side in (0, 1))
        scores = score_aligned(
            vectors[[where[text] for text in left]],
            vectors[[where[text] for text in right]],
            texts=(left, right),
        )
        yield Score(name, source, target, scores.forward.text_accuracy, len(rows))
        yield Score(name, target, source, scores.backward.text_accuracy, len(rows))


def measure_words(encoder: Encoder, samples: Sequence[Sample]) -> Iterator[Score]:
    """Contextual word retrieval in both directions of every language pair."""
    if not any(sample.words for sample in samples):
        return
    for score in score_words(WordLookup(encoder, samples), samples):
        yield Score(
            HELD_OUT_WORDS,
            score.query_language,
            score.candidate_language,
            score.accuracy,
            len(score.hits),
        )


def name_source(source: BitextConfig) -> str:
    """What the score of a source is called: by its file, or by the folder of ``multi.*`` files."""
    path = Path(source.path if isinstance(source.path, str) else source.path[0])
    name = path.parent.name if path.name.startswith("multi") else path.name
    return f"{name} sentence retrieval, accuracy by text"

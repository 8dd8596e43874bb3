"""Contextual word retrieval: a word in its sentence looks for its translation among ALL words.

Sentence vectors can be good while word vectors are not, so words are tested alone. The held-out
samples give the questions (their word pairs) and the right answers; the candidates are all words
of all held-out sentences of the other language, also the same word in other sentences. So the
strict accuracy asks for the right word in the right sentence, and ``type_accuracy`` for the right
word anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError
from crosszero.evaluation.encoder import Encoder, encode_spans
from crosszero.evaluation.vectors import AnyFloats, find_neighbours
from crosszero.samples.sample import Sample, Span
from crosszero.samples.words import normalise, word_spans

Bools = npt.NDArray[np.bool_]
Splitter = Callable[[str, str], list[Span]]
Place = tuple[str, Span]  # a text and a word in it


@dataclass(frozen=True, kw_only=True, eq=False)
class WordScore:
    """Word retrieval in one direction of one language pair.

    Attributes:
        query_language, candidate_language: where a word comes from and where it looks.
        hits: (queries,) whether the nearest word is the gold word in the gold sentence.
        type_hits: (queries,) whether the nearest word is the same word as the gold word (case,
            Unicode form and vowel signs aside), in any sentence.
        candidates: how many words were searched; chance is 1 / candidates.
    """

    query_language: str
    candidate_language: str
    hits: Bools
    type_hits: Bools
    candidates: int

    @property
    def accuracy(self) -> float:
        """Share of queries, 0 to 1, that find the gold word in the gold sentence."""
        return float(self.hits.mean())

    @property
    def type_accuracy(self) -> float:
        """Share of queries, 0 to 1, that find the gold word in whatever sentence."""
        return float(self.type_hits.mean())


def score_words(
    encoder: Encoder, samples: Iterable[Sample], *, split: Splitter = word_spans
) -> list[WordScore]:
    """Score word retrieval over held-out samples, in both directions of each language pair.

    A text, a word and a pair of words that occur several times count once. A word with two
    translations in the same sentence pair asks once, and either answer is right.

    The vectors of all words that one direction asks and searches are held in memory at once.

    Args:
        encoder: gives a vector to each word in its sentence.
        samples: held-out samples; those without word pairs still give candidates.
        split: cuts a text of a language into words. By default one letter is a word in scripts
            without spaces; pass a segmenter for whole words. Where a gold word overlaps words of
            this cut, it takes their place.

    Returns:
        One score per direction, ordered by language codes. Directions without any word pair are
        left out. On a tie the candidate that comes first in the samples is taken.

    Raises:
        CrosszeroError: no sample has a word pair, or a vector is not finite.

    Example:
        >>> [score] = score_words(encoder, held_out)[:1]      # doctest: +SKIP
        >>> score.query_language, score.candidate_language, score.accuracy      # doctest: +SKIP
        ('en', 'fr', 0.412)
    """
    directions: dict[tuple[str, str], _Direction] = {}
    for sample in samples:
        left, right = sample.source_language, sample.target_language
        forward = directions.setdefault((left, right), _Direction())
        backward = directions.setdefault((right, left), _Direction())
        forward.texts.setdefault(sample.target)
        backward.texts.setdefault(sample.source)
        for source, target, _ in sample.words:
            one, other = (sample.source, Span(*source)), (sample.target, Span(*target))
            forward.answers.setdefault(one, set()).add(other)
            backward.answers.setdefault(other, set()).add(one)
    scores = [
        _score(encoder, languages, direction, split)
        for languages, direction in sorted(directions.items())
        if direction.answers
    ]
    if not scores:
        raise CrosszeroError(
            "word retrieval needs held-out samples with word pairs; there are none"
        )
    return scores


class _Direction:
    """Candidate texts in order of appearance (a dict serves as an ordered set), and answers."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self.answers: dict[Place, set[Place]] = {}


def _score(
    encoder: Encoder, languages: tuple[str, str], direction: _Direction, split: Splitter
) -> WordScore:
    gold: dict[str, set[Span]] = {}
    for answers in direction.answers.values():
        for text, span in answers:
            gold.setdefault(text, set()).add(span)
    candidates: dict[str, list[Span]] = {}
    for text in direction.texts:
        candidates[text] = _merge(split(text, languages[1]), gold.get(text, set()))
    asked: dict[str, list[Span]] = {}
    for text, span in direction.answers:
        asked.setdefault(text, []).append(span)
    questions = [(text, span) for text, spans in asked.items() for span in spans]
    places = [(text, span) for text, spans in candidates.items() for span in spans]
    queries = _encode(encoder, asked)
    found = find_neighbours(queries, _encode(encoder, candidates)).index[:, 0]
    seen = np.asarray(queries.any(axis=1))  # a word of which the model saw nothing finds nothing
    hits, type_hits = [], []
    for question, number, visible in zip(questions, found, seen, strict=True):
        right = direction.answers[question] if visible else set()
        hits.append(places[number] in right)
        type_hits.append(_key(places[number]) in {_key(answer) for answer in right})
    return WordScore(
        query_language=languages[0],
        candidate_language=languages[1],
        hits=np.array(hits, dtype=np.bool_),
        type_hits=np.array(type_hits, dtype=np.bool_),
        candidates=len(places),
    )


def _merge(words: list[Span], gold: set[Span]) -> list[Span]:
    kept = [
        word
        for word in words
        if not any(word.start < span.end and span.start < word.end for span in gold)
    ]
    return sorted(kept + list(gold))


def _encode(encoder: Encoder, words: dict[str, list[Span]]) -> AnyFloats:
    filled = {text: spans for text, spans in words.items() if spans}
    return np.concatenate(list(encode_spans(encoder, list(filled), list(filled.values()))))


def _key(place: Place) -> str:
    text, span = place
    return normalise(text[span.start : span.end])

"""Contextual word retrieval: a word in its sentence looks for its translation among ALL words.

Sentence vectors can be good while word vectors are not, so words are tested alone. The held-out
samples give the questions (their word pairs) and the right answers; the candidates are all words
of all held-out sentences of the other language, also the same word in other sentences. So the
strict accuracy asks for the right word in the right sentence, and ``type_accuracy`` for the right
word anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosszero.align.spans import Span
from crosszero.align.word_boundaries import normalise, word_spans
from crosszero.align.word_encoder import WordEncoder, encode_spans
from crosszero.errors import CrosszeroError
from crosszero.samples.sample import Sample
from crosszero.search.neighbours import AnyFloats, find_neighbours

Bools = npt.NDArray[np.bool_]
Splitter = Callable[[str, str], list[Span]]
Place = tuple[str, Span]  # a text and a word in it


@dataclass(frozen=True, kw_only=True, eq=False)
class WordQuestions:
    """What is asked in one direction of one language pair, and what is right.

    Attributes:
        query_language, candidate_language: where a word comes from and where it looks.
        queries: the words that ask, text by text.
        candidates: the words that are searched, text by text.
        answers: for each query the candidates that are right.
    """

    query_language: str
    candidate_language: str
    queries: tuple[Place, ...]
    candidates: tuple[Place, ...]
    answers: Mapping[Place, frozenset[Place]]


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
    encoder: WordEncoder, samples: Iterable[Sample], *, split: Splitter = word_spans
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
    asked = list_questions(samples, split=split)
    return [score_answers(questions, answer(encoder, questions)) for questions in asked]


def list_questions(
    samples: Iterable[Sample], *, split: Splitter = word_spans
) -> list[WordQuestions]:
    """List what word retrieval asks of each direction, in the order in which samples come.

    Args:
        samples, split: see :func:`score_words`.

    Raises:
        CrosszeroError: no sample has a word pair.

    Example:
        >>> [q.query_language for q in list_questions(held_out)]      # doctest: +SKIP
        ['en', 'fr']
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
    listed = [
        _list_places(languages, direction, split)
        for languages, direction in sorted(directions.items())
        if direction.answers
    ]
    if not listed:
        raise CrosszeroError(
            "word retrieval needs held-out samples with word pairs; there are none"
        )
    return listed


def answer(encoder: WordEncoder, questions: WordQuestions) -> list[int]:
    """Find the nearest candidate of every query by cosine.

    Returns:
        For each query the number of its candidate; -1 if the model saw nothing of the query.

    Raises:
        CrosszeroError: a vector is not finite.
    """
    queries = _encode(encoder, questions.queries)
    found = find_neighbours(queries, _encode(encoder, questions.candidates)).index[:, 0]
    seen = np.asarray(queries.any(axis=1))
    return [int(number) for number in np.where(seen, found, -1)]


def score_answers(questions: WordQuestions, found: Sequence[int]) -> WordScore:
    """Compare answers with the gold words.

    Args:
        questions: what was asked.
        found: for each query the number of a candidate, or -1.

    Raises:
        ValueError: not one answer for each query.
    """
    hits, type_hits = [], []
    for query, number in zip(questions.queries, found, strict=True):
        right = questions.answers[query] if number >= 0 else frozenset()
        hits.append(questions.candidates[number] in right)
        type_hits.append(_key(questions.candidates[number]) in {_key(place) for place in right})
    return WordScore(
        query_language=questions.query_language,
        candidate_language=questions.candidate_language,
        hits=np.array(hits, dtype=np.bool_),
        type_hits=np.array(type_hits, dtype=np.bool_),
        candidates=len(questions.candidates),
    )


class _Direction:
    """Candidate texts in order of appearance (a dict serves as an ordered set), and answers."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self.answers: dict[Place, set[Place]] = {}


def _list_places(
    languages: tuple[str, str], direction: _Direction, split: Splitter
) -> WordQuestions:
    gold: dict[str, set[Span]] = {}
    for answers in direction.answers.values():
        for text, span in answers:
            gold.setdefault(text, set()).add(span)
    asked: dict[str, list[Span]] = {}
    for text, span in direction.answers:
        asked.setdefault(text, []).append(span)
    return WordQuestions(
        query_language=languages[0],
        candidate_language=languages[1],
        queries=tuple((text, span) for text, spans in asked.items() for span in spans),
        candidates=tuple(
            (text, span)
            for text in direction.texts
            for span in _merge(split(text, languages[1]), gold.get(text, set()))
        ),
        answers={query: frozenset(right) for query, right in direction.answers.items()},
    )


def _merge(words: list[Span], gold: set[Span]) -> list[Span]:
    kept = [
        word
        for word in words
        if not any(word.start < span.end and span.start < word.end for span in gold)
    ]
    return sorted(kept + list(gold))


def _encode(encoder: WordEncoder, places: Sequence[Place]) -> AnyFloats:
    words: dict[str, list[Span]] = {}
    for text, span in places:  # places of one text follow each other
        words.setdefault(text, []).append(span)
    return np.concatenate(list(encode_spans(encoder, list(words), list(words.values()))))


def _key(place: Place) -> str:
    text, span = place
    return normalise(text[span.start : span.end])

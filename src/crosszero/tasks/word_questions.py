"""What word retrieval asks: a word in its sentence looks for its translation among ALL words.

Sentence vectors can be good while word vectors are not, so words are tested alone. The held-out
samples give the questions (their word pairs) and the right answers; the candidates are all words
of all held-out sentences of the other language, also the same word in other sentences. So the
strict accuracy asks for the right word in the right sentence, and the type accuracy for the right
word anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crosszero.align.spans import Span
from crosszero.align.word_boundaries import normalise, word_spans
from crosszero.align.word_encoder import WordEncoder, encode_spans
from crosszero.errors import CrosszeroError
from crosszero.samples.sample import Sample
from crosszero.search.neighbours import AnyFloats
from crosszero.tasks.retrieval import find_nearest

Splitter = Callable[[str, str], list[Span]]
Place = tuple[str, Span]  # a text and a word in it
_Answers = dict[Place, set[Place]]


@dataclass(frozen=True, kw_only=True, eq=False)
class WordQuestions:
    """What is asked in one direction of one language pair, and what is right.

    Attributes:
        source, target: languages where a word comes from and where it looks.
        queries: the words that ask, text by text.
        candidates: the words that are searched, text by text.
        answers: for each query the candidates that are right.
    """

    source: str
    target: str
    queries: tuple[Place, ...]
    candidates: tuple[Place, ...]
    answers: Mapping[Place, frozenset[Place]]


def list_questions(
    samples: Iterable[Sample], *, split: Splitter = word_spans
) -> dict[str, WordQuestions]:
    """List what word retrieval asks of held-out samples, in both directions of each language pair.

    A text, a word and a pair of words that occur several times count once. A word with two
    translations in the same sentence pair asks once, and either answer is right.

    Args:
        samples: held-out samples; those without word pairs still give candidates.
        split: cuts a text of a language into words. By default one letter is a word in scripts
            without spaces; pass a segmenter for whole words. Where a gold word overlaps words of
            this cut, it takes their place.

    Returns:
        Questions by direction, such as ``en-fr``, sorted by language codes. Directions without any
        word pair are left out.

    Raises:
        CrosszeroError: no sample has a word pair.

    Example:
        >>> list(list_questions(held_out))      # doctest: +SKIP
        ['en-fr', 'fr-en']
    """
    texts: dict[tuple[str, str], dict[str, None]] = {}  # a dict serves as an ordered set
    answers: dict[tuple[str, str], _Answers] = {}
    for sample in samples:
        forward = (sample.source_language, sample.target_language)
        backward = forward[::-1]
        texts.setdefault(forward, {}).setdefault(sample.target)
        texts.setdefault(backward, {}).setdefault(sample.source)
        for source, target, _ in sample.words:
            one, other = (sample.source, Span(*source)), (sample.target, Span(*target))
            answers.setdefault(forward, {}).setdefault(one, set()).add(other)
            answers.setdefault(backward, {}).setdefault(other, set()).add(one)
    listed = {
        "-".join(pair): _list_places(*pair, texts[pair], answers[pair], split)
        for pair in sorted(answers)
    }
    if not listed:
        raise CrosszeroError(
            "word retrieval needs samples with word pairs; there are none"
        )
    return listed


def answer(
    encoder: WordEncoder, asked: Mapping[str, WordQuestions]
) -> Iterator[tuple[str, list[int]]]:
    """Find the nearest candidate of every query by cosine.

    In six-way data a text stands in ten directions, but is encoded once. The vectors of all words
    that are asked and searched are held in memory.

    Yields:
        For each direction the numbers of the candidates, the first of equals; -1 for a query of
        which the model saw nothing.

    Raises:
        CrosszeroError: a vector is not finite.
    """
    words: dict[str, dict[Span, int]] = {}
    for questions in asked.values():
        for text, span in (*questions.queries, *questions.candidates):
            spans = words.setdefault(text, {})
            spans.setdefault(span, len(spans))
    found = encode_spans(encoder, list(words), [list(spans) for spans in words.values()])
    vectors = dict(zip(words, found, strict=True))

    def take(places: Sequence[Place]) -> AnyFloats:
        return np.stack([vectors[text][words[text][span]] for text, span in places])

    for name, questions in asked.items():
        yield name, find_nearest(take(questions.queries), take(questions.candidates))


def compare(questions: WordQuestions, found: Sequence[int]) -> tuple[list[bool], list[bool]]:
    """Tell which queries found the gold word.

    Args:
        questions: what was asked.
        found: for each query the number of a candidate, or -1.

    Returns:
        Whether each query found the gold word in the gold sentence; and whether it found the same
        word (case, Unicode form and vowel signs aside) in any sentence.
    """
    hits, type_hits = [], []
    for query, number in zip(questions.queries, found, strict=True):
        right = questions.answers[query] if number >= 0 else frozenset()
        hits.append(questions.candidates[number] in right)
        type_hits.append(_key(questions.candidates[number]) in {_key(place) for place in right})
    return hits, type_hits


def _list_places(
    source: str, target: str, texts: Iterable[str], answers: _Answers, split: Splitter
) -> WordQuestions:
    gold: dict[str, set[Span]] = {}
    for text, span in {place for right in answers.values() for place in right}:
        gold.setdefault(text, set()).add(span)
    asked: dict[str, list[Place]] = {}
    for place in answers:
        asked.setdefault(place[0], []).append(place)
    return WordQuestions(
        source=source,
        target=target,
        queries=tuple(place for places in asked.values() for place in places),
        candidates=tuple(
            (text, span)
            for text in texts
            for span in _merge(split(text, target), gold.get(text, set()))
        ),
        answers={query: frozenset(right) for query, right in answers.items()},
    )


def _merge(words: list[Span], gold: set[Span]) -> list[Span]:
    def overlaps(word: Span) -> bool:
        return any(word.start < span.end and span.start < word.end for span in gold)

    return sorted([word for word in words if not overlaps(word)] + list(gold))


def _key(place: Place) -> str:
    text, span = place
    return normalise(text[span.start : span.end])

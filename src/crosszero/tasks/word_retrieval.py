"""Word retrieval: find the translation of a word in its sentence among ALL words.

Sentence vectors can be good while word vectors are not, so words are tested alone. The word pairs
of the samples (:mod:`crosszero.tasks.retrieval`; ``<data>/word-retrieval``, or `data` itself) give
the questions and the right answers; the candidates are all words of all sentences of the other
language, also the same word in other sentences. So ``accuracy`` asks for the right word in the
right sentence, and ``type-accuracy`` for the right word anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crosszero.align.spans import Span
from crosszero.align.subtokens import WordEncoder, encode_spans
from crosszero.align.word_boundaries import normalise, word_spans
from crosszero.errors import CrosszeroError, DataError
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.search.neighbours import AnyFloats
from crosszero.tasks.retrieval import RetrievalTask, find_nearest
from crosszero.tasks.task import Folder, Items, Languages, Measures, count_hits

Place = tuple[str, Span]  # a text and a word in it
_Answers = dict[Place, set[Place]]
_AT_ONCE = 20_000  # samples; encoding a text once for all its language pairs takes memory


@dataclass(frozen=True, kw_only=True, eq=False)
class WordQuestions:
    """What is asked in one direction, text by text, and for each query what is right."""

    queries: tuple[Place, ...]
    candidates: tuple[Place, ...]
    answers: Mapping[Place, frozenset[Place]]


class WordRetrieval(RetrievalTask):
    """The task ``word-retrieval``.

    Example:
        >>> task = WordRetrieval()
        >>> encoder = Encoder.load("crosszero-mini")                       # doctest: +SKIP
        >>> task.predict(encoder, "data", "out", ["en-fr"])                 # doctest: +SKIP
        [PosixPath('out/word-retrieval/test-en-fr.tsv')]
        >>> task.score("out", "data", ["en-fr"])[0]                          # doctest: +SKIP
        Score(task='word-retrieval', metric='accuracy', language='en-fr', ...)
    """

    name = "word-retrieval"
    title = "words"
    metric = "accuracy"
    unit = "words"
    needs = "words"
    rank = 80

    def list_languages(self, data: Folder) -> list[str]:
        """List the directions that have word pairs, sorted; DataError if none has."""
        return sorted(self._list_pairs(data))

    def ask(self, data: Folder, languages: Languages) -> Iterator[dict[str, WordQuestions]]:
        """All directions at once, or, of more than 20,000 samples, a language pair at a time."""
        found = self._list_pairs(data)
        pairs = {name: found[name] for name in self.pick_languages(sorted(found), languages)}
        store = SampleStore.open(self.locate(data))
        wanted = list(dict.fromkeys(pairs.values()))
        groups = [wanted] if len(store) <= _AT_ONCE else [[pair] for pair in wanted]
        for group in groups:
            samples = [s for s in store if {s.source_language, s.target_language} in group]
            asked = list_questions(samples)
            yield {name: asked[name] for name, pair in pairs.items() if pair in group}

    def answer(
        self, encoder: WordEncoder, asked: Mapping[str, WordQuestions]
    ) -> Iterator[tuple[str, list[int]]]:
        """Encode each text once for all directions, and hold the vectors of all their words."""
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

    def measure(self, found: Sequence[int], gold: WordQuestions) -> Measures:
        """Give ``accuracy`` and ``type-accuracy``."""
        sides = zip(("accuracy", "type-accuracy"), compare_words(gold, found), strict=True)
        return {name: (sum(hits) / len(hits), len(hits)) for name, hits in sides}

    def count(self, found: Sequence[int], gold: WordQuestions) -> Items:
        """Items are the words that ask."""
        return count_hits(compare_words(gold, found)[0])

    def _list_pairs(self, data: Folder) -> dict[str, frozenset[str]]:
        """Directions that have word pairs, and their two languages."""
        found: dict[str, frozenset[str]] = {}
        for sample in SampleStore.open(self.locate(data)):
            if sample.words:
                one, other = sample.source_language, sample.target_language
                found[f"{one}-{other}"] = found[f"{other}-{one}"] = frozenset((one, other))
        if not found:
            raise DataError(self.locate(data), "has no sample with a word pair")
        return found


def list_questions(samples: Iterable[Sample]) -> dict[str, WordQuestions]:
    """List what is asked of samples, in both directions of each language pair.

    A text, a word and a pair of words that occur several times count once. A word with two
    translations in the same sentence pair asks once, and either answer is right. Samples without
    word pairs still give candidates.

    Returns:
        Questions by direction, such as ``en-fr``, sorted. Directions without any word pair are left
        out; CrosszeroError if all are.
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
    if not answers:
        raise CrosszeroError("word retrieval needs samples with word pairs; there are none")
    return {
        "-".join(pair): _list_places(pair[1], texts[pair], answers[pair])
        for pair in sorted(answers)
    }


def _list_places(language: str, texts: Iterable[str], answers: _Answers) -> WordQuestions:
    gold: dict[str, set[Span]] = {}
    for text, span in {place for right in answers.values() for place in right}:
        gold.setdefault(text, set()).add(span)

    def cut(text: str) -> list[Span]:
        """Cut into words; a gold word takes the place of those that it overlaps."""
        known, words = gold.get(text, set()), word_spans(text, language)
        free = [w for w in words if not any(w.start < g.end and g.start < w.end for g in known)]
        return sorted([*free, *known])

    asked: dict[str, list[Place]] = {}
    for place in answers:
        asked.setdefault(place[0], []).append(place)
    return WordQuestions(
        queries=tuple(place for places in asked.values() for place in places),
        candidates=tuple((text, span) for text in texts for span in cut(text)),
        answers={query: frozenset(right) for query, right in answers.items()},
    )


def compare_words(questions: WordQuestions, found: Sequence[int]) -> tuple[list[bool], list[bool]]:
    """Tell which queries found the gold word, by the candidate that each found, or -1.

    Returns:
        Whether each query found the gold word in the gold sentence; and whether it found the same
        word (case, Unicode form and vowel signs aside) in any sentence.
    """

    def key(place: Place) -> str:
        text, span = place
        return normalise(text[span.start : span.end])

    hits, type_hits = [], []
    for query, number in zip(questions.queries, found, strict=True):
        right = questions.answers[query] if number >= 0 else frozenset()
        hits.append(questions.candidates[number] in right)
        type_hits.append(key(questions.candidates[number]) in set(map(key, right)))
    return hits, type_hits


TASKS = (WordRetrieval(),)

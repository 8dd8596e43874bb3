"""Contextual word retrieval over small held-out sets."""

from typing import NamedTuple

import numpy as np
import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.align.subtokens import WordEncoder
from crosszero.errors import CrosszeroError
from crosszero.samples.sample import Sample
from crosszero.tasks.word_retrieval import WordRetrieval, compare_words, list_questions

MEANING = {"cat": 0, "Katze": 0, "katze": 0, "dog": 1, "Hund": 1, "red": 2, "rot": 2, "猫": 0}


class Table:
    """Vectors by the meaning of a word, plus what marks the sentence if it is asked to."""

    def __init__(self, context: float = 0.0, blind: str = "") -> None:
        self.context, self.blind, self.asked = context, blind, []

    def encode(self, texts):
        raise AssertionError("words only")

    def encode_words(self, texts, spans):
        self.asked += texts
        return [
            np.array([self.vector(text, text[start:end]) for start, end in words])
            for text, words in zip(texts, spans, strict=True)
        ]

    def vector(self, text, word):
        vector = np.zeros(40)
        if word != self.blind:
            vector[MEANING.get(word, 10 + len(word))] = 1.0
            vector[20 + sum(c.isdigit() and int(c) for c in text)] = self.context
        return vector


def sample(source, target, *pairs, languages=("en", "de")):
    words = []
    for one, other in pairs:
        left, right = source.index(one), target.index(other)
        spans = Span(left, left + len(one)), Span(right, right + len(other))
        words.append(WordPair(*spans))
    return Sample(
        source=source, target=target, source_language=languages[0], target_language=languages[1],
        origin="x:1", group="", words=tuple(words), finder="lexicon",
    )  # fmt: skip


SAMPLES = [
    sample("1 cat here", "1 Katze hier", ("cat", "Katze")),
    sample("2 cat there", "2 katze dort", ("cat", "katze")),
    sample("3 dog", "3 Hund", ("dog", "Hund")),
]


class Result(NamedTuple):
    hits: list[bool]
    type_hits: list[bool]
    candidates: int


def score_words(encoder, samples):
    asked = list_questions(samples)
    return {
        name: Result(*compare_words(asked[name], found), len(asked[name].candidates))
        for name, found in WordRetrieval().answer(encoder, asked)
    }


def test_the_table_is_an_encoder():
    assert isinstance(Table(), WordEncoder)
    assert not isinstance(object(), WordEncoder)


def test_context_is_needed_for_the_right_sentence_but_not_for_the_right_word():
    blind, aware = score_words(Table(), SAMPLES), score_words(Table(context=0.5), SAMPLES)
    assert list(blind) == ["de-en", "en-de"]
    for score in blind.values():
        assert score.hits == [True, False, True]
        assert score.type_hits == [True, True, True]
    for score in aware.values():
        assert score.hits == score.type_hits == [True, True, True]


def test_all_words_of_all_held_out_sentences_are_candidates():
    extra = sample("4 red", "4 rot oder Hund")  # no word pair, but its words stand in the way
    english = score_words(Table(), [extra, *SAMPLES])["en-de"]
    assert english.candidates == 3 + 3 + 2 + 4
    assert english.hits == [True, False, False]  # "Hund" of the extra sentence is first
    assert all(english.type_hits)


def test_repeated_samples_count_once():
    encoder = Table()
    once, twice = score_words(encoder, SAMPLES), score_words(Table(), SAMPLES + SAMPLES)
    assert once == twice
    assert len(encoder.asked) == 2 * 3  # each text once for both directions


def test_both_orientations_of_a_language_pair_meet_in_one_direction():
    turned = sample("3 Hund", "3 dog", ("Hund", "dog"), languages=("de", "en"))
    scores = score_words(Table(), [*SAMPLES[:2], turned])
    assert [len(score.hits) for score in scores.values()] == [3, 3]


def test_a_word_with_two_translations_is_right_with_either():
    both = sample("5 cat", "5 katze Katze", ("cat", "Katze"), ("cat", "katze"))
    english = score_words(Table(), [both])["en-de"]
    assert english.hits == [True]


def test_a_gold_word_replaces_the_pieces_of_the_splitter():
    chinese = sample("6 cat", "6 小猫咪好", ("cat", "猫咪"), languages=("en", "zh"))
    english = score_words(Table(), [chinese])["en-zh"]
    assert english.candidates == 4  # 6, 小, 猫咪, 好


def test_a_word_that_the_model_never_saw_finds_nothing():
    english = score_words(Table(blind="cat"), [SAMPLES[0]])["en-de"]
    assert english.hits == english.type_hits == [False]


def test_samples_without_word_pairs_are_refused():
    with pytest.raises(CrosszeroError, match="there are none"):
        score_words(Table(), [sample("4 red", "4 rot")])
    with pytest.raises(CrosszeroError, match="there are none"):
        score_words(Table(), [])


def test_an_encoder_that_returns_the_wrong_number_of_rows_is_refused():
    class Short(Table):
        def encode_words(self, texts, spans):
            return [np.zeros((len(words) + 1, 3)) for words in spans]

    with pytest.raises(ValueError, match="which has 3 words"):
        score_words(Short(), SAMPLES)
    Short.encode_words = lambda self, texts, spans: []
    with pytest.raises(ValueError, match="0 arrays for 6 texts"):
        score_words(Short(), SAMPLES)

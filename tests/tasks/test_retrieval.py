"""Retrieval accuracy, strict and by text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.tasks.retrieval import score_aligned, score_retrieval
from crosszero.tasks.tatoeba_data import TatoebaSet, score_tatoeba


def test_directions_are_not_the_same():
    # every source is nearest to target 0; target 1 is nearest to source 1
    source = np.array([[1.0, 0.0], [1.0, 0.1]])
    target = np.array([[1.0, 0.02], [0.5, 1.0]])
    scores = score_aligned(source, target)
    assert scores.forward.hits.tolist() == [True, False]
    assert scores.backward.hits.tolist() == [True, True]
    assert scores.accuracy == 0.75


def test_a_shuffled_candidate_side_with_gold_gives_the_same_accuracy():
    random = np.random.default_rng(0)
    source = random.normal(size=(60, 8))
    target = source + random.normal(size=(60, 8))
    order = random.permutation(60)
    place = np.argsort(order)
    plain = score_retrieval(source, target, gold=range(60))
    shuffled = score_retrieval(source, target[order], gold=place)
    assert 0 < plain.accuracy < 1
    assert plain.hits.tolist() == shuffled.hits.tolist()


def test_equal_texts_cost_strict_accuracy_only():
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    texts = (["Open", "Open file", "Close"], ["Ouvrir", "Ouvrir", "Fermer"])
    score = score_retrieval(vectors, vectors, gold=range(3), texts=texts)
    assert score.hits.tolist() == [True, False, True]
    assert score.text_hits.tolist() == [True, True, True]
    assert (score.accuracy, score.text_accuracy) == (pytest.approx(2 / 3), 1.0)


def test_a_repeated_query_text_may_find_any_of_its_translations():
    queries = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    candidates = np.array([[1.0, 0.1], [1.0, 0.2], [0.1, 1.0]])
    texts = (["Open", "Open", "Close"], ["Ouvrir", "Ouvert", "Fermer"])
    score = score_retrieval(queries, candidates, gold=range(3), texts=texts)
    assert score.hits.tolist() == [True, False, True]
    assert score.text_hits.tolist() == [True, True, True]


def test_texts_of_both_sides_are_turned_for_the_way_back():
    vectors = np.array([[1.0, 0.0], [1.0, 0.0]])
    scores = score_aligned(vectors, vectors, texts=(["a", "b"], ["x", "x"]))
    assert scores.forward.text_accuracy == 1.0  # finds x for b
    # x may be a or b: the first x finds a, the second x finds a as well, which some x means
    assert scores.backward.text_accuracy == 1.0
    assert scores.text_accuracy == 1.0
    assert scores.accuracy == 0.5


def test_a_wrong_text_stays_wrong():
    score = score_retrieval(np.eye(2), np.eye(2)[::-1], gold=[0, 1], texts=(["a", "b"], ["x", "y"]))
    assert score.accuracy == score.text_accuracy == 0.0


def test_an_encoder_that_gives_nothing_scores_nothing():
    score = score_retrieval(np.zeros((3, 2)), np.eye(3, 2), gold=[0, 0, 0])
    assert score.accuracy == 0.0


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 30), seed=st.integers(0, 1000))
def test_text_accuracy_is_never_below_strict_accuracy(size, seed):
    random = np.random.default_rng(seed)
    source, target = random.normal(size=(size, 3)), random.normal(size=(size, 3))
    texts = ([f"s{i % 5}" for i in range(size)], [f"t{i % 7}" for i in range(size)])
    scores = score_aligned(source, target, texts=texts)
    assert (scores.forward.hits <= scores.forward.text_hits).all()
    distinct = ([f"s{i}" for i in range(size)], [f"t{i}" for i in range(size)])
    assert score_aligned(source, target, texts=distinct).text_accuracy == scores.accuracy


@pytest.mark.parametrize(
    ("gold", "texts", "message"),
    [
        ([0, 1], None, "gold rows"),
        ([0, 1, 3], None, r"0\.\.2"),
        ([0, -1, 2], None, r"0\.\.2"),
        ([0, 1, 2], (["a"], ["x", "y", "z"]), "texts must match"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(gold, texts, message):
    with pytest.raises(ValueError, match=message):
        score_retrieval(np.eye(3), np.eye(3), gold=gold, texts=texts)


def test_text_accuracy_without_texts_says_what_it_needs():
    with pytest.raises(ValueError, match="needs texts"):
        _ = score_aligned(np.eye(2), np.eye(2)).text_accuracy


def test_unequal_sides_and_empty_ones_are_refused():
    with pytest.raises(ValueError, match="not aligned"):
        score_aligned(np.eye(2), np.eye(3))
    with pytest.raises(CrosszeroError, match="there are none"):
        score_aligned(np.empty((0, 2)), np.empty((0, 2)))
    with pytest.raises(CrosszeroError, match="there are none"):
        score_aligned(np.array([]), np.array([]))  # what some encoders give for no text
    with pytest.raises(CrosszeroError, match="there are none"):
        score_retrieval(np.eye(2), np.empty((0, 2)), gold=[0, 0])


def test_an_empty_tatoeba_set_is_refused_before_the_encoder_is_asked():
    with pytest.raises(CrosszeroError, match="there are none"):
        score_tatoeba(None, TatoebaSet(language="fr", english=(), foreign=(), gold=()))

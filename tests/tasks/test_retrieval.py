"""Retrieval by the nearest vector, right by row or by text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.tasks.retrieval import find_nearest
from crosszero.tasks.sentence_retrieval import compare_texts


def hit(queries, candidates, gold):
    return [a == b for a, b in zip(find_nearest(queries, candidates), gold, strict=True)]


def test_directions_are_not_the_same():
    # every source is nearest to target 0; target 1 is nearest to source 1
    source = np.array([[1.0, 0.0], [1.0, 0.1]])
    target = np.array([[1.0, 0.02], [0.5, 1.0]])
    assert find_nearest(source, target) == [0, 0]
    assert find_nearest(target, source) == [0, 1]


def test_a_shuffled_candidate_side_with_gold_gives_the_same_hits():
    random = np.random.default_rng(0)
    source = random.normal(size=(60, 8))
    target = source + random.normal(size=(60, 8))
    order = random.permutation(60)
    plain = hit(source, target, range(60))
    assert 0 < sum(plain) < 60
    assert plain == hit(source, target[order], np.argsort(order))


def test_equal_texts_cost_strict_accuracy_only():
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = find_nearest(vectors, vectors)
    assert found == [0, 0, 2]
    sides = ["Open", "Open file", "Close"], ["Ouvrir", "Ouvrir", "Fermer"]
    assert compare_texts(found, *sides) == [True, True, True]


def test_a_repeated_query_text_may_find_any_of_its_translations():
    queries = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    candidates = np.array([[1.0, 0.1], [1.0, 0.2], [0.1, 1.0]])
    found = find_nearest(queries, candidates)
    assert found == [0, 0, 2]
    sides = ["Open", "Open", "Close"], ["Ouvrir", "Ouvert", "Fermer"]
    assert compare_texts(found, *sides) == [True, True, True]


def test_a_wrong_text_stays_wrong():
    assert compare_texts([1, 0], ["a", "b"], ["x", "y"]) == [False, False]


def test_a_vector_of_zeros_finds_nothing():
    found = find_nearest(np.zeros((3, 2)), np.eye(3, 2))
    assert found == [-1, -1, -1]
    assert compare_texts(found, ["a", "a", "b"], ["x", "y", "y"]) == [False] * 3


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 30), seed=st.integers(0, 1000))
def test_text_hits_hold_the_strict_ones(size, seed):
    random = np.random.default_rng(seed)
    source, target = random.normal(size=(size, 3)), random.normal(size=(size, 3))
    found = find_nearest(source, target)
    strict = np.array([row == place for place, row in enumerate(found)])
    texts = ([f"s{i % 5}" for i in range(size)], [f"t{i % 7}" for i in range(size)])
    assert (strict <= np.array(compare_texts(found, *texts))).all()
    distinct = ([f"s{i}" for i in range(size)], [f"t{i}" for i in range(size)])
    assert compare_texts(found, *distinct) == strict.tolist()


def test_sides_that_do_not_fit_are_refused():
    for texts in ((["a"], ["x", "y"]), (["a"], ["x"])):
        with pytest.raises(ValueError, match="zip"):
            compare_texts([0, 1], *texts)
    for queries, candidates in (
        (np.empty((0, 2)), np.eye(2)),
        (np.array([]), np.array([])),  # what some encoders give for no text
        (np.eye(2), np.empty((0, 2))),
    ):
        with pytest.raises(CrosszeroError, match="there are none"):
            find_nearest(queries, candidates)

"""Cluster measures against scikit-learn and a slow loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.experiment.clusters import measure_clusters


def make(seed, size, width=4):
    random = np.random.default_rng(seed)
    meanings = [i % 3 for i in range(size)]
    languages = [("en", "fr")[i // 3 % 2] for i in range(size)]
    return random.normal(size=(size, width)), meanings, languages


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), size=st.integers(7, 40), k=st.integers(1, 5))
def test_purity_against_a_loop(seed, size, k):
    points, meanings, languages = make(seed, size)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    found = measure_clusters(points, meanings, languages, k=k)

    def purity(labels, allowed):
        shares = []
        for i in range(size):
            others = [j for j in range(size) if j != i and allowed(i, j)]
            near = sorted(others, key=lambda j: -(unit[i] @ unit[j]))[:k]
            shares += [labels[j] == labels[i] for j in near]
        return np.mean(shares)

    assert found.purity_meaning == pytest.approx(purity(meanings, lambda i, j: True))
    assert found.purity_language == pytest.approx(purity(languages, lambda i, j: True))
    across = purity(meanings, lambda i, j: languages[i] != languages[j])
    assert found.purity_across == pytest.approx(across)


def test_silhouette_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    for seed in range(5):
        points, meanings, languages = make(seed, 25)
        meanings[0] = 99  # a class of one point
        found = measure_clusters(points, meanings, languages)
        for value, labels in (
            (found.silhouette_meaning, meanings), (found.silhouette_language, languages)
        ):  # fmt: skip
            expected = metrics.silhouette_score(points, labels, metric="cosine")
            assert value == pytest.approx(expected, abs=1e-5)


def test_points_that_gather_by_meaning_or_by_language():
    random = np.random.default_rng(0)
    _, meanings, languages = make(0, 60)
    noise = random.normal(scale=0.05, size=(60, 5))
    by_meaning = measure_clusters(np.eye(5)[meanings] + noise, meanings, languages)
    assert by_meaning.purity_meaning == by_meaning.purity_across == 1.0
    assert by_meaning.silhouette_meaning > 0.9 > 0.1 > by_meaning.silhouette_language
    codes = [("en", "fr").index(language) for language in languages]
    by_language = measure_clusters(np.eye(5)[codes] + noise, meanings, languages)
    assert by_language.purity_language == 1.0
    assert by_language.purity_across < 0.6


def test_equal_points_take_the_lowest_index():
    points = np.array([[1.0, 0]] * 4 + [[0, 1.0]] * 2 + [[0, 0]])
    meanings, languages = [0, 1, 0, 1, 2, 2, 3], ["a", "b", "b", "a", "a", "b", "b"]
    found = measure_clusters(points, meanings, languages, k=1)
    # nearest: 1, 0, 0, 0, 5, 4, and 0 for the point without a direction
    assert found.purity_meaning == pytest.approx(3 / 7)
    assert found.purity_language == pytest.approx(1 / 7)
    # of other languages: 1, 0, 0, 1, 5, 4, 0
    assert found.purity_across == pytest.approx(4 / 7)
    assert found == measure_clusters(points * 3, meanings, languages, k=1)


def test_more_neighbours_than_points_of_other_languages():
    points = np.random.default_rng(3).normal(size=(6, 3))
    found = measure_clusters(points, [0, 1, 0, 1, 0, 0], ["a", "a", "a", "a", "a", "b"], k=4)
    # five points have one other point (three of its meaning), that point has four of the five
    near = np.argsort(-(points @ points[5]) / np.linalg.norm(points, axis=1))
    near = [i for i in near if i != 5][:4]
    expected = (3 + sum(i in (0, 2, 4) for i in near)) / (5 + 4)
    assert found.purity_across == pytest.approx(expected)


def test_the_matrix_of_all_cosines_is_never_made():
    import tracemalloc

    size = 6000
    points, meanings, languages = make(4, size)
    tracemalloc.start()
    measure_clusters(points, meanings, languages)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6  # the matrix would take 144 MB


@pytest.mark.parametrize(
    ("meanings", "languages"),
    [([0, 0, 0], ["a", "b", "a"]), ([0, 1, 0], ["a", "a", "a"]), ([], [])],
)
def test_too_few_classes_are_the_user_s_to_mend(meanings, languages):
    with pytest.raises(CrosszeroError, match="at least two meanings and two languages"):
        measure_clusters(np.eye(3)[: len(meanings)], meanings, languages, k=1)


@pytest.mark.parametrize(
    ("meanings", "languages", "k"),
    [
        ([0, 1], ["a", "b"], 1), ([0, 1, 0], ["a", "b", "a"], 3), ([0, 1, 0], ["a", "b", "a"], 0),
    ],
)  # fmt: skip
def test_what_can_not_be_measured_is_refused(meanings, languages, k):
    with pytest.raises(ValueError, match=r"must lie|vectors"):
        measure_clusters(np.eye(3), meanings, languages, k=k)

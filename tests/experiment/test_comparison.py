"""The bootstrap of scores that belong to a whole test set, against one that draws sentences."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import DataError
from crosszero.experiment.comparison import (
    adjust_holm,
    compare,
    compare_corpora,
    measure_corpus,
    pair_folders,
)
from tests.experiment.conftest import write


def make_counts(random, sentences, seeds, better=0):
    gold = random.integers(0, 6, (sentences, 1, 1))
    found = random.integers(0, 6, (sentences, seeds, 1))
    hits = np.minimum(
        np.minimum(gold, found), random.integers(0, 4, (sentences, seeds, 1)) + better
    )
    return np.concatenate([2 * hits, gold + found], axis=2)


def score_slowly(counts, rows):
    scores = []
    for seed in range(len(counts[0])):
        over = sum(counts[row][seed][0] for row in rows)
        under = sum(counts[row][seed][1] for row in rows)
        scores.append(over / under if under else 0.0)
    return sum(scores) / len(scores)


def test_equal_to_drawing_sentences_one_by_one():
    random = np.random.default_rng(1)
    first, second = make_counts(random, 80, 2), make_counts(random, 80, 3, better=1)
    found, mean = compare_corpora({"fr": (first, second)}, resamples=4000)
    assert measure_corpus(second) == pytest.approx(score_slowly(second, range(80)), abs=1e-12)
    first, second = first.tolist(), second.tolist()
    everything = range(80)
    difference = score_slowly(second, everything) - score_slowly(first, everything)
    assert found["fr"].difference == pytest.approx(difference, abs=1e-12)
    draws = []
    for _ in range(2000):
        rows = random.integers(0, 80, 80).tolist()
        draws.append(score_slowly(second, rows) - score_slowly(first, rows))
    assert [found["fr"].low, found["fr"].high] == pytest.approx(
        np.quantile(draws, [0.025, 0.975]), abs=0.005
    )
    assert found["fr"].count == 80
    assert mean == found["fr"]  # of a single language
    # a mean of the sentences' own scores would be another number
    ratios = [
        np.mean([score_slowly(side, [row]) for row in everything]) for side in (first, second)
    ]
    assert abs(ratios[1] - ratios[0] - difference) > 0.005


def compare_hits(first, second, **options):
    """Outcomes of items, right or not, of one system each."""
    sides = [np.stack([side, np.ones(len(side))], axis=1)[:, None] for side in (first, second)]
    return compare_corpora({"fr": tuple(side.astype(np.int64) for side in sides)}, **options)[1]


def test_bootstrap_agrees_with_drawing_items():
    random = np.random.default_rng(3)
    before, after = random.random(200) < 0.5, random.random(200) < 0.6
    found = compare_hits(before, after, resamples=20_000)
    differences = after.astype(float) - before
    draws = differences[random.integers(200, size=(20_000, 200))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found.difference == pytest.approx(differences.mean())
    assert (found.low, found.high) == (
        pytest.approx(low, abs=0.006),
        pytest.approx(high, abs=0.006),
    )
    assert found.count == 200


def test_bootstrap_sees_a_difference_and_none():
    hits = np.arange(500) % 2 == 0
    better = hits | (np.arange(500) % 10 == 1)
    sure = compare_hits(hits, better)
    assert sure.low > 0
    assert sure.p_value < 0.001
    assert compare_hits(better, hits).difference == -sure.difference
    same = compare_hits(hits, hits)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=50),
    seed=st.integers(0, 9),
)
def test_bootstrap_repeats_and_keeps_its_bounds(pairs, seed):
    first, second = zip(*pairs, strict=True)
    found = compare_hits(first, second, resamples=300, seed=seed)
    assert found == compare_hits(first, second, resamples=300, seed=seed)
    assert -1 <= found.low <= found.high <= 1
    assert 0 < found.p_value <= 1
    turned = compare_hits(second, first, resamples=300, seed=seed)
    assert turned.difference == pytest.approx(-found.difference)


def test_a_tie_is_no_difference():
    outcome = compare_hits([0] * 20 + [1] * 20 + [1] * 9, [1] * 20 + [0] * 20 + [1] * 9)
    # either side of 0 has more than half of the draws, as those at 0 are on both
    assert (outcome.difference, outcome.p_value) == (0.0, 1.0)


def test_translated_test_sets_are_drawn_together():
    random = np.random.default_rng(3)
    hits = (random.random((400, 1, 1)) < 0.5).astype(np.int64)
    side = np.concatenate([hits, np.ones_like(hits)], axis=2)
    nothing = np.concatenate([np.zeros_like(hits), np.ones_like(hits)], axis=2)
    alone, _ = compare_corpora({"de": (nothing, side)})
    both, mean = compare_corpora({"de": (nothing, side), "fr": (nothing, side)})
    width = alone["de"].high - alone["de"].low
    assert mean.high - mean.low == pytest.approx(width, rel=0.05)  # nothing is gained by a copy
    assert both["de"] == both["fr"]
    other = side[random.permutation(400)][:399]  # another set: independent, so the mean is surer
    _, apart = compare_corpora({"de": (nothing, side), "fr": (nothing[:399], other)})
    assert apart.high - apart.low < 0.8 * width
    assert apart.count == 799


def test_nothing_by_nothing_is_nothing():
    zeros = np.zeros((3, 1, 2), dtype=np.int64)
    found, _ = compare_corpora({"fr": (zeros, zeros)}, resamples=10)
    assert (found["fr"].difference, found["fr"].p_value) == (0.0, 1.0)


@pytest.mark.parametrize("languages", [{}, {"fr": (np.zeros((2, 1, 2)), np.zeros((3, 1, 2)))}])
def test_what_can_not_be_compared_is_refused(languages):
    with pytest.raises(ValueError, match="needed"):
        compare_corpora(languages)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_what_its_definition_rejects(p_values):
    adjusted = adjust_holm(p_values)
    for level in (0.01, 0.05, 0.3, 0.9):
        rejected = set()
        waiting = sorted(range(len(p_values)), key=lambda i: p_values[i])
        while waiting and p_values[waiting[0]] * len(waiting) <= level:
            rejected.add(waiting.pop(0))
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


def test_a_folder_without_predictions_is_told_as_what_it_is(tmp_path: Path) -> None:
    write(tmp_path / "one/predictions/tatoeba/test-fr.tsv", ["0"])
    one, other = tmp_path / "one", tmp_path / "other"
    for sides, message in (
        ((one / "predictions", other), "other: no such folder"),
        ((one, one / "predictions"), "is the folder of an evaluation; for its predictions name"),
    ):
        with pytest.raises(DataError, match=message):
            pair_folders(tmp_path, *sides)


def test_plain_languages_stand_for_their_pairs(tmp_path: Path) -> None:
    """As ``evaluate --languages en fr`` means them, for XNLI mixed."""
    for code, labels in (("en", "neutral entailment"), ("fr", "neutral entailment")):
        write(tmp_path / f"xnli/test-{code}.tsv", ["a\tb"] * 2)
        write(tmp_path / f"labels/xnli/test-{code}.tsv", labels.split())
    for side, right in (("one", "entailment"), ("other", "neutral")):
        for pair in ("en-fr", "fr-en"):
            write(tmp_path / side / f"xnli-mixed/test-{pair}.tsv", [right, "entailment"])
    found = pair_folders(tmp_path, tmp_path / "one", tmp_path / "other")["xnli-mixed"]
    for languages in (None, ["en", "fr"], ["fr-en", "en-fr"]):
        rows = compare(found, languages, resamples=10).rows
        assert [row[:3] for row in rows[:2]] == [("en-fr", 50.0, 100.0), ("fr-en", 50.0, 100.0)]

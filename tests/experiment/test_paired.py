"""The bootstrap of scores that belong to a whole test set, against one that draws sentences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.experiment.intervals import compare_paired
from crosszero.experiment.paired import adjust_holm, compare_corpora, measure_corpus


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


def test_hits_and_misses_are_as_in_the_plain_bootstrap():
    random = np.random.default_rng(2)
    hits = random.random((2, 300)) < [[0.45], [0.6]]
    sides = [np.stack([side, np.ones(300)], axis=1)[:, None].astype(np.int64) for side in hits]
    found = compare_corpora({"fr": (sides[0], sides[1])})[0]["fr"]
    plain = compare_paired(hits[0], hits[1])
    assert found.difference == pytest.approx(plain.difference)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.004)
    assert found.p_value == pytest.approx(plain.p_value, abs=0.01)


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

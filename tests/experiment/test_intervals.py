"""Intervals and the bootstrap against scipy, tables and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.experiment.intervals import compare_paired, find_t, measure_interval


@pytest.mark.parametrize(
    ("freedom", "probability", "expected"),
    [  # from printed tables
        (1, 0.975, 12.7062), (2, 0.975, 4.3027), (3, 0.975, 3.1824), (4, 0.975, 2.7764),
        (9, 0.975, 2.2622), (10, 0.95, 1.8125), (30, 0.995, 2.7500), (120, 0.975, 1.9799),
        (5, 0.5, 0.0),
    ],
)  # fmt: skip
def test_quantiles_of_printed_tables(freedom, probability, expected):
    assert find_t(freedom, probability) == pytest.approx(expected, abs=5e-5)


def test_quantiles_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for freedom in [*range(1, 40), 100, 1001]:
        for probability in (0.6, 0.9, 0.975, 0.995, 0.9999):
            expected = stats.t.ppf(probability, freedom)
            assert find_t(freedom, probability) == pytest.approx(expected, rel=1e-8)


def test_interval_over_three_seeds():
    found = measure_interval([41.0, 43.0, 42.0])
    assert (found.mean, found.deviation, found.count) == (42.0, 1.0, 3)
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert found.high - found.mean == pytest.approx(found.mean - found.low)
    assert measure_interval([41.0, 43.0, 42.0], confidence=0.5).half_width < found.half_width


def test_interval_holds_the_true_mean_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = [
        found.low <= 5 <= found.high
        for found in (measure_interval(random.normal(5, 2, size=3).tolist()) for _ in range(2000))
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_one_value_has_no_spread():
    found = measure_interval([0.5])
    assert found.mean == 0.5
    assert all(map(math.isnan, (found.deviation, found.low, found.high, found.half_width)))


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_values_that_have_no_mean_are_refused(values):
    with pytest.raises(ValueError, match="finite value"):
        measure_interval(values)


@pytest.mark.parametrize(("freedom", "probability"), [(0, 0.9), (3, 0.4), (3, 1.0)])
def test_quantiles_out_of_range_are_refused(freedom, probability):
    with pytest.raises(ValueError, match="no quantile"):
        find_t(freedom, probability)
    with pytest.raises(ValueError, match="confidence"):
        measure_interval([1.0, 2.0], confidence=1.0)


def test_bootstrap_agrees_with_drawing_items():
    random = np.random.default_rng(3)
    before, after = random.random(200) < 0.5, random.random(200) < 0.6
    found = compare_paired(before, after, resamples=20_000)
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
    sure = compare_paired(hits, better)
    assert sure.low > 0
    assert sure.p_value < 0.001
    assert compare_paired(better, hits).difference == -sure.difference
    same = compare_paired(hits, hits)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=50),
    seed=st.integers(0, 9),
)
def test_bootstrap_repeats_and_keeps_its_bounds(pairs, seed):
    first, second = zip(*pairs, strict=True)
    found = compare_paired(first, second, resamples=300, seed=seed)
    assert found == compare_paired(first, second, resamples=300, seed=seed)
    assert -1 <= found.low <= found.high <= 1
    assert 0 < found.p_value <= 1
    turned = compare_paired(second, first, resamples=300, seed=seed)
    assert turned.difference == pytest.approx(-found.difference)


@pytest.mark.parametrize(
    ("first", "second"), [([1], [1, 2]), ([], []), ([[1]], [[1]]), ([math.nan], [1.0])]
)
def test_outcomes_that_are_not_paired_are_refused(first, second):
    with pytest.raises(ValueError, match=r"paired|finite"):
        compare_paired(first, second)


def test_a_tie_is_no_difference():
    outcome = compare_paired([0] * 20 + [1] * 20 + [1] * 9, [1] * 20 + [0] * 20 + [1] * 9)
    # either side of 0 has more than half of the draws, as those at 0 are on both
    assert (outcome.difference, outcome.p_value) == (0.0, 1.0)

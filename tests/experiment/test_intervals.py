"""Intervals over seeds, against printed tables and by drawing."""

import math

import numpy as np
import pytest

from crosszero.experiment.table import measure_interval


@pytest.mark.parametrize(
    ("freedom", "probability", "expected"),
    [  # from printed tables
        (1, 0.975, 12.7062), (2, 0.975, 4.3027), (3, 0.975, 3.1824), (4, 0.975, 2.7764),
        (9, 0.975, 2.2622), (10, 0.95, 1.8125), (30, 0.995, 2.7500), (120, 0.975, 1.9799),
    ],
)  # fmt: skip
def test_quantiles_of_printed_tables(freedom, probability, expected):
    values = [1.0] + [0.0] * freedom
    found = measure_interval(values, confidence=2 * probability - 1)
    quantile = found.half_width * math.sqrt(len(values)) / found.deviation
    assert quantile == pytest.approx(expected, abs=5e-5)


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


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_an_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        measure_interval([1.0, 2.0], confidence=confidence)

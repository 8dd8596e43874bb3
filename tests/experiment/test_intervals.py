"""Intervals over seeds, against printed tables and by drawing."""

import math

import numpy as np
import pytest

from crosszero.experiment.table import measure_interval


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (120, 1.9799)],
)
def test_quantiles_of_printed_tables(freedom, expected):
    values = [1.0] + [0.0] * freedom
    found = measure_interval(values)
    quantile = found.half_width * math.sqrt(len(values)) / found.deviation
    assert quantile == pytest.approx(expected, abs=5e-5)


def test_interval_over_three_seeds():
    found = measure_interval([41.0, 43.0, 42.0])
    assert (found.mean, found.deviation) == (42.0, 1.0)
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert found.high - found.mean == pytest.approx(found.mean - found.low)


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

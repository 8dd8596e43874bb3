"""Margin scores against numbers worked out by hand."""

import numpy as np
import pytest

from crosszero.errors import ConfigError
from crosszero.search.margin import MARGINS, score_margins


def test_three_margins_by_hand():
    cosine, of_source, of_target = np.array([0.5]), np.array([0.75]), np.array([0.25])
    assert score_margins(cosine, of_source, of_target, "ratio").tolist() == [1.0]
    assert score_margins(cosine, of_source, of_target, "distance").tolist() == [0.0]
    assert score_margins(cosine, of_source, of_target, "absolute").tolist() == [0.5]


@pytest.mark.parametrize("margin", MARGINS)
def test_shapes_broadcast_and_nothing_is_changed(margin):
    cosine = np.full((3, 2), 0.5, np.float32)
    before = cosine.copy()
    scores = score_margins(cosine, np.full((3, 1), 0.5), np.full((3, 2), 0.5), margin)
    assert scores.shape == (3, 2)
    assert scores.dtype == np.float64
    scores[:] = 7
    assert (cosine == before).all()


def test_a_neighbourhood_that_is_far_away_keeps_the_order_of_the_cosines():
    cosine = np.array([0.2, 0.1, 0.0, -0.1])
    scores = score_margins(cosine, np.full(4, -0.5), np.full(4, -0.3), "ratio")
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()
    assert (np.sign(scores) == np.sign(cosine)).all()


def test_unknown_margin_is_answered_with_those_that_there_are():
    with pytest.raises(ConfigError, match="margin: 'ration' given; did you mean 'ratio'"):
        score_margins(np.ones(1), np.ones(1), np.ones(1), "ration")

"""The best cut against trying every threshold there is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.search.gold_threshold import score_pairs, tune_threshold


def slow_f1(scored, gold, threshold):
    kept = {(one, other) for one, other, score in scored if score >= threshold}
    right = len([pair for pair in kept if pair in gold])
    if right == 0:
        return 0.0
    precision, recall = right / len(kept), right / len(gold)
    return 2 * precision * recall / (precision + recall)


def slow_threshold(scored, gold):
    """Try the score of every pair; of the best take the highest, and go half way to the next."""
    scores = sorted({score for _, _, score in scored}, reverse=True)
    best, cut = 0.0, None
    for score in scores:
        if slow_f1(scored, gold, score) > best + 1e-12:
            best, cut = slow_f1(scored, gold, score), score
    if cut is None:
        return 0.0
    lower = [score for score in scores if score < cut]
    return (cut + lower[0]) / 2 if lower else cut


eighths = st.integers(1, 24).map(lambda n: n / 8)  # many ties; middles are exact


@given(
    st.lists(st.tuples(eighths, st.booleans()), max_size=25),
    st.integers(0, 5),
)
def test_equal_to_trying_every_threshold(rows, missed):
    scored = [(f"s{i}", f"t{i}", score) for i, (score, _) in enumerate(rows)]
    gold = {(f"s{i}", f"t{i}") for i, (_, right) in enumerate(rows) if right}
    gold |= {(f"m{i}", f"m{i}") for i in range(missed)}
    if not gold:
        return
    threshold = tune_threshold(scored, gold)
    assert threshold == slow_threshold(scored, gold)
    best = max((slow_f1(scored, gold, score) for _, _, score in scored), default=0.0)
    assert slow_f1(scored, gold, threshold) == pytest.approx(best)


def test_by_hand():
    scored = [("a", "x", 1.5), ("b", "y", 1.4), ("c", "z", 1.2), ("d", "w", 1.0)]
    assert tune_threshold(scored, {("a", "x"), ("c", "z")}) == pytest.approx(1.1)
    assert tune_threshold(scored[::-1], {("a", "x"), ("c", "z")}) == pytest.approx(1.1)
    assert tune_threshold(scored, {(one, other) for one, other, _ in scored}) == 1.0


def test_equal_scores_stay_together():
    """The right pair can't be had without the wrong one of the same score."""
    scored = [("a", "x", 2.0), ("b", "y", 2.0), ("c", "z", 1.0)]
    assert tune_threshold(scored, {("a", "x")}) == 1.5


def test_neighbouring_floats_are_still_parted():
    upper = 1.0
    lower = math.nextafter(upper, 0)
    threshold = tune_threshold([("a", "x", upper), ("b", "y", lower)], {("a", "x")})
    assert lower < threshold <= upper


def test_nothing_right_keeps_everything_as_in_xtreme():
    assert tune_threshold([("a", "x", 2.0)], {("b", "y")}) == 0.0
    assert tune_threshold([], {("b", "y")}) == 0.0


def test_what_can_not_be_tuned():
    with pytest.raises(CrosszeroError, match="gold pairs; there are none"):
        tune_threshold([("a", "x", 2.0)], set())
    with pytest.raises(ValueError, match="not a number"):
        tune_threshold([("a", "x", math.nan)], {("a", "x")})


def test_scores_of_pairs():
    score = score_pairs([(1, 1), (2, 2), (2, 2), (3, 4)], {(1, 1), (2, 2), (3, 3), (4, 4)})
    assert (score.predicted, score.gold, score.hits) == (3, 4, 2)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == 0.5
    assert score.f1 == pytest.approx(2 / (1 / score.precision + 1 / score.recall))
    for found, gold in [((), {1}), ((1,), {2}), ((), ())]:
        empty = score_pairs(found, gold)
        assert (empty.precision, empty.recall, empty.f1) == (0.0, 0.0, 0.0)

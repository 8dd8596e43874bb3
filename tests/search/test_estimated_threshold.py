"""A threshold without gold, on made data of which the truth is known."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import ConfigError
from crosszero.search.estimated_threshold import _fit_gumbel, estimate_threshold
from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs, reaches
from crosszero.search.mining import choose_threshold, mine
from crosszero.search.vector_mining import mine_vectors


def make_vectors(
    seed: int, *, rows: int, right: int, noise: float = 0.9
) -> tuple[Any, Any, set[tuple[int, int]]]:
    """Two sides like BUCC's: some rows have a translation, the others are near by chance only."""
    draw = np.random.default_rng(seed)
    topics = draw.normal(size=(40, 48))
    sides = [draw.normal(size=(rows, 48)) + topics[draw.integers(0, 40, rows)] for _ in range(2)]
    where = draw.permutation(rows)[:right]
    sides[1][where] = sides[0][:right] + noise * draw.normal(size=(right, 48))
    return *sides, {(i, int(j)) for i, j in enumerate(where)}


def measure(pairs: MinedPairs, gold: set[Any], threshold: float) -> tuple[float, float]:
    """Precision and F1 of the pairs that reach a threshold."""
    kept = {(p.source, p.target) for p in pairs if p.score >= threshold}
    hits = len(kept & gold)
    return hits / len(kept), 2 * hits / (len(kept) + len(gold))


@pytest.mark.parametrize("margin", ["ratio", "distance"])
@pytest.mark.parametrize(
    ("right", "off", "lost"),
    [(40, 0.25, 0.15), (200, 0.12, 0.03), (600, 0.05, 0.02), (950, 0.02, 0.02)],
)
def test_precision_is_estimated_and_f1_is_near_the_best(
    right: int, off: float, lost: float, margin: Margin
) -> None:
    for seed in range(3):
        *sides, gold = make_vectors(seed, rows=1000, right=right)
        pairs = mine_vectors(*sides, margin=margin)
        assert pairs.rival is not None
        found = estimate_threshold(pairs.score, pairs.rival)
        assert found is not None
        precision, f1 = measure(pairs, gold, found.threshold)
        best = max(measure(pairs, gold, p.score)[1] for p in pairs[::10])
        assert -off < found.precision - precision < 0.05  # few right ones: too low, not too high
        assert f1 > best - lost
        assert found.kept == sum(p.score >= found.threshold for p in pairs)
        assert 0.7 < found.recall <= 1


def test_nothing_is_said_where_nothing_can_be_said() -> None:
    for right, noise in ((0, 1.0), (100, 6.0)):
        *sides, _ = make_vectors(1, rows=600, right=right, noise=noise)
        pairs = mine_vectors(*sides)
        assert estimate_threshold(pairs.score, pairs.rival) is None  # type: ignore[arg-type]
    *sides, _ = make_vectors(1, rows=40, right=30)
    pairs = mine_vectors(*sides)
    assert estimate_threshold(pairs.score, pairs.rival) is None  # type: ignore[arg-type]
    even = np.ones(200)
    assert estimate_threshold(even, even) is None
    assert estimate_threshold(np.arange(200.0), np.full(200, -np.inf)) is None
    assert estimate_threshold(np.array([]), np.array([])) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.5, 1.0, 1.01, 1e-6, 3.0, 1e4]) | st.floats(-1, 2),
            st.sampled_from([-np.inf, 0.0, 1.0, 1e4]) | st.floats(-1, 2),
        ),
        min_size=50,
        max_size=90,
    )
)
def test_no_scores_stop_it(rows: list[tuple[float, float]]) -> None:
    score, rival = np.array(rows).T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate_threshold(score, rival)
    if found is not None:
        assert found.kept == (score >= found.threshold).sum()
        assert 0 < found.precision <= 1
        assert 0 < found.recall <= 1


def test_a_sample_of_many_pairs_gives_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    *sides, _ = make_vectors(2, rows=2000, right=700)
    pairs = mine_vectors(*sides)
    whole = estimate_threshold(pairs.score, pairs.rival)  # type: ignore[arg-type]
    monkeypatch.setattr("crosszero.search.estimated_threshold._MOST", 500)
    some = estimate_threshold(pairs.score, pairs.rival)  # type: ignore[arg-type]
    assert whole is not None
    assert some is not None
    assert some.threshold == pytest.approx(whole.threshold, abs=0.02)
    assert some.precision == pytest.approx(whole.precision, abs=0.02)
    order = np.random.default_rng(0).permutation(len(pairs))
    assert estimate_threshold(pairs.score[order], pairs.rival[order]) == some  # type: ignore[index]


def slow_rival(sides: Any, i: int, j: int, k: int) -> float:
    """The best ratio that row i or j has with another one of its k neighbours, from all cosines."""
    unit = [side / np.linalg.norm(side, axis=1)[:, None] for side in sides]
    cosine = unit[0] @ unit[1].T

    def rate(table: Any, row: int, named: int) -> float:
        near = np.argsort(-table[row])[:k]
        others = [n for n in near if n != named]
        mean = np.mean([table[row, n] for n in others])
        column_means = [np.sort(table[:, n])[::-1][:k].mean() for n in others]
        pairs = zip(others, column_means, strict=True)
        return max(table[row, n] / ((mean + other) / 2) for n, other in pairs)

    return max(rate(cosine, i, j), rate(cosine.T, j, i))


def test_rivals_are_those_of_the_definition() -> None:
    *sides, _ = make_vectors(3, rows=60, right=20)
    pairs = mine_vectors(*sides, k=4)
    wanted = [slow_rival(sides, p.source, p.target, 4) for p in pairs]
    np.testing.assert_allclose(pairs.rival, wanted, rtol=1e-5)  # type: ignore[arg-type]
    alone = mine_vectors(*sides, k=1, retrieval="intersect")
    assert np.isneginf(alone.rival).all()  # type: ignore[arg-type]
    assert pairs[:5].rival.tolist() == pairs.rival[:5].tolist()  # type: ignore[union-attr, index]
    assert mine_vectors(*sides, retrieval="fwd").rival is None


def test_the_gumbel_distribution_is_the_most_likely_one() -> None:
    stats = pytest.importorskip("scipy.stats")
    draw = np.random.default_rng(0)
    values, weights = draw.gumbel(1.01, 0.02, 500), draw.integers(0, 4, 500).astype(float)
    found = _fit_gumbel(values, weights)
    wanted = stats.gumbel_r.fit(np.repeat(values, weights.astype(int)))
    assert found == pytest.approx(wanted, rel=1e-3)


class Table:
    """Texts that are numbers of rows."""

    def __init__(self, *sides: Any) -> None:
        self.sides = sides

    def encode(self, texts: list[str]) -> Any:
        return np.array([self.sides[text[0] == "t"][int(text[1:])] for text in texts])


def test_scores_that_are_written_alike_are_kept_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pairs = mine_vectors(*make_vectors(1, rows=300, right=120)[:2])
    least = choose_threshold(pairs, "auto")
    assert least is not None
    place = int((pairs.score >= least).sum())
    low, high = pairs.score[place], least
    for _ in range(40):  # to where the threshold would fall between two such scores
        middle = (low + high) / 2
        pairs.score[place - 1 : place + 1] = middle, middle - 4e-7
        least = choose_threshold(pairs, "auto")
        assert least is not None
        kept = sum(reaches(pair.score, least) for pair in pairs)
        assert f"{kept} of {len(pairs)} pairs reach it, of which" in caplog.messages[-1]
        low, high = (low, middle) if least <= middle else (middle, high)


def test_auto_keeps_what_reaches_the_estimate(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    *sides, gold = make_vectors(1, rows=300, right=120)
    texts = [f"s{n}" for n in range(300)], [f"t{n}" for n in range(300)]
    every = mine(Table(*sides), *texts)
    found = mine(Table(*sides), *texts, threshold="auto")
    assert found == every[: len(found)]
    kept = {(int(s[1:]), int(t[1:])) for _, s, t in found}
    assert len(kept & gold) > 0.9 * len(gold)
    assert f"{len(found)} of {len(every)} pairs reach it, of which about" in caplog.text
    *sides, _ = make_vectors(2, rows=300, right=0)
    assert len(mine(Table(*sides), *texts, threshold="auto")) > 100
    assert "can't be told apart by the scores" in caplog.text
    few = [side[:30] for side in texts]
    assert len(mine(Table(*sides), *few, threshold="auto")) > 10
    assert "too few pairs to estimate it" in caplog.messages[-1]
    for wrong in ({"margin": "absolute"}, {"retrieval": "all"}, {"k": 1}):
        with pytest.raises(ConfigError, match="threshold: auto"):
            mine(Table(*sides), *texts, threshold="auto", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one-to-one"):
        choose_threshold(MinedPairs(*map(np.array, ([0], [0], [1.0]))), "auto")

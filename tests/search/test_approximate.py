"""The approximate search against the exact one."""

from __future__ import annotations

import builtins
import logging
import re

import numpy as np
import pytest

from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.search import approximate
from crosszero.search.approximate import find_neighbours_approximately
from crosszero.search.neighbours import find_neighbours_both
from crosszero.search.vector_mining import mine_vectors

pytest.importorskip("faiss")


def clusters(rows: int, seed: int) -> np.ndarray:
    """Vectors in groups, as those of texts are."""
    draw = np.random.default_rng(seed)
    middles = np.random.default_rng(9).normal(size=(rows // 20, 24))
    return middles[np.arange(rows) % len(middles)] + 0.2 * draw.normal(size=(rows, 24))


def share_found(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The share of their neighbours that are ours, at whatever rank."""
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(theirs, ours, strict=True)]))


def test_most_neighbours_are_found_and_the_share_is_told(caplog: pytest.LogCaptureFixture) -> None:
    left, right = clusters(4000, 1), clusters(5000, 2)
    with caplog.at_level(logging.INFO, logger="crosszero"):
        found = find_neighbours_approximately(left, right, k=4)
    exact = find_neighbours_both(left, right, k=4)
    shares = []
    for ours, theirs in zip(found, exact, strict=True):
        same = ours.index == theirs.index
        assert np.allclose(ours.similarity[same], theirs.similarity[same], atol=1e-6)
        assert (np.diff(ours.similarity, axis=1) <= 0).all()
        shares.append(share_found(ours.index, theirs.index))
    assert min(shares) > 0.9
    told = re.search(r"(\d+\.\d) % of the nearest 4 were found \(of 2,000 texts", caplog.text)
    assert told is not None
    assert abs(float(told[1]) - 50 * sum(shares)) < 1


def test_missing_neighbours_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(approximate, "_LEAST", 1)
    draw = np.random.default_rng(0)
    left, right = draw.normal(size=(2000, 24)), draw.normal(size=(2000, 24))
    with caplog.at_level(logging.INFO, logger="crosszero"):
        found = find_neighbours_approximately(left, right, k=4)
    exact = find_neighbours_both(left, right, k=4)
    shares = [share_found(a.index, b.index) for a, b in zip(found, exact, strict=True)]
    told = re.search(r"(\d+\.\d) %", caplog.text)
    assert told is not None
    assert float(told[1]) < 60
    assert abs(float(told[1]) - 50 * sum(shares)) < 3


@pytest.mark.parametrize(("rows", "k"), [(1, 1), (3, 5), (200, 150)])
def test_few_rows_are_all_looked_at(rows: int, k: int) -> None:
    left, right = np.random.default_rng(3).normal(size=(2, rows, 8))
    right[0] = 0
    for ours, theirs in zip(
        find_neighbours_approximately(left, right, k=k),
        find_neighbours_both(left, right, k=k),
        strict=True,
    ):
        assert ours.index.shape == theirs.index.shape
        assert np.allclose(ours.similarity, theirs.similarity, atol=1e-6)


def test_mining_finds_nearly_the_same_pairs() -> None:
    draw = np.random.default_rng(5)
    left = clusters(3000, 3)
    right = left[draw.permutation(3000)] + 0.05 * draw.normal(size=left.shape)
    exact = {(p.source, p.target) for p in mine_vectors(left, right)}
    found = {(p.source, p.target) for p in mine_vectors(left, right, approximate=True)}
    assert len(found & exact) > 0.95 * len(exact)


def test_no_rows_and_no_faiss_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CrosszeroError, match="there are none"):
        find_neighbours_approximately(np.ones((0, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match="2 dimensions, target vectors 3"):
        find_neighbours_approximately(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="k >= 1"):
        find_neighbours_approximately(np.eye(2), np.eye(2), k=0)
    load = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name == "faiss":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"crosszero\[approximate\]"):
        find_neighbours_approximately(np.eye(2), np.eye(2))

"""The search of an accelerator, forced onto the CPU, against the search with numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import ConfigError
from crosszero.search import accelerated, neighbours
from crosszero.search.neighbours import find_neighbours, find_neighbours_both
from tests.emulated_device import DEVICE, emulated_device

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def on_the_emulated_device(monkeypatch):
    monkeypatch.setattr(accelerated, "find_device", lambda name: CPU)


def matrices(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    row = st.lists(values, min_size=4, max_size=4)
    return st.lists(row, min_size=1, max_size=30)


# Whole quarters have unit vectors whose cosines are exact: what ties ties in every product.
quarters = matrices(st.sampled_from([-0.5, 0.5])) | st.lists(
    st.sampled_from([(0.0,) * 4, *map(tuple, np.eye(4).tolist()), (0.5,) * 4]), min_size=1
)


@settings(max_examples=150, deadline=None)
@given(
    left=quarters, right=quarters, k=st.integers(1, 6),
    block=st.integers(1, 3), spare=st.integers(0, 3), at_once=st.integers(1, 99),
)  # fmt: skip
def test_ties_duplicates_and_zeros_are_as_with_numpy(left, right, k, block, spare, at_once):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("_RUN", 2), ("_BLOCK", 2 * block), ("_SPARE", spare), ("_AT_ONCE", at_once),
        ):  # fmt: skip
            patch.setattr(accelerated, name, value)
        patch.setattr(accelerated, "_size_pieces", lambda device, dim: (2 * block, 6))
        found = find_neighbours_both(np.array(left), np.array(right), k=k, device="cuda")
        (alone,) = [find_neighbours(np.array(left), np.array(right), k=k, device="cuda")]
    wanted = find_neighbours_both(np.array(left), np.array(right), k=k, device="cpu")
    for ours, theirs in zip((*found, alone), (*wanted, wanted[0]), strict=True):
        assert ours.index.tolist() == theirs.index.tolist()
        assert ours.similarity.tolist() == theirs.similarity.tolist()


def points(rows: int, seed: int, *, spread: float = 1.0, dim: int = 48) -> np.ndarray:
    """Random vectors around a common direction, some of them several times, one of zeros."""
    draw = np.random.default_rng(seed)
    found = 1 - spread + spread * draw.normal(size=(rows, dim))
    found[rows // 2 : rows // 2 + 9] = found[:9] * 3
    found[rows // 3] = 0
    return found


@pytest.mark.parametrize("spread", [1.0, 0.1, 0.001])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_random_vectors_give_the_same(monkeypatch, spread, k):
    monkeypatch.setattr(accelerated, "_BLOCK", 128)
    left, right = points(300, 1, spread=spread), points(411, 2, spread=spread)
    found = find_neighbours_both(left, right, k=k, device="cuda")
    wanted = find_neighbours_both(left, right, k=k, device="cpu")
    unit = [neighbours.unit_rows(side).astype(np.float64) for side in (left, right)]
    table = unit[0] @ unit[1].T
    for ours, theirs, cosines in zip(found, wanted, (table, table.T), strict=True):
        assert np.abs(ours.similarity - theirs.similarity).max() < 1e-6
        # what stands at a place is another row only where both are as good as equal
        one, other = (np.take_along_axis(cosines, x.index, 1) for x in (ours, theirs))
        assert np.abs(one - other).max() < 1e-6
        assert spread < 0.1 or (ours.index == theirs.index).mean() > 0.99
        assert (np.diff(ours.index, axis=1)[np.diff(ours.similarity, axis=1) == 0] > 0).all()


def search(left: np.ndarray, right: np.ndarray, **how: bool):
    unit = [neighbours.unit_rows(side) for side in (left, right)]
    return accelerated.search(*unit, 4, device=CPU, both=True, **how)


def test_what_is_proven_needs_no_second_search():
    for _, rows in search(points(500, 3)[:250], points(500, 4)[:250]):
        assert len(rows) <= 1  # the one of zeros


def test_what_can_not_be_proven_is_handed_back():
    near = 1 + 1e-5 * np.random.default_rng(0).normal(size=(600, 32))
    for _, rows in search(near, near):
        assert rows.tolist() == list(range(600))


def test_wrong_products_are_noticed(monkeypatch):
    add = accelerated._Candidates.add
    monkeypatch.setattr(
        accelerated._Candidates, "add", lambda self, table, *rest: add(self, table + 0.1, *rest)
    )
    for _, rows in search(points(90, 5), points(80, 6)):
        assert len(rows) in (90, 80)


def test_a_device_without_memory_hands_everything_back(monkeypatch, caplog):
    def refuse(*_: object):
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(accelerated, "_upload", refuse)
    left, right = points(40, 7), points(50, 8)
    found = find_neighbours_both(left, right, k=3, device="cuda")
    for ours, theirs in zip(found, find_neighbours_both(left, right, k=3), strict=True):
        assert ours.index.tolist() == theirs.index.tolist()
    assert "not enough free memory" in caplog.text


def test_small_searches_stay_on_the_cpu(monkeypatch):
    monkeypatch.setattr(accelerated, "search", lambda *_, **__: pytest.fail("used"))
    find_neighbours(np.eye(3), np.eye(3))
    monkeypatch.setattr(neighbours, "_WORTH_A_GPU", 27)
    with pytest.raises(pytest.fail.Exception, match="used"):
        find_neighbours(np.eye(3), np.eye(3))


@pytest.mark.parametrize("name", ["cuda:99", "gpu", ""])
def test_unknown_devices_are_refused(monkeypatch, name):
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=r"device: .* cpu, cuda or cuda:N"):
        find_neighbours(np.eye(3), np.eye(3), device=name)


def test_a_device_of_its_own_finds_the_same(monkeypatch):
    monkeypatch.setattr(accelerated, "_BLOCK", 128)
    unit = [neighbours.unit_rows(points(rows, rows)) for rows in (150, 211)]
    with emulated_device() as watch:
        found = accelerated.search(*unit, 4, device=DEVICE, both=True)
    for (near, _), theirs in zip(found, search(*unit), strict=True):
        assert np.array_equal(near.index, theirs[0].index)
        assert np.array_equal(near.value, theirs[0].value)
    assert watch.total <= 2 * 4 + 20  # one a block and direction, and the copies

"""Mining on a device of its own: the CPU's neighbours and pairs."""

from __future__ import annotations

import numpy as np

from crosszero.search.neighbours import find_neighbours_both
from crosszero.search.vector_mining import mine_vectors
from tests.emulated_device import DEVICE, emulated_device


def test_neighbours_and_pairs_on_a_device_are_those_on_the_cpu() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(90, 16)), draw.normal(size=(70, 16))
    other[:40] = one[:40] + 0.3 * other[:40]
    one[-3:], other[-3:] = one[:3], other[:3]  # ties
    with emulated_device():
        found = find_neighbours_both(one, other, k=4, device=str(DEVICE))
        pairs = mine_vectors(one, other, device=str(DEVICE))
    expected = find_neighbours_both(one, other, k=4, device="cpu")
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.index == theirs.index).all()
        assert np.allclose(ours.similarity, theirs.similarity, atol=1e-6)
    theirs = mine_vectors(one, other, device="cpu")
    assert [pair[:2] for pair in pairs] == [pair[:2] for pair in theirs]

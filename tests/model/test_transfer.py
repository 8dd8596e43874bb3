"""Arrays arrive at a device as they were, whatever their types and shapes."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crosszero.model.ragged import Ragged, spread
from crosszero.model.transfer import pack, send, unpack

TYPES = (np.int64, np.int32, np.float64, np.float32, np.bool_, np.uint8)
SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@given(st.lists(st.sampled_from(TYPES).flatmap(lambda t: arrays.arrays(t, SHAPES)), max_size=5))
def test_packed_arrays_come_out_as_they_went_in(given_: list[np.ndarray]) -> None:
    named = {f"array {i}": array for i, array in enumerate(given_)}
    for found in (unpack(pack(named), named), send(named, torch.device("cpu"))):
        assert found.keys() == named.keys()
        for name, array in named.items():
            np.testing.assert_array_equal(found[name].numpy(), array)
            assert found[name].numpy().dtype == array.dtype


@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=6), st.data())
def test_ragged_rows_against_lists(rows: list[list[int]], data: st.DataObject) -> None:
    ragged = Ragged.of(rows)
    members = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8))
    taken = ragged.take(np.asarray(members))
    assert taken.values.tolist() == [number for i in members for number in rows[i]]
    assert taken.lengths.tolist() == [len(rows[i]) for i in members]
    assert spread(ragged.starts, ragged.lengths).tolist() == list(range(sum(map(len, rows))))

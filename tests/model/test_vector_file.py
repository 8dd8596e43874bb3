"""Vectors that are written block by block are those that one call gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from crosszero.errors import CrosszeroError
from crosszero.model import encoder as encoder_module
from crosszero.model import vector_file as file_module
from crosszero.model.encoder import Encoder
from crosszero.model.vector_file import encode_to_file, write_vectors


@pytest.mark.parametrize("sizes", [[1], [9, 1], [7, 120_000, 3]])
def test_the_head_is_right_however_many_rows_follow(tmp_path: Path, sizes: list[int]) -> None:
    rows = np.random.default_rng(0).standard_normal((sum(sizes), 2)).astype(np.float32)
    out = write_vectors(tmp_path / "v.npy", np.split(rows, np.cumsum(sizes)[:-1]))
    np.save(tmp_path / "w.npy", rows)
    assert out.read_bytes() == (tmp_path / "w.npy").read_bytes()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield np.ones((2, 3), np.float32)
        raise CrosszeroError("line 3 is bad")

    with pytest.raises(CrosszeroError, match="line 3"):
        write_vectors(tmp_path / "v.npy", broken())
    with pytest.raises(CrosszeroError, match=r"v\.npy: not written, there is no text"):
        write_vectors(tmp_path / "v.npy", [])
    assert not list(tmp_path.iterdir())


def test_blocks_are_those_of_one_call(
    tmp_path: Path, model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (encoder_module, file_module):
        monkeypatch.setattr(module, "BLOCK", 16)
    texts = [f"the weather is good {'today ' * (n % 9)}" for n in range(40)]
    encoder = Encoder.load(model_folder(), max_length=12)
    out = encode_to_file(encoder, iter(texts), tmp_path / "v.npy")
    np.testing.assert_array_equal(np.load(out), encoder.encode(texts))

"""What the workers do, without Ray: the same as one process, in any order and done twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crosszero.cluster import ClusterFill, mine_files
from crosszero.cluster import tile_mining as mining_module
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.files import hash_files
from crosszero.samples import SampleStore, prepare
from crosszero.search import neighbours as vectors_module
from crosszero.search.vector_mining import mine_vectors
from tests.cluster.helpers import FirstWords, Here, corpus

Vectors = NDArray[np.float32]


@pytest.mark.parametrize("batch", [1, 1_500, 4_096])
def test_a_store_made_of_parts_is_the_same_file(tmp_path: Path, batch: int) -> None:
    pairs = corpus(5_000)
    finder = FirstWords()
    for name, fill in (("one", None), ("many", ClusterFill(Here()))):
        prepare(pairs, out=tmp_path / name, words=finder, batch=batch, fill=fill)
    assert hash_files(tmp_path / "one") == hash_files(tmp_path / "many")
    store = SampleStore.open(tmp_path / "many")
    assert store.rows == 5_000
    assert max(store.row_groups) > 1_024
    assert 0 < store.metadata["summary"]["pairs_with_words"] < 5_000


def test_blocks_of_a_product_are_those_of_one_process() -> None:
    blocks = (vectors_module._QUERY_BLOCK, vectors_module._CANDIDATE_BLOCK)
    assert blocks == (mining_module._ROWS, mining_module._COLUMNS)


def save(folder: Path, *sides: Vectors) -> list[Path]:
    paths = [folder / f"{number}.npy" for number in range(len(sides))]
    for path, vectors in zip(paths, sides, strict=True):
        np.save(path, vectors)
    return paths


def lattice(rows: int, seed: int) -> Vectors:
    """Four of twelve numbers are 1 or -1: cosines are exact, most are ties, many rows are equal."""
    draw = np.random.default_rng(seed)
    vectors = np.zeros((rows, 12), np.float32)
    places = draw.permuted(np.tile(np.arange(12), (rows, 1)), axis=1)[:, :4]
    np.put_along_axis(vectors, places, draw.choice([-1.0, 1.0], (rows, 4)), axis=1)
    return vectors


@pytest.mark.parametrize("k", [1, 4])
def test_tiles_give_the_pairs_and_scores_of_one_process(tmp_path: Path, k: int) -> None:
    source, target = lattice(1_500, 1), lattice(7_000, 2)
    source[7] = target[9] = 0.0
    source[400], source[1400] = 3 * source[2], 0.5 * source[2]
    assert len(np.unique(source, axis=0)) > 1_024
    assert 4_096 < len(np.unique(target, axis=0)) < 6_000
    paths = save(tmp_path, source, target)
    found = mine_files(*paths, cluster=Here(), k=k, tile=(1_024, 4_096))
    assert found == mine_vectors(source, target, k=k)
    assert mine_files(*reversed(paths), cluster=Here(), k=k, tile=(4_096, 4_096)) == mine_vectors(
        target, source, k=k
    )
    assert sorted(tmp_path.iterdir()) == paths


def test_fewer_rows_than_neighbours(tmp_path: Path) -> None:
    source, target = lattice(3, 1), np.repeat(lattice(2, 1), 3, axis=0)
    paths = save(tmp_path, source, target)
    assert mine_files(*paths, cluster=Here(), k=9) == mine_vectors(source, target, k=9)


def test_what_cannot_be_mined_is_named(tmp_path: Path) -> None:
    good, other, broken = save(tmp_path, np.eye(3), np.eye(4), np.full((5_000, 3), np.nan))
    with pytest.raises(ConfigError, match="multiples of 1024 and 4096"):
        mine_files(good, good, cluster=Here(), tile=(1_000, 4_096))
    with pytest.raises(ConfigError, match="k: 0 given; it must be 1 or more"):
        mine_files(good, good, cluster=Here(), k=0)
    with pytest.raises(ValueError, match="3 dimensions, target vectors 4"):
        mine_files(good, other, cluster=Here())
    with pytest.raises(DataError, match=r"2\.npy: in the rows from 0 on, vector 0"):
        mine_files(good, broken, cluster=Here())
    (tmp_path / "text.npy").write_text("no vectors")
    with pytest.raises(DataError, match=r"text\.npy: can't be read as an \.npy file"):
        mine_files(good, tmp_path / "text.npy", cluster=Here())
    np.save(tmp_path / "none.npy", np.empty((0, 3), np.float32))
    with pytest.raises(CrosszeroError, match="there are none"):
        mine_files(good, tmp_path / "none.npy", cluster=Here())

"""A real Ray cluster of worker processes gives what one process gives, even when workers die."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from crosszero.cli import main
from crosszero.cluster import Cluster, ClusterFill, encode_texts, mine_files
from crosszero.embed.embedder import Embedder
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.mine import mine
from crosszero.samples import FinderConfig, SampleStore, prepare
from tests.cluster.helpers import FirstWords, corpus
from tests.samples.helpers import cipher

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'crosszero[cluster]'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    opened = Cluster("local", cpus=2)
    for attempt in range(5):
        try:
            opened.__enter__()
            break
        except CrosszeroError as error:  # half a minute is too short on a machine that is busy
            if attempt == 4 or "did not start" not in str(error):
                raise
    assert opened.workers == 2
    yield opened
    opened.__exit__(None, None, None)


def same_store(first: Path, second: Path) -> bool:
    one, other = SampleStore.open(first), SampleStore.open(second)
    return list(one) == list(other) and one.metadata == other.metadata


def test_an_address_where_nothing_answers() -> None:
    with (
        pytest.raises(CrosszeroError, match=r"no Ray cluster answers at '127\.0\.0\.1:9'"),
        Cluster("127.0.0.1:9"),
    ):
        pass


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"crosszero\[cluster\]"), Cluster("local"):
        pass


def test_a_worker_that_is_killed_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    pairs = corpus(4_300, special="fatal")
    fatal = tmp_path / "killed"
    options = {"hold_out": 20, "batch": 1}
    prepare(pairs, out=tmp_path / "one", finder=FirstWords(), **options)
    finder = FirstWords(fatal)
    prepare(pairs, out=tmp_path / "many", finder=finder, fill=ClusterFill(cluster), **options)
    assert int(fatal.read_text()) != os.getpid()
    assert same_store(tmp_path / "one", tmp_path / "many")
    assert same_store(tmp_path / "one-held-out", tmp_path / "many-held-out")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"killed", "one", "one-held-out", "many", "many-held-out"}


def test_the_aligner_travels(cluster: Cluster, tmp_path: Path) -> None:
    pairs, _ = cipher(1_100, seed=1)
    finder = FinderConfig(stop_words="none", fit_pairs=200, samplers=1)
    prepare(pairs, out=tmp_path / "one", finder=finder)
    fill = ClusterFill(cluster)
    store = prepare(pairs, out=tmp_path / "many", finder=finder, batch=1, fill=fill)
    assert same_store(tmp_path / "one", tmp_path / "many")
    assert store.metadata["words"] > 1_000


def test_errors_of_workers_are_one_line(cluster: Cluster, tmp_path: Path) -> None:
    fill = ClusterFill(cluster)
    with pytest.raises(CrosszeroError, match=r"^no such word: unknown$"):
        prepare(corpus(30, special="unknown"), out=tmp_path / "s", finder=FirstWords(), fill=fill)
    assert not list(tmp_path.iterdir())

    finder = FirstWords(threading.Lock())  # type: ignore[arg-type]
    with pytest.raises(CrosszeroError, match="can't be sent to other processes"):
        prepare(corpus(30), out=tmp_path / "s", finder=finder, fill=fill)
    with pytest.raises(ConfigError, match="has no 99 cores"), Cluster("local", cores=99):
        pass


def test_the_command(cluster: Cluster, tmp_path: Path) -> None:
    text = tmp_path / "c.en-fr.tsv"
    text.write_text("".join(f"The weather {n}\tLe temps {n}\n" for n in range(40)))
    for name, flags in (("one", []), ("many", ["--ray-address", "local"])):
        with pytest.raises(SystemExit) as end:
            main(["prepare", str(text), "--out", str(tmp_path / name), *flags])
        assert not end.value.code
    assert same_store(tmp_path / "one", tmp_path / "many")


def test_vectors_are_those_of_one_process(
    cluster: Cluster,
    tmp_path: Path,
    model_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("embed.embedder._CHUNK", "cluster.encoding.BLOCK"):
        monkeypatch.setattr(f"crosszero.{name}", 16)
    texts = [f"the weather is good {'today ' * (n % 9)}" for n in range(70)]
    folder = model_folder()
    out = encode_texts(folder, iter(texts), tmp_path / "v.npy", cluster=cluster, max_length=12)
    expected = Embedder.load(folder, max_length=12).encode(texts)
    np.testing.assert_array_equal(np.load(out), expected)
    with pytest.raises(CrosszeroError, match="no text to encode"):
        encode_texts(folder, [], tmp_path / "w.npy", cluster=cluster)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy"]


def test_mined_pairs_are_those_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    source = draw.standard_normal((1_100, 6)).astype(np.float32)
    target = draw.standard_normal((4_200, 6)).astype(np.float32)
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path, vectors in zip(paths, (source, target), strict=True):
        np.save(path, vectors)
    found = mine_files(*paths, cluster=cluster, tile=(1024, 4096))
    expected = mine(source, target)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    assert [pair.score for pair in found] == pytest.approx([pair.score for pair in expected])

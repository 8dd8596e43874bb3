"""A real Ray cluster of worker processes gives what one process gives, even when workers die."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from crosszero.cli import main
from crosszero.cluster import Cluster, ClusterFill, encode_texts, mine_files
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.model.encoder import Encoder
from crosszero.samples import FinderConfig, SampleStore, prepare
from crosszero.samples.store_places import PARTNER
from crosszero.search.vector_mining import mine_vectors
from tests.cluster.helpers import FatalEncode, FatalSearch, FirstWords, corpus, make_fatal
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
    """But for the names by which two stores know each other."""
    one, other = SampleStore.open(first), SampleStore.open(second)
    known = [{k: v for k, v in store.metadata.items() if k != PARTNER} for store in (one, other)]
    return list(one) == list(other) and known[0] == known[1]


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
    prepare(pairs, out=tmp_path / "one", words=FirstWords(), **options)
    finder = FirstWords(fatal)
    prepare(pairs, out=tmp_path / "many", words=finder, fill=ClusterFill(cluster), **options)
    assert int(fatal.read_text()) != os.getpid()
    assert same_store(tmp_path / "one", tmp_path / "many")
    assert same_store(tmp_path / "one-held-out", tmp_path / "many-held-out")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"killed", "one", "one-held-out", "many", "many-held-out"}


def test_the_aligner_travels(cluster: Cluster, tmp_path: Path) -> None:
    pairs, _ = cipher(1_100, seed=1)
    finder = FinderConfig(stop_words="none", fit_pairs=200, samplers=1)
    prepare(pairs, out=tmp_path / "one", words=finder)
    fill = ClusterFill(cluster)
    store = prepare(pairs, out=tmp_path / "many", words=finder, batch=1, fill=fill)
    assert same_store(tmp_path / "one", tmp_path / "many")
    assert store.metadata["words"] > 1_000


def test_errors_of_workers_are_one_line(cluster: Cluster, tmp_path: Path) -> None:
    fill = ClusterFill(cluster)
    with pytest.raises(CrosszeroError, match=r"^no such word: unknown$"):
        prepare(corpus(30, special="unknown"), out=tmp_path / "s", words=FirstWords(), fill=fill)
    assert not list(tmp_path.iterdir())

    finder = FirstWords(threading.Lock())  # type: ignore[arg-type]
    with pytest.raises(CrosszeroError, match="can't be sent to other processes"):
        prepare(corpus(30), out=tmp_path / "s", words=finder, fill=fill)
    with pytest.raises(ConfigError, match="has 99 cores"), Cluster("local", cores=99):
        pass


def call(*arguments: object) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert not end.value.code


def test_prepare_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    text = tmp_path / "c.en-fr.tsv"
    text.write_text("".join(f"The weather {n}\tLe temps {n}\n" for n in range(40)))
    call("prepare", text, "--out", tmp_path / "one")
    call("prepare", text, "--out", tmp_path / "many", "--ray-address", "local")
    assert same_store(tmp_path / "one", tmp_path / "many")


@pytest.mark.slow
def test_encode_and_mine_on_a_cluster(
    cluster: Cluster,
    tmp_path: Path,
    model_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("model.encoder.BLOCK", "model.vector_file.BLOCK", "cluster.text_encoding.BLOCK"):
        monkeypatch.setattr(f"crosszero.{name}", 64)
    draw = np.random.default_rng(1)
    words = ("weather", "king", "house", "cat", "sea"), ("temps", "roi", "maison", "chat", "mer")
    files = [tmp_path / "a.en", tmp_path / "b.fr"]
    for side, path in zip(words, files, strict=True):  # some lines stand there several times
        lines = [" ".join(draw.choice(side, size=draw.integers(1, 9))) for _ in range(200)]
        path.write_text("\n".join(lines) + "\n")
    flags = ["--encoder", model_folder(), "--max-length", 32]
    for name, more in (("one", []), ("many", ["--ray-address", "local", "--cores", 1])):
        out = tmp_path / name
        call("encode", files[0], "--out", out / "v.npy", *flags, *more)
        call("mine", *files, "--out", out / "pairs.tsv", "--margin", "distance", *flags, *more)
    for name in ("v.npy", "pairs.tsv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()
    assert np.load(tmp_path / "one" / "v.npy").shape == (200, 16)
    assert 10 < len((tmp_path / "one" / "pairs.tsv").read_text().splitlines()) < 200
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == ["pairs.tsv", "v.npy"]


def test_vectors_are_those_of_one_process(
    cluster: Cluster,
    tmp_path: Path,
    model_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("model.encoder.BLOCK", "cluster.text_encoding.BLOCK"):
        monkeypatch.setattr(f"crosszero.{name}", 16)
    texts = [f"the weather is good {'today ' * (n % 9)}" for n in range(70)]
    folder = model_folder()
    out = encode_texts(folder, iter(texts), tmp_path / "v.npy", cluster=cluster, max_length=12)
    expected = Encoder.load(folder, max_length=12).encode(texts)
    np.testing.assert_array_equal(np.load(out), expected)
    with pytest.raises(CrosszeroError, match="no text to encode"):
        encode_texts(folder, [], tmp_path / "w.npy", cluster=cluster)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy"]


def save_sides(folder: Path) -> tuple[list[Path], list[np.ndarray]]:
    draw = np.random.default_rng(1)
    sides = [draw.standard_normal((rows, 6)).astype(np.float32) for rows in (1_100, 4_200)]
    paths = [folder / "a.npy", folder / "b.npy"]
    for path, vectors in zip(paths, sides, strict=True):
        np.save(path, vectors)
    return paths, sides


def test_mined_pairs_are_those_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    paths, sides = save_sides(tmp_path)
    found = mine_files(*paths, cluster=cluster, tile=(1024, 4096))
    expected = mine_vectors(*sides)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    assert [pair.score for pair in found] == pytest.approx([pair.score for pair in expected])


def test_encoding_outlives_a_killed_worker(
    cluster: Cluster,
    tmp_path: Path,
    model_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("model.encoder.BLOCK", "cluster.text_encoding.BLOCK"):
        monkeypatch.setattr(f"crosszero.{name}", 16)
    fatal = tmp_path / "killed"
    job = partial(make_fatal, FatalEncode, fatal)
    monkeypatch.setattr("crosszero.cluster.text_encoding.EncodeTexts", job)
    texts = [f"the weather is good {'today ' * (n % 9)}" for n in range(90)]
    folder = model_folder()
    out = encode_texts(folder, texts, tmp_path / "v.npy", cluster=cluster)
    assert int(fatal.read_text()) != os.getpid()
    np.testing.assert_array_equal(np.load(out), Encoder.load(folder).encode(texts))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "v.npy"]


def test_mining_outlives_a_killed_worker(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, sides = save_sides(tmp_path)
    fatal = tmp_path / "killed"
    monkeypatch.setattr(
        "crosszero.cluster.tile_mining.SearchTile", partial(make_fatal, FatalSearch, fatal)
    )
    found = mine_files(*paths, cluster=cluster, tile=(1024, 4096))
    assert int(fatal.read_text()) != os.getpid()
    expected = mine_vectors(*sides)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    assert [pair.score for pair in found] == pytest.approx([pair.score for pair in expected])
    assert sorted(tmp_path.iterdir()) == [*paths, fatal]

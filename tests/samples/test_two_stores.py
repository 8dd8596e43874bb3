"""A store and its held-out store are one commit: both new, both old, or refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crosszero as cz
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.samples import SampleStore, prepare
from crosszero.samples.columns import METADATA
from tests.samples.helpers import pair

# Prepares the corpus again with another seed, and dies at one of its renames.
KILLED = """
import os, signal, sys
from pathlib import Path
from crosszero.samples import prepare
from tests.samples.test_two_stores import corpus

left, replace = int(sys.argv[2]), os.replace

def rename(old, new):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    replace(old, new)

os.replace = rename
prepare(corpus(), out=Path(sys.argv[1]), words="none", hold_out=40, seed=100)
"""


def corpus() -> Iterator[SentencePair]:
    return (pair(f"word {i}", f"mot {i}", "en-fr") for i in range(200))


def texts(store: Path) -> set[str]:
    return {sample.source for sample in SampleStore.open(store)}


def drop_partner(store: Path) -> None:
    """Make a store as it was before stores named each other."""
    metadata = json.loads((store / METADATA).read_text())
    del metadata["partner"]
    (store / METADATA).write_text(json.dumps(metadata))


def test_a_folder_without_a_name_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="can't be replaced as a whole"):
        prepare(corpus(), out=".", words="none")


def test_a_kill_between_the_renames_is_seen(tmp_path: Path) -> None:
    refused = old = 0
    for renames in range(5):
        out = tmp_path / f"s{renames}"
        held = tmp_path / f"s{renames}-held-out"
        prepare(corpus(), out=out, words="none", hold_out=40, seed=1)
        before = texts(held)
        command = [sys.executable, "-c", KILLED, str(out), str(renames)]
        killed = subprocess.run(command, check=False).returncode
        assert (killed == 0) == (renames == 4)  # old away, new in its place, for each of two
        if not (out.exists() and held.exists()):
            continue
        try:
            training = texts(out)
        except DataError:
            refused += 1
            message = r"s\d: was not made together with .*held-out.*prepare them again"
            with pytest.raises(DataError, match=message):
                cz.train("crosszero-mini", out, out=tmp_path / "run")
            assert not (tmp_path / "run").exists()
            with pytest.raises(DataError, match="was not made together"):
                cz.evaluate("crosszero-mini", tasks=["sentence-retrieval"], held_out=held)
        else:
            old += texts(held) == before
            assert not training & texts(held)
        prepare(corpus(), out=out, words="none", hold_out=40, seed=100)
        assert texts(held) != before
        assert not texts(out) & texts(held)
    assert refused == 1
    assert old == 1


@pytest.mark.parametrize("renames", range(4))
def test_a_rename_that_fails_takes_back_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    out, held = tmp_path / "s", tmp_path / "s-held-out"
    prepare(corpus(), out=out, words="none", hold_out=40, seed=1)
    before, kept = texts(out), texts(held)
    left, replace = renames, os.replace

    def fill_up(old: Any, new: Any) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(old, new)

    monkeypatch.setattr(os, "replace", fill_up)
    with pytest.raises(CrosszeroError, match=r"can't be written \(No space left"):
        prepare(corpus(), out=out, words="none", hold_out=40, seed=100)
    monkeypatch.undo()
    assert texts(out) == before
    assert texts(held) == kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "s-held-out"]


@pytest.mark.parametrize("full", ["s", "s-held-out"])
def test_a_disk_that_is_full_before_both_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    written = Path.write_text

    def fill_up(path: Path, text: str, **options: Any) -> int:
        if path.parent.name.startswith(f".{full}."):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return written(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fill_up)
    with pytest.raises(OSError, match="No space left"):
        prepare(corpus(), out=tmp_path / "s", words="none", hold_out=40)
    assert not list(tmp_path.iterdir())


def test_an_exchanged_folder_is_refused_and_a_moved_one_is_not(tmp_path: Path) -> None:
    for seed in (1, 2):
        prepare(corpus(), out=tmp_path / f"s{seed}", words="none", hold_out=40, seed=seed)
    shutil.rmtree(tmp_path / "s1-held-out")
    assert len(texts(tmp_path / "s1")) == 160  # nothing to mistake
    (tmp_path / "s2-held-out").rename(tmp_path / "s1-held-out")
    for name in ("s1", "s1-held-out"):
        with pytest.raises(DataError, match="not made together"):
            SampleStore.open(tmp_path / name)
    (tmp_path / "deep").mkdir()
    for name in ("", "-held-out"):
        old = tmp_path / ("s2" if not name else "s1-held-out")
        old.rename(tmp_path / "deep" / f"other{name}")
    assert not texts(tmp_path / "deep/other") & texts(tmp_path / "deep/other-held-out")
    prepare(corpus(), out=tmp_path / "deep/s2", words="none", hold_out=40, seed=3)
    assert len(texts(tmp_path / "deep/other")) == 160  # another one has its old name


def test_stores_of_older_versions_are_read(tmp_path: Path) -> None:
    out, held = tmp_path / "s", tmp_path / "s-held-out"
    prepare(corpus(), out=out, words="none", hold_out=40)
    drop_partner(out)
    drop_partner(held)
    assert not texts(out) & texts(held)
    other = tmp_path / "t"
    prepare(corpus(), out=other, words="none", hold_out=40, seed=9)
    shutil.rmtree(held)
    (tmp_path / "t-held-out").rename(held)  # as a kill leaves it: its own store stands elsewhere
    assert texts(out)
    shutil.rmtree(other)
    metadata = json.loads((held / METADATA).read_text())
    metadata["partner"]["folder"] = "../s"
    (held / METADATA).write_text(json.dumps(metadata))
    for store in (out, held):
        with pytest.raises(DataError, match="not made together"):
            SampleStore.open(store)


@pytest.mark.parametrize("partner", [1, [], {}, {"folder": 3}, {"folder": "a\0b"}, {"content": []}])
def test_a_partner_of_another_shape_is_none(tmp_path: Path, partner: object) -> None:
    store = prepare(corpus(), out=tmp_path / "s", words="none")
    metadata = json.loads((store.path / METADATA).read_text())
    (store.path / METADATA).write_text(json.dumps({**metadata, "partner": partner}))
    assert len(texts(store.path)) == 200

"""Files are whole or absent."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import crosszero
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.files import atomic_file, check_output, hash_files, open_bytes
from crosszero.folders import atomic_folder


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with atomic_file(path) as file:
        file.write("eins\n")
        assert not path.exists()
    assert path.read_bytes() == b"eins\n"
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_bytes() == b"eins\n"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "store"
    for content in ("one", "two"):
        with atomic_folder(path) as new:
            (new / "a").write_text(content)
        assert (path / "a").read_text() == content
    with pytest.raises(RuntimeError), atomic_folder(path) as new:
        (new / "a").write_text("three")
        raise RuntimeError
    assert (path / "a").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_folder_takes_its_name_when_the_disk_holds_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "store", []

    def remember(handle: int) -> None:
        assert not path.exists()
        synced.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", remember)
    with atomic_folder(path) as new:
        (new / "a").write_text("one")
        (new / "deep").mkdir()
        (new / "deep" / "b").write_text("three")
    assert sorted(synced) == [len("one"), len("three")]


def test_a_folder_lost_between_two_renames_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with atomic_folder(path) as new:
        (new / "a").write_text("one")
    path.rename(tmp_path / ".store.crosszero-old")  # what a crash between the renames leaves
    with pytest.raises(RuntimeError), atomic_folder(path):
        raise RuntimeError
    assert (path / "a").read_text() == "one"


def test_unwritable_places_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrosszeroError, match="can't be written"), atomic_file(tmp_path / "file/x"):
        pass
    with (
        pytest.raises(CrosszeroError, match="can't be written"),
        atomic_folder(tmp_path / "file/x"),
    ):
        pass


def test_a_file_never_becomes_a_folder(tmp_path: Path) -> None:
    for name in ("store", ".store.crosszero-old"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(CrosszeroError, match="is a file"), atomic_folder(tmp_path / "store"):
            pass
        assert [p.name for p in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to("disk")
    for content in ("one", "two"):
        with atomic_folder(tmp_path / "store") as new:
            (new / "a").write_text(content)
        assert (tmp_path / "store" / "a").read_text() == content
    assert (tmp_path / "store").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["disk", "store"]


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(b"text")
    (tmp_path / "packed").write_bytes(gzip.compress(b"text"))
    for name in ("plain.gz", "packed"):
        with open_bytes(tmp_path / name) as file:
            assert file.read() == b"text"
    with pytest.raises(DataError, match="can't be read"):
        open_bytes(tmp_path / "none")


def test_hashes_follow_content_and_names(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("x")
    assert hash_files(tmp_path / "a") == hash_files(tmp_path / "b")
    (tmp_path / "b" / "f").rename(tmp_path / "b" / "g")
    assert hash_files(tmp_path / "a") != hash_files(tmp_path / "b")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, crosszero\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in crosszero.__all__:
        assert getattr(crosszero, name) is not None
    assert callable(crosszero.train)
    assert callable(crosszero.prepare)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = crosszero.nothing


def test_a_file_is_read_once_as_long_as_it_does_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("one")
    reads: list[Path] = []
    opened = Path.open

    def count(self: Path, *arguments: Any, **options: Any) -> Any:
        reads.append(self)
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", count)
    first = hash_files(path)
    assert hash_files(path) == first
    assert len(reads) == 2  # a moment ago: another write might leave the same time
    os.utime(path, (1e9, 1e9))
    assert [hash_files(path), hash_files(path), hash_files(tmp_path)] == [first] * 3
    assert len(reads) == 3  # the folder's only file, by the same name
    path.write_bytes(b"three")
    os.utime(path, (1e9, 1e9))  # the time as before
    assert hash_files(path) == hashlib.sha256(b"a.txt\0three\0").hexdigest()
    path.rename(other)
    assert hash_files(other) == hashlib.sha256(b"b.txt\0three\0").hexdigest()


def test_a_pipe_and_a_link_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        with atomic_file(pipe) as file:
            file.write("eins\n")
        assert reader.communicate()[0] == b"eins\n"
    assert pipe.is_fifo()
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    with atomic_file(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe", "real"]


def test_a_dash_is_the_standard_stream(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with atomic_file("-") as file:
        file.write("日\n")
    with atomic_file("-", "wb") as file:
        file.write(b"\x00")
        file.seek(0)
        file.write(b"\x01")
    with pytest.raises(RuntimeError), atomic_file("-") as file:
        file.write("half")
        raise RuntimeError
    assert capfdbinary.readouterr().out == "日\n".encode() + b"\x01"
    code = "from crosszero.files import open_bytes; print(open_bytes('-').read())"
    found = subprocess.run(
        [sys.executable, "-c", code], input=b"eins", capture_output=True, check=True
    )
    assert found.stdout.strip() == b"b'eins'"


def test_a_name_in_gz_is_compressed(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        with atomic_file(tmp_path / name) as file:
            file.write("eins\n")
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == b"eins\n"
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CrosszeroError, match="is a folder"), atomic_file(tmp_path):
        pass
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(CrosszeroError, match="can't be written"), atomic_file(tmp_path / "a" / "b"):
        pass


WRITER = """
import sys, time
from crosszero.files import atomic_file
from crosszero.folders import atomic_folder
with atomic_file("one") as file, atomic_folder("two") as folder:
    (folder / "part").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_dead_writers_left_is_swept(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[bytes]:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER], cwd=tmp_path, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        return writer

    dead, alive = start(), start()
    dead.kill()
    dead.wait()
    assert len(list(tmp_path.iterdir())) == 4
    for left in tmp_path.iterdir():
        os.utime(left)
    time.sleep(1.1)
    with atomic_file(tmp_path / "one") as file, atomic_folder(tmp_path / "two"):
        file.write("whole")
    names = {p.name for p in tmp_path.iterdir()}
    assert {"one", "two"} < names
    assert len(names) == 4  # those of the living writer stay
    alive.kill()
    alive.wait()


@pytest.mark.parametrize("out", ["in.txt", "./deep/../in.txt", "link", "store/part", "store"])
def test_an_input_is_never_an_output(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("text")
    (tmp_path / "deep").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("in.txt")
    with pytest.raises(ConfigError, match="is read by this command"):
        check_output(out, inputs=["in.txt", "store"])
    check_output("other", inputs=["in.txt", "-"])
    check_output("-", inputs=["in.txt"])
    with pytest.raises(ConfigError, match="a file is needed, this is a folder"):
        check_output("deep")
    with pytest.raises(ConfigError, match="a folder is needed, this is a file"):
        check_output("in.txt", folder=True)
    with pytest.raises(ConfigError, match=r"can't be written \(.*in.txt is a file\)"):
        check_output("in.txt/deep/new")

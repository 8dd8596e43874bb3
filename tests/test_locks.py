"""One writer for each output, and a lock that does not outlive it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crosszero.continuation import open_lines
from crosszero.errors import CrosszeroError
from crosszero.experiment.cache import keep_until_done
from crosszero.files import atomic_file
from crosszero.folders import atomic_folder
from crosszero.locks import lock_output, temporary_folder

WRITER = """
import sys, time
from crosszero.locks import lock_output, temporary_folder
with lock_output(sys.argv[1], inside=sys.argv[2] == "inside"):
    print("ready", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


@pytest.mark.parametrize("place", ["inside", "beside"])
def test_an_output_has_one_writer_and_a_dead_one_is_not_in_the_way(
    tmp_path: Path, place: str
) -> None:
    out, inside = tmp_path / "run", place == "inside"
    (tmp_path / "link").symlink_to(out)
    command = [sys.executable, "-c", WRITER, str(out), place]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        before = names(tmp_path)
        for path in (out, tmp_path / "link", tmp_path / "run" / ".." / "run"):
            with (
                pytest.raises(CrosszeroError, match=rf"process {writer.pid}\).*another --out"),
                lock_output(path, inside=inside),
            ):
                pass
        assert names(tmp_path) == before
        writer.kill()
    assert names(tmp_path) == before  # the lock of a dead process stays as a file, and is free
    with lock_output(out, inside=inside):
        pass
    assert names(tmp_path) == ({"link", "run"} if inside else {"link"})


def test_a_folder_that_was_made_for_nothing_goes(tmp_path: Path) -> None:
    with lock_output(tmp_path / "deep" / "run", inside=True):
        assert (tmp_path / "deep" / "run").is_dir()
    (tmp_path / "empty").mkdir()
    with lock_output(tmp_path / "empty", inside=True):
        pass
    with lock_output(tmp_path / "full", inside=True):
        (tmp_path / "full" / "a").touch()
    assert names(tmp_path) == {"empty", "full", "full/a"}


@pytest.mark.parametrize("name", ["file", "file/run", "loop/run"])
def test_places_that_can_not_be_written_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with (
        pytest.raises(CrosszeroError, match="can't be written"),
        lock_output(tmp_path / name, inside=True),
    ):
        pass


def test_a_temporary_folder_goes_also_after_a_kill(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), temporary_folder(tmp_path / "a") as folder:
        (folder / "part").touch()
        raise RuntimeError
    assert names(tmp_path) == set()
    tmp_path = tmp_path / "other"  # of a folder that it knows, a process does not ask again
    tmp_path.mkdir()
    code = "import os, sys; from crosszero.locks import temporary_folder as t; "
    code += f"f = t({str(tmp_path / 'a')!r}); f.__enter__(); os._exit(1)"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(names(tmp_path)) == 1
    time.sleep(1.1)  # what is younger may not be locked yet
    with temporary_folder(tmp_path / "a") as folder:
        assert names(tmp_path) == {folder.name}


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    for number in range(3):
        with atomic_file(tmp_path / f"{number}.txt") as file:
            file.write("text")
    assert listed == [tmp_path]


def test_files_of_others_are_no_leftovers(tmp_path: Path) -> None:
    others = {".mine.settings", ".a.12345678.txt", ".a.1234567", "a.12345678", ".a.old", ".a.lock"}
    others |= {".a.original", ".a.vectors", ".a.0123456789abcdef.part", ".lock"}
    for name in others:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").touch()
    before = names(tmp_path)
    time.sleep(1.1)  # what is younger is never removed
    with atomic_folder(tmp_path / "a") as folder:
        (folder / "b").touch()
    assert names(tmp_path) == {*before, "a", "a/b"}
    shutil.rmtree(tmp_path / "a")
    with keep_until_done(tmp_path / "a"), open_lines(tmp_path / "a", "0123"):
        pass
    with lock_output(tmp_path, inside=True):
        pass
    with atomic_file(tmp_path / "a"):
        pass
    assert names(tmp_path) == {*before, "a"}

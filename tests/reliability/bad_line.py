"""Bad command lines as data, and what each of them must come to.

An entry of ``command_lines/COMMAND.yaml`` is a mapping:

    run: the command line, typed in the folder that :mod:`tests.reliability.desk` makes
    says: a piece of what is told
    files: name and content of files that are put there first, over sound ones (``!bytes`` for what
        is no UTF-8, ``!times [piece, number]`` for what is long)
    edits: JSON files, of which some values are set to others
    gone, folders, pipes, links: names of what is taken away or made
    env: variables
    limits: of the process, such as ``FSIZE: 20`` (bytes of a file), as ``ulimit`` sets them
    process: true where the line needs a process of its own
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IFMT, S_ISDIR
from typing import Any
from unittest.mock import patch

import yaml

from tests.reliability.desk import call, write

FOLDER = Path(__file__).parent / "command_lines"
MOST_LINES, LONGEST = 4, 800
_CONTROL = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """One entry."""

    run: str
    says: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    edits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    pipes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    process: bool = False


class _Loader(yaml.SafeLoader):
    """YAML with bytes and long texts."""


_Loader.add_constructor("!bytes", lambda loader, node: node.value.encode("latin-1"))


def _repeat(loader: Any, node: Any) -> str | bytes:
    piece, number = loader.construct_sequence(node)
    return piece * number


_Loader.add_constructor("!times", _repeat)


def read_bad_lines() -> dict[str, list[BadLine]]:
    """All entries by command."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        rows = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        found[path.stem] = [BadLine(**row) for row in rows]
    return found


def list_names(folder: Path) -> dict[str, tuple[int, ...]]:
    """Every name in a folder, with what changes when somebody touches what it stands for."""
    found: dict[str, tuple[int, ...]] = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        is_folder = S_ISDIR(stat.st_mode)
        touched = () if is_folder else (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        found[str(path)] = (S_IFMT(stat.st_mode), *touched)
    return found


@contextmanager
def prepared(line: BadLine, desk: Path) -> Iterator[None]:
    """Lay out what an entry names, and put everything back."""
    kept: dict[Path, bytes | None] = {}
    made = [desk / name for name in (*line.folders, *line.pipes, *line.links)]
    parents = [
        parent
        for name in line.files
        for parent in (desk / name).parents
        if desk in parent.parents and not parent.exists()
    ]
    try:
        for name in (*line.files, *line.edits, *line.gone):
            kept[desk / name] = (desk / name).read_bytes() if (desk / name).exists() else None
        for name, content in line.files.items():
            write(desk / name, content)
        for name, values in line.edits.items():
            content = json.loads((desk / name).read_text(encoding="utf-8"))
            write(desk / name, json.dumps(content | values))
        for name in line.gone:
            (desk / name).unlink()
        for name in line.folders:
            (desk / name).mkdir()
        for name in line.pipes:
            os.mkfifo(desk / name)
        for name, target in line.links.items():
            (desk / name).symlink_to(target)
        yield
    finally:
        for path in (*made, *parents):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for path, content in kept.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)


def try_line(line: BadLine, desk: Path) -> None:
    """Run an entry: status 2, few short lines that say what they must, and nothing else.

    Raises:
        AssertionError: it is not so; what should not be there has been removed.
    """
    with prepared(line, desk):
        before = list_names(desk)
        status, out, told = _run_apart(line, desk) if line.process else _run_here(line, desk)
        after = list_names(desk)
        new = sorted(after.keys() - before.keys())
        for path in map(Path, new):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    assert "Traceback" not in told, told[-3000:]
    assert status == 2, f"status {status}; {told[-1000:]}"
    assert line.says in told, told[:2000]
    assert not out, out[:500]
    assert not _CONTROL.search(told), repr(told[:2000])
    assert told.count("\n") <= MOST_LINES, told[:3000]
    assert max(map(len, told.split("\n"))) <= LONGEST, told[:3000]
    assert not new, new
    assert after == before


def _run_here(line: BadLine, desk: Path) -> tuple[int, str, str]:
    """In this process, whose logging and signals are put back."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    root = logging.getLogger()
    handlers, terminate = root.handlers[:], signal.getsignal(signal.SIGTERM)
    with ExitStack() as stack:
        stack.enter_context(chdir(desk))
        stack.enter_context(patch.dict(os.environ, line.env))
        stack.enter_context(redirect_stdout(streams[0]))
        stack.enter_context(redirect_stderr(streams[1]))
        root.handlers = []
        stack.enter_context(limited(line.limits))
        try:
            status = call(shlex.split(line.run))
        finally:
            root.handlers = handlers
            signal.signal(signal.SIGTERM, terminate)
    out, told = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    return status, out, told


@contextmanager
def limited(limits: Mapping[str, int]) -> Iterator[None]:
    """Set limits of this process for a while."""
    old = {kind: resource.getrlimit(kind) for kind in map(_find_limit, limits)}
    for name, value in limits.items():
        resource.setrlimit(_find_limit(name), (value, old[_find_limit(name)][1]))
    try:
        yield
    finally:
        for kind, values in old.items():
            resource.setrlimit(kind, values)


def _find_limit(name: str) -> int:
    return int(getattr(resource, f"RLIMIT_{name}"))


def _run_apart(line: BadLine, desk: Path) -> tuple[int, str, str]:
    paths = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    done = subprocess.run(
        [sys.executable, "-m", "crosszero", *shlex.split(line.run)],
        cwd=desk,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | line.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=limited(line.limits).__enter__,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()

"""Folders that are whole or absent, one alone or several that belong together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.files import read_umask
from crosszero.locks import name_beside, temporary_folder

_OLD = "old"


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that replaces `path` when the block ends without an error.

    A reader sees the old folder or the new one, never a mixture. If the machine dies between the
    two renames, the old folder stands beside as ``.NAME.crosszero-old``, and the next call puts it
    back.

    Raises:
        CrosszeroError: the parent folder can't be written, or `path` is a file. Whether a folder
            may be replaced is for the caller to decide: this function replaces any.
    """
    with atomic_folders(path) as (new,):
        yield new


@contextmanager
def atomic_folders(*paths: str | Path) -> Iterator[list[Path]]:
    """Give empty folders that replace `paths` together: what belongs together is whole first.

    The renames follow each other, and one that fails takes back those before it. Only a process
    that is killed between them leaves a new folder beside an old one.

    Raises:
        CrosszeroError: as :func:`atomic_folder`.
    """
    # A folder is replaced, not the link to it.
    places = [path.resolve() if path.is_symlink() else path for path in map(Path, paths)]
    with ExitStack() as stack:
        for path in places:
            put_back(path)
        folders = [stack.enter_context(temporary_folder(path)) for path in places]
        try:
            yield folders
        except OSError as error:
            if error.filename is None:
                error.filename = str(places[0])  # a full disk is told with the name of the folder
            raise
        for folder in folders:
            _sync(folder)
        _put(dict(zip(places, folders, strict=True)))


def put_back(path: Path) -> None:
    """See that a folder can be put here, and put back the one that a killed process has lost."""
    old = name_beside(path, _OLD)
    for place in (path, old):
        if place.exists() and not place.is_dir():
            raise CrosszeroError(
                f"{place}: is a file, but a folder is to be written there; move the file, or "
                "choose another name"
            )
    try:
        if old.exists() and not path.exists():
            os.replace(old, path)
    except OSError as error:
        raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error


def _sync(folder: Path) -> None:
    """Have the disk hold all files, so that a power cut can't leave the name without the bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _put(folders: Mapping[Path, Path]) -> None:
    """Give new folders their names, all of them or none."""
    olds = {path: name_beside(path, _OLD) for path in folders}
    begun: list[Path] = []
    path = Path()
    try:
        for path, new in folders.items():
            new.chmod(0o777 & ~read_umask())
            if olds[path].exists():
                shutil.rmtree(olds[path])
        for path, new in folders.items():
            if path.exists():
                os.replace(path, olds[path])
            begun.append(path)
            os.replace(new, path)
    except BaseException as error:
        for done in reversed(begun):
            with suppress(OSError):
                if done.exists():
                    os.replace(done, folders[done])
                if olds[done].exists():
                    os.replace(olds[done], done)
        if isinstance(error, OSError):
            raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
        raise
    for path in folders:
        shutil.rmtree(olds[path], ignore_errors=True)

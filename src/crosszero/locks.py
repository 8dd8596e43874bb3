"""Locks on what is being written, freed when their owner dies; cleaning up after dead owners."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from crosszero.errors import CrosszeroError

if sys.platform != "win32":
    import fcntl

_MARK = "crosszero-"
# As tempfile names what is written here.
_TEMPORARY = re.compile(rf"\.(.+)\.{_MARK}[a-z0-9_]{{8}}", re.DOTALL)

# What stood in a folder when this process first wrote to it: listing 100,000 files takes long.
_left: dict[Path, dict[str, list[Path]]] = {}


def name_beside(path: Path, what: str) -> Path:
    """Name a hidden place beside a path that no user would choose: what is there, we may remove.

    Example:
        >>> name_beside(Path("runs/one"), "old").name
        '.one.crosszero-old'
    """
    return path.parent / f".{path.name}.{_MARK}{what}"


def sweep(path: Path) -> None:
    """Remove what dead writers of a path have left beside it. A living one holds a lock.

    A folder is listed once in the life of a process. What is left later, the next one removes.
    """
    folder = path.parent.absolute()
    if folder not in _left:
        found: dict[str, list[Path]] = {}
        _left[folder] = found
        with os.scandir(folder) as entries:
            for match in (_TEMPORARY.fullmatch(entry.name) for entry in entries):
                if match is not None:
                    found.setdefault(match[1], []).append(folder / match[0])
    for left in _left[folder].pop(path.name, []):
        try:
            if time.time() - left.stat().st_ctime < 1:  # just made, perhaps not locked yet
                continue
            handle = os.open(left, os.O_RDONLY)
        except OSError:
            continue
        with suppress(OSError):  # not ours to remove
            if take_lock(handle):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        os.close(handle)


def take_lock(handle: int) -> bool:
    """Lock an open file or folder, without waiting, until it is closed or the process dies.

    Returns:
        Whether it is locked now. False where another process holds it, or there are no locks.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what of them is empty after the block is removed again."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for place in made:
            with suppress(OSError):  # it is not empty
                place.rmdir()


@contextmanager
def temporary_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that is gone after the block.

    What a process that dies has left is removed by the next one of the same name.

    Raises:
        CrosszeroError: the parent folder can't be written.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(path.parent))
            sweep(path)
            new = Path(tempfile.mkdtemp(prefix=name_beside(path, "").name, dir=path.parent))
            lock = os.open(new, os.O_RDONLY)
            take_lock(lock)  # tells others that the writer is alive
        except OSError as error:
            raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)
            os.close(lock)


@contextmanager
def lock_output(path: str | Path, *, inside: bool = False) -> Iterator[None]:
    """Keep what will be written to this process.

    Args:
        path: the file or folder.
        inside: the lock stands in the folder `path`. False: it stands beside, because `path` is
            replaced as a whole. Folders that were made for it are removed again if they are empty.

    Raises:
        CrosszeroError: another process has the lock, or the folder can't be written.

    Example:
        >>> with lock_output("run", inside=True):                 # doctest: +SKIP
        ...     train()
    """
    path = Path(os.path.realpath(path))
    lock = path / f".{_MARK}lock" if inside else name_beside(path, "lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(lock.parent))
            handle = _open_locked(lock)
        except BlockingIOError as error:
            owner = "unknown"
            with suppress(OSError, ValueError):
                owner = lock.read_text(encoding="ascii")[:20]
            raise CrosszeroError(
                f"{path}: another process ({owner}) is writing it; wait until it has ended, or "
                "choose another --out"
            ) from error
        except OSError as error:
            raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            os.close(handle)


def _open_locked(lock: Path) -> int:
    """Open and lock a file; BlockingIOError if another process has it."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if sys.platform != "win32":
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):  # else the file system has no locks
                os.close(handle)
                raise
        if os.fstat(handle).st_nlink:
            os.truncate(handle, 0)
            os.write(handle, f"process {os.getpid()}".encode())
            return handle
        os.close(handle)  # its owner removed it in this moment

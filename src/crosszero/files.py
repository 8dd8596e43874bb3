"""Files that are whole or absent: atomic writes, text of known encoding, content hashes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from crosszero.errors import CrosszeroError, DataError

_GZIP_MAGIC = b"\x1f\x8b"
_COARSE = 2_000_000_000  # ns: of the coarsest file times; younger files may change unseen


@contextmanager
def atomic_file(path: str | Path, mode: str = "w") -> Iterator[IO]:  # type: ignore[type-arg]
    """Open a file that takes its name only when the block ends without an error.

    Args:
        path: where the file shall stand; the folder is made if it is missing.
        mode: ``"w"`` (UTF-8, line feed) or ``"wb"``.

    Raises:
        CrosszeroError: the folder can't be written.

    Example:
        >>> with atomic_file("table.json") as file:      # doctest: +SKIP
        ...     file.write("{}")
    """
    path = Path(path)
    text = {"encoding": "utf-8", "newline": "\n"} if "b" not in mode else {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
    try:
        with os.fdopen(handle, mode, **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that replaces `path` when the block ends without an error.

    A reader sees the old folder or the new one, never a mixture. If the machine dies between the
    two renames, the old folder stands beside as ``.NAME.old`` and is put back by the next call.

    Raises:
        CrosszeroError: the parent folder can't be written, or `path` is a file. Whether a folder
            may be replaced is for the caller to decide: this function replaces any.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()  # the folder is replaced, not the link to it
    old = path.parent / f".{path.name}.old"
    for place in (path, old):
        if place.exists() and not place.is_dir():
            raise CrosszeroError(
                f"{place}: is a file where a folder is to be written; move it away, or choose "
                "another name for the folder"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if old.exists() and not path.exists():
            os.replace(old, path)
        new = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
    try:
        yield new
        _sync(new)
        _put(new, path, old)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _sync(folder: Path) -> None:
    """Have the disk hold all files, so that a power cut can't leave the name without the bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _put(new: Path, path: Path, old: Path) -> None:
    """Give the new folder its name."""
    try:
        new.chmod(0o777 & ~_umask())
        if old.exists():
            shutil.rmtree(old)
        if path.exists():
            os.replace(path, old)
        os.replace(new, path)
    except OSError as error:
        raise CrosszeroError(f"{path}: can't be written ({error.strerror})") from error
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def open_bytes(path: str | Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file for reading; the content decides, not the name.

    Raises:
        DataError: the file is missing or can't be read.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - handed on
    except OSError as error:
        raise DataError(path, f"can't be read ({error.strerror})") from error
    if file.peek(2)[:2] == _GZIP_MAGIC:
        unpacked = gzip.GzipFile(fileobj=file, mode="rb")
        unpacked.myfileobj = file  # type: ignore[assignment]  # closed together: GzipFile leaves a file that it was given open
        return unpacked  # type: ignore[return-value]
    return file


def hash_files(*paths: str | Path) -> str:
    """SHA-256 over names and contents of files and of all files in folders, in sorted order.

    Files that have not changed since are not read again by the same process.
    """
    members = []
    for path in map(Path, paths):
        if not path.is_dir():
            members.append((path.name, path))
            continue
        found = sorted(p for p in path.rglob("*") if p.is_file())
        members += [(member.relative_to(path).as_posix(), member) for member in found]
    known = tuple(_Member.of(name, path) for name, path in members)
    if any(time.time_ns() - member.modified < _COARSE for member in known):
        return _hash_members.__wrapped__(known)
    return _hash_members(known)


class _Member(NamedTuple):
    """A file as it is now: another inode, size or time says that it has changed."""

    name: str
    path: Path
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, name: str, path: Path) -> _Member:
        stat = path.stat()
        path = path.absolute()
        return cls(name, path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@lru_cache(maxsize=1024)
def _hash_members(members: tuple[_Member, ...]) -> str:
    digest = hashlib.sha256()
    for member in members:
        digest.update(member.name.encode() + b"\0")
        with member.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        digest.update(b"\0")
    return digest.hexdigest()


def make_key(settings: Mapping[str, Any], files: Sequence[Path] = ()) -> str:
    """Hash settings, contents of files and the version of this library.

    Args:
        settings: plain values.
        files: files and folders; missing ones count by their name (a hub id, say).
    """
    from crosszero import __version__

    text = json.dumps(settings, sort_keys=True, default=str, ensure_ascii=False)
    digest = hashlib.sha256(f"{__version__}\0{text}".encode())
    for path in files:
        digest.update((hash_files(path) if path.exists() else str(path)).encode())
    return digest.hexdigest()

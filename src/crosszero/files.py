"""Files that are complete or absent: atomic writes, text in a known encoding, content hashes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.locks import made_folder, name_beside, sweep, take_lock

_GZIP_MAGIC = b"\x1f\x8b"
_Member = tuple[str, Path, tuple[int, int, int, int]]  # another inode, size or time: it has changed
_COARSE = 2_000_000_000  # ns: of the coarsest file times; younger files may change unseen


@contextmanager
def atomic_file(path: str | Path, mode: str = "w") -> Iterator[IO]:  # type: ignore[type-arg]
    """Open a file that takes its name only when the block ends without an error.

    Links are followed. What is no plain file (``-`` for standard output, a pipe, a device) is never
    replaced: it is written to when the block has ended.

    Args:
        path: where the file shall stand; the folder is made if it is missing. A name that ends in
            ``.gz`` is compressed.
        mode: ``"w"`` (UTF-8, line feed) or ``"wb"``.

    Raises:
        CrosszeroError: the folder can't be written, or `path` is a folder.

    Example:
        >>> with atomic_file("table.json") as file:      # doctest: +SKIP
        ...     file.write("{}")
    """
    path = Path(path)
    if is_stream(path):
        with tempfile.TemporaryFile() as kept:
            with _encode(kept, path, mode) as file:
                yield file
            _pour(kept, path)
        return
    with ExitStack() as stack:
        try:
            path = path.resolve()
            if path.is_dir():
                raise CrosszeroError(f"{path}: is a folder; name a file")
            stack.enter_context(made_folder(path.parent))
            sweep(path)
            handle, name = tempfile.mkstemp(prefix=name_beside(path, "").name, dir=path.parent)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            reason = getattr(error, "strerror", None) or error
            raise CrosszeroError(f"{path}: can't be written ({reason})") from error
        try:
            with os.fdopen(handle, "wb") as kept:
                take_lock(kept.fileno())  # tells others that the writer is alive
                with _encode(kept, path, mode) as file:
                    yield file
                kept.flush()
                os.fsync(kept.fileno())
            Path(name).chmod(0o666 & ~read_umask())
            os.replace(name, path)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(path)  # a full disk is told with the name of the file
            raise


def is_stream(path: str | Path) -> bool:
    """Tell whether a path is ``-``, a pipe or a device: it is written to, never replaced."""
    path = Path(path)
    return str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir())


@contextmanager
def _encode(kept: IO[bytes], path: Path, mode: str) -> Iterator[IO]:  # type: ignore[type-arg]
    """Text as UTF-8, and a name in .gz compressed, on the way into a file of bytes."""
    with ExitStack() as stack:
        stream: Any = kept
        if path.suffix == ".gz":
            stream = stack.enter_context(gzip.GzipFile("", "wb", fileobj=kept, mtime=0))
        if "b" in mode:
            yield stream
            return
        text = io.TextIOWrapper(
            stream, "utf-8", "backslashreplace", newline="\n", write_through=True
        )  # a file name that is no text is written as JSON reads it
        try:
            yield text
        finally:
            text.detach()


def _pour(kept: IO[bytes], path: Path) -> None:
    kept.seek(0)
    if str(path) == "-":
        sys.stdout.flush()
        shutil.copyfileobj(kept, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with path.open("wb") as stream:
            shutil.copyfileobj(kept, stream)


def check_output(
    out: str | Path,
    *,
    flag: str = "--out",
    inputs: Iterable[str | Path] = (),
    outputs: Mapping[str, str | Path] | None = None,
    folder: bool = False,
) -> None:
    """Refuse a place to write to that would cost data, before any work is done.

    Args:
        out: what the user named.
        flag: with which the user named it.
        inputs: what is read: must not be overwritten, nor hold `out` where they are folders.
        outputs: flag and place of what else is written.
        folder: whether a folder will be written, rather than a file.

    Raises:
        ConfigError: `out` is an input or lies in one, or another output, or is a file where a
            folder is to be, or a folder where a file is to be, or has a name that is no text.

    Example:
        >>> check_output("a.en", inputs=["a.en"])
        Traceback (most recent call last):
        ...
        crosszero.errors.ConfigError: --out a.en: is read by this command; choose another name
    """
    name = f"{flag} {out}"
    for other, taken in (outputs or {}).items():
        if str(out) == str(taken) == "-":
            raise ConfigError(f"{name}: {other} goes to standard output; name a file for one")
        if not is_stream(out) and real_place(out, flag) == real_place(taken, other):
            raise ConfigError(f"{name}: is {other}, too; choose another name")
    if is_stream(out):
        if folder:
            raise ConfigError(f"{name}: a folder is needed, this is a stream")
        return
    if folder and any("\ud800" <= character <= "\udfff" for character in str(out)):
        needed = "the libraries that write models need a name that is; choose another"
        raise ConfigError(f"{name}: is not {sys.getfilesystemencoding().upper()}, {needed}")
    place = real_place(out, flag)
    read = [Path(os.path.realpath(path)) for path in inputs if str(path) != "-"]
    if any(path == place or (path.is_dir() and path in place.parents) for path in read):
        raise ConfigError(f"{name}: is read by this command; choose another name")
    parent = next(parent for parent in place.parents if parent.exists())
    if not parent.is_dir():
        raise ConfigError(f"{name}: can't be written ({parent} is a file)")
    if place.exists() and place.is_dir() != folder:
        kinds = ("a folder", "a file") if folder else ("a file", "a folder")
        raise ConfigError(f"{name}: {kinds[0]} is needed, this is {kinds[1]}")


def real_place(out: str | Path, flag: str = "--out") -> Path:
    """Follow the links of a place to write to; ConfigError if they lead in a circle."""
    try:
        return Path(out).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{flag} {out}: can't be written ({error})") from error


def check_inputs(*paths: str | Path, advice: str = "name a file for the other") -> None:
    """Refuse standard input that is given twice (ConfigError): the second would be empty."""
    if [*map(str, paths)].count("-") > 1:
        raise ConfigError(f"-: standard input can be only one of the inputs; {advice}")


def read_umask() -> int:
    """Tell which permissions new files and folders do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def open_bytes(path: str | Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file (the content decides); ``-`` is standard input.

    Raises:
        DataError: the file is missing or can't be read.
    """
    try:
        name = os.dup(0) if str(path) == "-" else path
        file = open(name, "rb")  # noqa: SIM115, PTH123 - handed on
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
    members: list[_Member] = []
    for path in map(Path, paths):
        within = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for member in within:
            name = member.relative_to(path).as_posix() if path.is_dir() else path.name
            stat = member.stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            members.append((name, member.absolute(), state))
    young = any(time.time_ns() - state[2] < _COARSE for _, _, state in members)
    return (_hash_members.__wrapped__ if young else _hash_members)(tuple(members))


@lru_cache(maxsize=1024)
def _hash_members(members: tuple[_Member, ...]) -> str:
    digest = hashlib.sha256()
    for name, path, _ in members:
        digest.update(os.fsencode(name) + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        digest.update(b"\0")
    return digest.hexdigest()


def make_key(settings: Mapping[str, Any], files: Sequence[Path] = ()) -> str:
    """Hash settings, files and folders (missing ones, say hub ids, by name) and our version."""
    from crosszero import __version__

    text = json.dumps(settings, sort_keys=True, default=str, ensure_ascii=False)
    digest = hashlib.sha256(f"{__version__}\0{text}".encode(errors="surrogateescape"))
    for path in files:
        digest.update(os.fsencode(hash_files(path) if path.exists() else path))
    return digest.hexdigest()

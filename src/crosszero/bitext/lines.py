"""Lines of text files, decoded one by one so that an error can name its line.

:func:`read_lines` is meant for every UTF-8 file that this library reads by lines: what it can't
read it tells the same way everywhere. A caller that reads one file raises for a bad line with
``DataError(path, line.message, number)``; one that skips counts ``line.reason``.

Only a line feed ends a line. ``str.splitlines`` and text mode would also break at U+2028, U+0085, a
form feed or a lone carriage return; one such character in one of two aligned files would shift
every line after it against its translation.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crosszero.errors import DataError
from crosszero.files import open_bytes

MAX_LINE = 1 << 20  # bytes; a file without line feeds must not fill the memory

_BOM = b"\xef\xbb\xbf"
_FOREIGN = {  # how a file starts -> what to say; UTF-32 before UTF-16, which is its prefix
    b"\xff\xfe\x00\x00": ("UTF-32", "UTF-32"),
    b"\xff\xfe": ("UTF-16", "UTF-16"),
    b"\xfe\xff": ("UTF-16", "UTF-16"),
}
_PACKED = {
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"BZh": ("bzip2", "bunzip2"),
    b"PK\x03\x04": ("zip", "unzip"),
}


@dataclass(frozen=True, slots=True)
class BadText:
    """Text that can't be used, in the place of the text.

    Attributes:
        reason: two or three words, for counting.
        message: what is wrong and what to do.
    """

    reason: str
    message: str


def check_file(path: str | Path, *, text: bool = True) -> None:
    """See that a file can be read before the work starts.

    Args:
        path: the file, as the user gave it.
        text: also see that it does not start like UTF-16.

    Raises:
        DataError: it is missing, a folder, empty, packed with something else than gzip, or UTF-16.
    """
    if Path(path).is_dir():
        raise DataError(path, "is a folder where a file is needed: name a file in it")
    if not Path(path).exists():
        raise DataError(path, "no such file: check the spelling and the folder")
    if not Path(path).is_file():
        return  # a pipe: what is read now would be missing later
    with open_bytes(path) as file:
        head = read_block(file, path, 8)
    if not head:
        raise DataError(path, "is empty: text is needed", 1)
    for magic, (name, tool) in _PACKED.items():
        if head.startswith(magic):
            raise DataError(path, f"is packed with {name}: unpack it with {tool}, or use gzip")
    if text:
        _check_unicode(path, head)


def read_lines(path: str | Path) -> Iterator[str | BadText]:
    """Read a UTF-8 text file, plain or gzip, line by line in constant memory.

    A byte order mark at the start is dropped; a carriage return before the line feed, too. Nothing
    else is changed.

    Args:
        path: the file, as the user gave it.

    Yields:
        Each line without its end, or what is wrong with it, so that a caller that reads two files
        in step stays in step.

    Raises:
        DataError: while iterating: the file is missing, a folder, empty or UTF-16; or its gzip data
            is damaged or ends too early, after the lines before that.

    Example:
        >>> for number, line in enumerate(read_lines("corpus.en"), start=1):  # doctest: +SKIP
        ...     if isinstance(line, BadText):
        ...         raise DataError("corpus.en", line.message, number)
        ...     print(line)
    """
    number = 0
    with open_bytes(path) as opened:
        # Lines of a gzip file come several times faster through a buffer of C.
        file = opened if isinstance(opened, io.BufferedReader) else io.BufferedReader(opened)  # type: ignore[type-var]
        while raw := _read_line(file, path, number):
            number += 1
            if number == 1:
                _check_unicode(path, raw)
                raw = raw.removeprefix(_BOM)
            yield _decode(raw, path)
    if number == 0:
        raise DataError(path, "is empty: text is needed", 1)


def require_lines(path: str | Path, *, empty_lines: bool = False) -> Iterator[str]:
    """Read a file in which the line's NUMBER carries meaning, so that none may be left out.

    Args:
        path: the file, UTF-8, plain or gzip.
        empty_lines: whether a line may be empty. Where it may not, a line of nothing but white
            space is an error instead of a silent shift of everything below.

    Yields:
        The lines without surrounding spaces, tabs and carriage returns, at least one.

    Raises:
        DataError: while iterating: as in :func:`read_lines`, or a line can't be used.

    Example:
        >>> list(require_lines("tatoeba/fr-en.fr"))[0]      # doctest: +SKIP
        'Bonjour.'
    """
    for number, line in enumerate(read_lines(path), start=1):
        if isinstance(line, BadText):
            raise DataError(path, line.message, number)
        if not empty_lines and not line.strip():
            raise DataError(path, "the line is empty; every line must hold a sentence", number)
        yield line.strip(" \t\r")


def split_words(line: str) -> list[str]:
    """Cut a tokenised line into its words, at spaces and tabs and nowhere else.

    French writes a number with a space that does not break, which is one word to those who counted
    the words, but two to ``str.split``.

    Example:
        >>> len(split_words("10\\u00a0000 euros  paid"))
        3
    """
    return [word for word in re.split("[ \t]+", line) if word]


def read_parallel(
    paths: Sequence[str | Path],
) -> Iterator[tuple[int, tuple[str | BadText, ...]]]:
    """Read line-aligned files in step.

    Args:
        paths: two or more files.

    Yields:
        The line number, from 1, and that line of every file.

    Raises:
        DataError: as in :func:`read_lines`, or one file ends before another. Skipping can't mend
            that: where the missing line was, and so every pair, is in doubt.
    """
    with ExitStack() as stack:
        streams = []
        for path in paths:
            streams.append(read_lines(path))
            stack.callback(streams[-1].close)  # type: ignore[attr-defined]
        number = 0
        while True:
            row = [next(stream, None) for stream in streams]
            present = [line for line in row if line is not None]
            if len(present) < len(row):
                if present:
                    _raise_unequal(paths, streams, row, number)
                return
            number += 1
            yield number, tuple(present)


def read_block(file: IO[bytes], path: str | Path, size: int, line: int | None = None) -> bytes:
    """Read up to `size` bytes; a damaged gzip file or disk becomes a :class:`DataError`."""
    try:
        return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise _damaged(path, error, line) from error


def _read_line(file: IO[bytes], path: str | Path, number: int) -> bytes:
    try:
        raw = file.readline(MAX_LINE)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise _damaged(path, error, number + 1) from error
    return raw


def _damaged(path: str | Path, error: Exception, line: int | None) -> DataError:
    if isinstance(error, EOFError):
        return DataError(path, "the gzip data ends too early: fetch or pack the file again", line)
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return DataError(path, f"the gzip data is damaged ({error}): fetch the file again", line)
    return DataError(path, f"can't be read ({getattr(error, 'strerror', None) or error})", line)


def _check_unicode(path: str | Path, head: bytes) -> None:
    for magic, (name, code) in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(
                path, f"is {name}, UTF-8 is needed: convert it with iconv -f {code} -t UTF-8", 1
            )


def _decode(raw: bytes, path: str | Path) -> str | BadText:
    if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
        return BadText(
            "line too long",
            f"the line is longer than {MAX_LINE:,} bytes: a text with one sentence a line, "
            "ended by a line feed, is needed",
        )
    raw = raw[:-1] if raw.endswith(b"\n") else raw
    raw = raw[:-1] if raw.endswith(b"\r") else raw
    if b"\0" in raw:
        return BadText(
            "NUL byte",
            "there is a NUL byte: this is a binary file, or UTF-16 without its mark "
            "(then convert it with iconv -f UTF-16LE -t UTF-8)",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadText(
            "not UTF-8",
            f"byte 0x{raw[error.start]:02x} at position {error.start + 1} is not UTF-8: convert "
            "the file, for example with iconv -f ISO-8859-1 -t UTF-8",
        )


def _raise_unequal(
    paths: Sequence[str | Path],
    streams: Sequence[Iterator[str | BadText]],
    row: Sequence[str | BadText | None],
    number: int,
) -> None:
    counts = [
        number + (line is not None) + sum(1 for _ in stream)
        for line, stream in zip(row, streams, strict=True)
    ]
    short = min(range(len(paths)), key=counts.__getitem__)
    others = ", ".join(
        f"{path} has {count:,}"
        for path, count in zip(paths, counts, strict=True)
        if count != counts[short]
    )
    raise DataError(
        paths[short],
        f"ends after {number:,} lines, but {others}: aligned files need the same number of lines; "
        "find the line that is missing (it can't be skipped, every later pair is in doubt)",
        line=number,
    )

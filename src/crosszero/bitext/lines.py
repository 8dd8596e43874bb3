"""Lines of text files, decoded one by one so that an error can name its line.

:func:`read_lines` is meant for every UTF-8 file that this library reads by lines, so that errors
are the same everywhere. :func:`require_lines` stops where a line can't be used.

Only a line feed ends a line. ``str.splitlines`` and text mode would also break at U+2028, U+0085, a
form feed or a lone carriage return; one such character in one of two aligned files would shift
every line after it against its translation.
"""

from __future__ import annotations

import gzip
import io
import logging
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from crosszero.bitext.decoding import (
    BadText,
    advise,
    check_start,
    check_unicode,
    decode,
    find_control,
    is_utf8,
)
from crosszero.bitext.folding import has_text
from crosszero.errors import DataError, count_things
from crosszero.files import open_bytes

T = TypeVar("T")
MAX_LINE = 1 << 20  # bytes; a file without line feeds must not fill the memory
MAX_ROW = 1 << 26  # of JSONL that has a text with all its words and links

_logger = logging.getLogger("crosszero.bitext")
# All spaces but those that keep a number together: no-break, narrow no-break and figure space.
_SPACES = re.compile("[ \t\n\r\u1680\u2000-\u2006\u2008-\u200a\u205f\u3000]+")
_EMPTY = "the line is empty; every line must hold a sentence"
_PACKED = {
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"BZh": ("bzip2", "bunzip2"),
    b"PK\x03\x04": ("zip", "unzip"),
}


def check_file(path: str | Path, *, text: bool = True) -> None:
    """See that a file can be read before the work starts; of text, that it is not UTF-16.

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
            raise DataError(
                path, f"is compressed with {name}: decompress it with {tool}, or use gzip"
            )
    if text:
        check_unicode(path, head)


def read_lines(path: str | Path, *, longest: int = MAX_LINE) -> Iterator[str | BadText]:
    """Read a UTF-8 text file, plain or gzip, line by line in constant memory.

    A byte order mark and carriage returns before line feeds are dropped. In place of a line that
    can't be used, or has more than `longest` bytes, comes what is wrong with it, so that a caller
    that reads two files stays in step.

    Raises:
        DataError: while iterating: the file is missing, a folder, empty or UTF-16; or its gzip data
            is damaged or ends too early, after the lines before that.
    """
    number = 0
    mixed = False  # whether some line is UTF-8 that is more than ASCII
    with open_bytes(path) as opened:
        # Lines of a gzip file come several times faster through a buffer of C.
        file = opened if isinstance(opened, io.BufferedReader) else io.BufferedReader(opened)  # type: ignore[type-var]
        while raw := _read_line(file, path, number, longest):
            number += 1
            if number == 1:
                check_start(path, raw, alone=not _peek(file))
            line = decode(raw) if len(raw) < longest or raw.endswith(b"\n") else _cut_off(longest)
            if isinstance(line, str):
                mixed = mixed or not line.isascii()
                yield line.removeprefix("\ufeff") if number == 1 else line
            elif line.reason == "not UTF-8":
                coming = _peek(file)
                mixed = mixed or any(map(is_utf8, coming.split(b"\n")[:-1]))
                yield BadText(line.reason, f"{line.message}: {advise(raw + coming, mixed)}")
            else:
                yield line
    if number == 0:
        raise DataError(path, "is empty: text is needed", 1)


def require_lines(
    path: str | Path, *, empty_lines: bool = False, longest: int = MAX_LINE
) -> Iterator[str]:
    """Read a file in which the line's NUMBER carries meaning, so that none may be left out.

    The lines come without spaces, tabs and carriage returns around them. Where none may be empty,
    one of nothing but white space is an error instead of a silent shift of everything below.

    Raises:
        DataError: while iterating: as in :func:`read_lines`, or a line can't be used.

    Example:
        >>> list(require_lines("tatoeba/fr-en.fr"))[0]      # doctest: +SKIP
        'Bonjour.'
    """
    warned = False
    for number, line in enumerate(read_lines(path, longest=longest), start=1):
        if isinstance(line, BadText):
            raise DataError(path, line.message, number)
        if not warned and (problem := find_control(line)):
            warned = True
            _logger.warning("%s:%d: %s", path, number, problem.message)
        if not empty_lines and not line.strip():
            raise DataError(path, _EMPTY, number)
        yield line.strip(" \t\r")


def require_texts(path: str | Path, *, strict: bool, outcome: str) -> Iterator[str]:
    """Read a text a line, and ``""`` where there is none, so that the others keep their numbers.

    Args:
        strict: refuse a line without text.
        outcome: what becomes of such lines, for the message that counts them.

    Raises:
        DataError: while iterating: as in :func:`require_lines`.
    """
    lines = ([line] for line in require_lines(path, empty_lines=True))
    for (line,) in count_empty(lines, list, [path], strict=strict, outcome=outcome):
        yield line if has_text(line) else ""


def count_empty(
    rows: Iterable[T],
    spell: Callable[[T], Sequence[str]],
    paths: Sequence[str | Path],
    *,
    strict: bool,
    outcome: str,
) -> Iterator[T]:
    """Hand rows on, and tell at the end in how many a text is empty.

    Args:
        rows: one for each line of the files; `spell` gives the texts of one.
        paths: of the file of each text, or of the one that holds them all; none: nothing is told.
        strict, outcome: as in :func:`require_texts`, with its error.
    """
    empty, first = 0, ""
    for number, row in enumerate(rows, start=1):
        lacking = [place for place, text in enumerate(spell(row)) if not has_text(text)]
        if lacking and paths:
            path = paths[min(lacking[0], len(paths) - 1)]
            if strict:
                raise DataError(path, _EMPTY, number)
            empty, first = empty + 1, first or f"{path}:{number}"
        yield row
    if empty:
        lines = count_things(empty, "line is", "lines are")
        told = f"{first}: {lines} empty, this is the first: {outcome}"
        _logger.warning("%s; --strict refuses them", told)


def split_words(line: str) -> list[str]:
    """Cut a tokenised line into its words, at tabs and at spaces where a line may break.

    A line of JSONL holds texts in which lines break, too.

    French writes a number with a space that does not break, which is one word to those who counted
    the words, but two to ``str.split``.

    Example:
        >>> len(split_words("10\\u00a0000 euros  paid"))
        3
    """
    return [word for word in _SPACES.split(line) if word]


def read_block(file: IO[bytes], path: str | Path, size: int, line: int | None = None) -> bytes:
    """Read up to `size` bytes; a damaged gzip file or disk becomes a :class:`DataError`."""
    try:
        return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise _damaged(path, error, line) from error


def _read_line(file: IO[bytes], path: str | Path, number: int, longest: int) -> bytes:
    try:
        raw = file.readline(longest)
        if len(raw) == longest and not raw.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        raise _damaged(path, error, number + 1) from error
    return raw


def _cut_off(longest: int) -> BadText:
    needed = "write one sentence per line, each ending in a line feed"
    return BadText("line too long", f"the line is longer than {longest:,} bytes: {needed}")


def _damaged(path: str | Path, error: Exception, line: int | None) -> DataError:
    if isinstance(error, EOFError):
        return DataError(
            path, "the gzip data is truncated: download or compress the file again", line
        )
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return DataError(path, f"the gzip data is damaged ({error}): download the file again", line)
    return DataError(path, f"can't be read ({getattr(error, 'strerror', None) or error})", line)


def _peek(file: io.BufferedReader[Any]) -> bytes:
    """Look at some of what comes next; a damaged file is reported when it is read."""
    try:
        return file.peek(1)
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError):
        return b"?"

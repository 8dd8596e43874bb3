"""Output of lines that a run which was stopped goes on with, in constant memory.

What is written stands beside the output, under a name that tells by which settings and from which
texts; the output takes its name at the end.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.files import atomic_file, is_stream, real_place
from crosszero.locks import made_folder, name_beside, take_lock

_HOLE = b"\0\n"  # stands for an item without a line; no text has this character
_log = logging.getLogger("crosszero")


class Lines:
    """An output of lines, one for each item or none.

    Attributes:
        done: items that an earlier run has dealt with.
        count: items so far.
        kept: lines so far.
    """

    def __init__(self, file: IO[bytes], hole: bytes, count: int = 0, kept: int = 0) -> None:
        self._file, self._hole = file, hole
        self.done, self.count, self.kept = count, count, kept

    def read_done(self) -> Iterator[str]:
        """Read the lines of the earlier run, without their ends, before any are written."""
        if self.done:
            self._file.seek(0)
            rows = islice(self._file, self.done)
            yield from (row.decode().removesuffix("\n") for row in rows if row != self._hole)

    def write(self, lines: Sequence[str | None]) -> None:
        """Write the lines of further items, ``None`` for one without; safe when it returns."""
        rows = [self._hole if line is None else f"{line}\n".encode() for line in lines]
        self._file.write(b"".join(rows))
        self._file.flush()
        self.count += len(lines)
        self.kept += sum(line is not None for line in lines)


@contextmanager
def open_lines(out: Path, key: str | None) -> Iterator[Lines]:
    """Open an output that may have been begun before.

    Args:
        out: a file, or ``-``, a pipe or a device, which nothing can go on with.
        key: hash of all that the lines depend on; ``None`` if that can't be known, as of standard
            input: then nothing is gone on with.

    Raises:
        CrosszeroError: the file can't be written, or another process writes it.
    """
    if is_stream(out):
        stream = sys.stdout.buffer if str(out) == "-" else out.open("wb")
        try:
            yield Lines(stream, b"")
        finally:
            if str(out) != "-":
                stream.close()
        return
    out = real_place(out)  # a link is followed
    part = name_beside(out, f"{(key or 'stream')[:16]}.part")
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(out.parent))
            _sweep(out, part)
            stack.enter_context(_named(out))
            file = stack.enter_context(part.open("a+b"))
        except OSError as error:
            raise CrosszeroError(f"{out}: can't be written ({error.strerror})") from error
        if not take_lock(file.fileno()) and sys.platform != "win32":
            raise CrosszeroError(f"{out}: another process is writing it")
        if key is None:
            os.truncate(part, 0)
        lines = Lines(file, _HOLE, *_count_whole(part))
        try:
            yield lines
        except Exception as error:
            # What is wrong with the input will change, and with it the key. Other errors go away.
            if isinstance(error, ConfigError | DataError) or key is None or not lines.count:
                part.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(out)  # a full disk is told with the name of the file
            raise
        os.fsync(file.fileno())
        if out.suffix == ".gz" or lines.kept < lines.count:
            with part.open("rb") as rows, atomic_file(out, "wb") as whole:
                whole.writelines(row for row in rows if row != _HOLE)
            part.unlink()
        else:
            os.replace(part, out)


@contextmanager
def _named(out: Path) -> Iterator[None]:
    """Have a full disk, which closing the file can meet, too, told with the name of the output."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(out)
        raise


def _sweep(out: Path, part: Path) -> None:
    """Remove what dead runs with other settings have begun; a living one holds a lock."""
    begun = re.compile(rf"{re.escape(name_beside(out, '').name)}(stream|[0-9a-f]+)\.part")
    for left in out.parent.iterdir():
        if left != part and begun.fullmatch(left.name):
            with suppress(OSError), left.open("rb") as file:
                if take_lock(file.fileno()):
                    left.unlink()
                    _log.warning(
                        "%s: a run that was stopped had other texts or settings; this one starts "
                        "from the beginning",
                        out,
                    )


def _count_whole(part: Path) -> tuple[int, int]:
    """Count the items and the lines of a file, and cut off the piece of one at its end."""
    count = kept = whole = 0
    with part.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                count, kept, whole = count + 1, kept + (line != _HOLE), whole + len(line)
    os.truncate(part, whole)
    return count, kept

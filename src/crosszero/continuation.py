"""Output of lines that a run which was killed goes on with, in constant memory.

What is written stands beside the output, under a name that tells by which settings and from which
texts; the output takes its name at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from crosszero.errors import CrosszeroError
from crosszero.files import atomic_file, is_stream, open_bytes, real_place
from crosszero.locks import made_folder, take_lock


@contextmanager
def open_lines(out: Path, key: str | None) -> Iterator[tuple[int, Callable[[Sequence[str]], None]]]:
    """Open an output that may have been begun before.

    Args:
        out: a file, or ``-``, a pipe or a device, which nothing can go on with.
        key: hash of all that the lines depend on; ``None`` if that can't be known, as of standard
            input: then nothing is gone on with.

    Yields:
        How many lines are there, and what to write further ones with; what it was given is safe
        when it returns.

    Raises:
        CrosszeroError: the file can't be written, or another process writes it.
    """
    if is_stream(out):
        stream = sys.stdout.buffer if str(out) == "-" else out.open("wb")
        try:
            yield 0, lambda lines: _write(stream, lines)
        finally:
            if str(out) != "-":
                stream.close()
        return
    out = real_place(out)  # a link is followed
    part = out.parent / f".{out.name}.{(key or 'stream')[:16]}.part"
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
        try:
            if key is None:
                os.truncate(part, 0)
            yield _count_whole(part), lambda lines: _write(file, lines)
        except Exception as error:  # what was wrong will change, and with it the key
            part.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(out)  # a full disk is told with the name of the file
            raise
        os.fsync(file.fileno())
        if out.suffix == ".gz":
            with part.open("rb") as plain, atomic_file(out, "wb") as packed:
                shutil.copyfileobj(plain, packed)
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
    begun = re.compile(rf"\.{re.escape(out.name)}\.[0-9a-f]+\.part")
    for left in out.parent.iterdir():
        if left != part and begun.fullmatch(left.name):
            with suppress(OSError), left.open("rb") as file:
                if take_lock(file.fileno()):
                    left.unlink()


def _count_whole(part: Path) -> int:
    """Count the lines of a file, and cut off the piece of one at its end."""
    count = whole = 0
    with open_bytes(part) as file:
        for line in file:
            if line.endswith(b"\n"):
                count, whole = count + 1, whole + len(line)
    os.truncate(part, whole)
    return count


def _write(file: IO[bytes], lines: Sequence[str]) -> None:
    file.write("".join(f"{line}\n" for line in lines).encode())
    file.flush()

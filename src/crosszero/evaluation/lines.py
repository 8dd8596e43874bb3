"""Lines of evaluation files, where the line NUMBER carries the meaning.

``str.splitlines`` would also break lines at U+2028, U+0085 or a form feed inside a sentence and so
shift all that follow; only the line feed ends a line here. A byte order mark and carriage returns
before a line feed are dropped: files pass through Windows.
"""

from __future__ import annotations

from pathlib import Path

from crosszero.errors import DataError
from crosszero.files import open_bytes


def read_lines(path: str | Path, *, empty_lines: bool = False) -> list[str]:
    """Read a UTF-8 file into stripped lines, plain or gzip-compressed.

    Args:
        path: the file.
        empty_lines: whether a line may be empty. Where it may not, an empty line is an error
            instead of a silent shift of everything below.

    Returns:
        The lines without surrounding white space, at least one.

    Raises:
        DataError: missing, not UTF-8, without any line, or with an empty line.

    Example:
        >>> read_lines("tatoeba/fr-en.fr")[0]      # doctest: +SKIP
        'Bonjour.'
    """
    with open_bytes(path) as file:
        try:
            data = file.read()
        except (OSError, EOFError) as error:
            raise DataError(path, f"can't be read ({error})") from error
    rows = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    lines = []
    for number, row in enumerate(rows, start=1):
        try:
            line = row.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise DataError(
                path, f"is not UTF-8 (byte {error.start + 1} of the line)", number
            ) from error
        if not line and not empty_lines:
            raise DataError(path, "the line is empty; every line must hold a sentence", number)
        lines.append(line)
    if not lines:
        raise DataError(path, "the file is empty")
    return lines

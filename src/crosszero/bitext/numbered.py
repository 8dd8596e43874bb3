"""Files of one number a line, where the line's NUMBER carries meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError

# XTREME compares numbers as text: 07 would never be right; and int() reads 4300 digits at most
PLAIN_NUMBER = re.compile("0|[1-9][0-9]{0,8}")


def read_lines(path: str | Path, *, empty_lines: bool = False) -> list[str]:
    """Give all lines of :func:`~crosszero.bitext.lines.require_lines`."""
    return list(require_lines(path, empty_lines=empty_lines))


def read_numbers(
    path: str | Path, count: int, limit: int, *, lines_of: str, unanswered: bool = False
) -> list[int]:
    """Read a file with one number a line: for each query the 0-based place of its answer.

    Args:
        path: the file.
        count: how many lines it must have.
        limit: what the numbers must stay below.
        lines_of: what the lines stand for, for messages: ``English sentences``.
        unanswered: whether -1, no answer, may stand in place of a number.

    Raises:
        DataError: missing or damaged, of another length, or a line is no such number.

    Example:
        >>> read_numbers("test-fr.tsv", 3, 3, lines_of="English sentences")      # doctest: +SKIP
        [2, 0, 1]
    """
    found = read_lines(path)
    if len(found) != count:
        raise DataError(path, f"{len(found)} lines for {count} {lines_of}", min(len(found), count))
    numbers = []
    for number, line in enumerate(found, start=1):
        if unanswered and line == "-1":
            numbers.append(-1)
            continue
        if not PLAIN_NUMBER.fullmatch(line):
            raise DataError(path, f"a line number is needed, not {line[:80]!r}", number)
        if int(line) >= limit:
            raise DataError(
                path, f"{line} is out of range: line numbers count from 0 to {limit - 1}", number
            )
        numbers.append(int(line))
    return numbers


def check_once(path: str | Path, numbers: Sequence[int]) -> None:
    """See that no number stands twice in a gold file that pairs lines one by one.

    Args:
        path: the file, for the message.
        numbers: of its lines.

    Raises:
        DataError: one does; names the second of its lines.
    """
    lines_of: dict[int, int] = {}
    for line, number in enumerate(numbers, start=1):
        first = lines_of.setdefault(number, line)
        if first != line:
            raise DataError(
                path,
                f"{number} stands on line {first} already; a foreign sentence is the translation "
                "of one English sentence",
                line,
            )

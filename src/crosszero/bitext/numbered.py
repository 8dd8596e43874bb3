"""Lines of evaluation files, where the line NUMBER carries the meaning, and words by POSITION.

How lines end is the business of :mod:`crosszero.bitext.lines` (only at a line feed). Here no line
may be skipped: one that can't be used stops the reading. And only spaces and tabs surround a line
or part words: French writes a number with a space that does not break, which is one word to those
who counted the words, but two to ``str.split``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.bitext import lines
from crosszero.bitext.lines import BadText
from crosszero.errors import DataError

# XTREME compares numbers as text: 07 would never be right; and int() reads 4300 digits at most
PLAIN_NUMBER = re.compile("0|[1-9][0-9]{0,8}")


def read_lines(path: str | Path, *, empty_lines: bool = False) -> list[str]:
    """Read a UTF-8 file into lines, plain or gzip-compressed.

    Args:
        path: the file.
        empty_lines: whether a line may be empty. Where it may not, a line of nothing but white
            space is an error instead of a silent shift of everything below.

    Returns:
        The lines without surrounding spaces, tabs and carriage returns, at least one.

    Raises:
        DataError: missing or damaged, not UTF-8, without any line, or with an empty line.

    Example:
        >>> read_lines("tatoeba/fr-en.fr")[0]      # doctest: +SKIP
        'Bonjour.'
    """
    return list(iterate_lines(path, empty_lines=empty_lines))


def iterate_lines(path: str | Path, *, empty_lines: bool = False) -> Iterator[str]:
    """Give the lines of :func:`read_lines` one by one, in constant memory."""
    for number, line in enumerate(lines.read_lines(path), start=1):
        if isinstance(line, BadText):
            raise DataError(path, line.message, number)
        if not empty_lines and not line.strip():
            raise DataError(path, "the line is empty; every line must hold a sentence", number)
        yield line.strip(" \t\r")


def split_words(line: str) -> list[str]:
    """Cut a tokenised line into its words, at spaces and tabs and nowhere else.

    Example:
        >>> len(split_words("10\\u00a0000 euros  paid"))
        3
    """
    return [word for word in re.split("[ \t]+", line) if word]


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

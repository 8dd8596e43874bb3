"""Files of predictions and of gold: where they are, and what their lines may hold.

Both have XTREME's format: one file for each task and language, ``<folder>/<task>/test-<xx>.tsv``,
one item per line in the order of the test data. Impossible values are refused when written and when
read. Files are complete or absent.

Source: ``evaluate.py`` of https://github.com/google-research/xtreme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from crosszero.bitext.lines import require_lines
from crosszero.errors import ConfigError, DataError
from crosszero.files import atomic_file

CODE = r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"  # fr, zh-CN, sr_Latn; en-fr for a pair
_FILE = re.compile(rf"(?:test|reversed|mined|threshold)-({CODE})\.(?:tsv|json)")
# XTREME compares numbers as text: 07 would never be right; and int() reads 4300 digits at most
_NUMBER = re.compile("0|[1-9][0-9]{0,8}")


def name_file(folder: str | Path, task: str, language: str, kind: str = "test") -> Path:
    """Name the file of a language; ConfigError if `language` can't be a language code.

    Example:
        >>> name_file("predictions", "udpos", "fr").as_posix()
        'predictions/udpos/test-fr.tsv'
    """
    if not re.fullmatch(CODE, language):
        raise ConfigError(f"{language!r} is not a language code; write fr or zh-CN")
    return Path(folder) / task / f"{kind}-{language}.tsv"


def find_file(folder: str | Path, task: str, language: str, kind: str = "test") -> Path:
    """Name a file that has to be there; DataError if it is not."""
    path = name_file(folder, task, language, kind)
    if not path.is_file():
        others = ", ".join(list_languages(folder, task, kind)) or "none"
        raise DataError(path, f"is missing; languages with such a file: {others}")
    return path


def check_folder(folder: Path) -> None:
    """See that a folder may hold predictions or gold, or DataError."""
    if not folder.is_dir():
        raise DataError(folder, "no such folder: one that holds <task>/test-<xx>.tsv is needed")
    if (inner := folder / "predictions").is_dir():
        raise DataError(folder, f"is the folder of an evaluation; for its predictions name {inner}")


def list_languages(folder: str | Path, task: str, kind: str = "test") -> list[str]:
    """List the languages that have a file ``<folder>/<task>/<kind>-<xx>.tsv``, sorted."""
    names = (path.name for path in (Path(folder) / task).glob(f"{kind}-*.tsv"))
    matches = (re.fullmatch(rf"{kind}-({CODE})\.tsv", name) for name in names)
    return sorted(match[1] for match in matches if match)


def remove_files(folder: str | Path, task: str, language: str | None = None) -> bool:
    """Remove what was predicted for a task, in one language or in all; say whether there was any.

    What another encoder left must not be scored together with what is written next.
    """
    place = Path(folder) / task
    removed = False
    for path in (*place.glob("*"), *place.glob("layer-*/*")):
        match = _FILE.fullmatch(path.name)
        if match and language in (None, match[1]):
            path.unlink()
            removed = True
    return removed


def write_lines(path: Path, lines: Iterable[object], *, source: str | Path = "") -> Path:
    """Write a file, one item a line; DataError names their `source` if that must have some."""
    count = 0
    with atomic_file(path) as file:
        for line in lines:
            file.write(f"{line}\n")
            count += 1
        if not count and source:
            raise DataError(source, "there is nothing to write: one item per line is needed")
    return path


def check_count(path: str | Path, found: int, wanted: int, unit: str) -> None:
    """See that a file has a line for each item; DataError names the last line that both have."""
    if found != wanted:
        raise DataError(path, f"{found} lines for {wanted} {unit}", min(found, wanted))


def read_numbers(
    path: str | Path, count: int | None, limit: int | None, *, unit: str, unanswered: bool = False
) -> list[int]:
    """Read a file with one number a line: for each query the 0-based place of its answer.

    Args:
        path: the file.
        count: how many lines it must have; None for any.
        limit: what the numbers must stay below; None for the number of lines.
        unit: what the lines stand for, for messages: ``English sentences``.
        unanswered: whether -1, no answer, may stand in place of a number.
    """
    lines = list(require_lines(path))
    if count is not None:
        check_count(path, len(lines), count, unit)
    limit = len(lines) if limit is None else limit
    for number, line in enumerate(lines, start=1):
        if unanswered and line == "-1":
            continue
        if not _NUMBER.fullmatch(line):
            raise DataError(path, f"a line number is needed, not {line[:80]!r}", number)
        if int(line) >= limit:
            message = f"{line} is out of range: line numbers count from 0 to {limit - 1}"
            raise DataError(path, message, number)
    return [int(line) for line in lines]

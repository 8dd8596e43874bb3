"""Errors for users.

Every error that user input can cause derives from :class:`CrosszeroError`; the command line prints
it as one line and exits with status 2. A message says what was given, what is allowed and what to
do. Anything else that escapes is a bug of this library and keeps its traceback.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class CrosszeroError(Exception):
    """An error that the user can fix. The message is complete without a traceback.

    An error from a worker process arrives with the same class and the same message.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[CrosszeroError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> CrosszeroError:
    """Make an error again without its constructor, which would word the message a second time."""
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class DataError(CrosszeroError):
    """Text that can't be used, named by file and line.

    Args:
        path: the file, as the user gave it.
        message: what is wrong and what to do.
        line: 1-based line number, where there is one.

    Example:
        >>> str(DataError("a.tsv", "two columns are needed, 1 found", line=3))
        'a.tsv:3: two columns are needed, 1 found'
    """

    def __init__(self, path: str | Path, message: str, line: int | None = None) -> None:
        self.path, self.line, self.reason = str(path), line, message
        super().__init__(f"{path}: {message}" if line is None else f"{path}:{line}: {message}")


class ConfigError(CrosszeroError):
    """A setting that is unknown, of the wrong type or out of range."""


class CheckpointError(CrosszeroError):
    """A model folder or checkpoint that can't be loaded or does not fit."""


class TrainingError(CrosszeroError):
    """Training had to stop: loss or gradient is not finite, or the disk can't take a checkpoint."""


class PeerError(TrainingError):
    """Another process of the same training failed. It says why, so this one need not."""


class MissingExtraError(CrosszeroError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed: "
            f"pip install 'crosszero[{extra}]'"
        )


def suggest(given: str, allowed: Iterable[str]) -> str:
    """Say which names are allowed, the nearest one first.

    Example:
        >>> suggest("temprature", ["temperature", "seed"])
        "did you mean 'temperature'? Allowed: seed, temperature"
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    listed = "Allowed: " + ", ".join(names)
    return f"did you mean {near[0]!r}? {listed}" if near else listed


def visible(text: str) -> str:
    r"""Write characters that a terminal would obey, or that turn text around, as ``\u001b``.

    Example:
        >>> print(visible("a\x1b[2Jb"))
        a\u001b[2Jb
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(map(_show, text))


def quote(value: object, limit: int = 80) -> str:
    """Show a value in a message: as Python writes it, cut after `limit` characters.

    Example:
        >>> quote("a" * 100, limit=5)
        "'aaaa ..."
    """
    text = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    return visible(text if len(text) <= limit else f"{text[:limit]} ...")


def count_things(number: int, one: str, many: str) -> str:
    """Say how many there are.

    Example:
        >>> count_things(1, "line is", "lines are"), count_things(2000, "line is", "lines are")
        ('1 line is', '2,000 lines are')
    """
    return f"{number:,} {one if number == 1 else many}"


def one_line(error: BaseException) -> str:
    """Give what an error of another library says on one line of bounded length.

    Example:
        >>> one_line(ValueError("no such   file"))
        'no such file'
    """
    text = visible(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) < 300 else f"{text[:300]} ..."


def _show(character: str) -> str:
    harmless = character in "\u200c\u200d"  # joiners that Persian and Indic words are made of
    if harmless or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co"):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

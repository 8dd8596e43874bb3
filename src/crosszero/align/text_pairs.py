"""Texts and their translations, as people have them: two files, one of lines, TSV, JSONL.

The number of a line carries meaning here: what is empty on one side stays, as a pair without words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Literal, NamedTuple

from crosszero.bitext.decoding import BadText, find_control
from crosszero.bitext.formats.multiway import read_parallel
from crosszero.bitext.lines import read_block
from crosszero.errors import DataError
from crosszero.files import open_bytes

_Format = Literal["lines", "tsv", "jsonl"]
_BAR = "|||"
_EDGES = " \t\r"  # around a text; a no-break space may be a word, and words are counted
_SCORE = re.compile(r"[+-]?\d+\.\d+(e[+-]?\d+)?|[+-]?\d+e[+-]?\d+")  # and no year
_NO_PAIR = (
    "holds no pair: 'source ||| target', two columns with a tab between them, or "
    '{"source": ..., "target": ...} is needed; or give two files'
)
ONE_FILE = "or give it once, with lines 'source ||| target'"


class TextPair(NamedTuple):
    """A text and its translation; lists where they are cut into words already."""

    source: str | list[str]
    target: str | list[str]


def read_pairs(source: str | Path, target: str | Path | None = None) -> Iterator[TextPair]:
    """Read pairs of texts, one a line, in constant memory.

    Args:
        source: a file, plain or .gz, or ``-`` for standard input.
        target: the translations, line by line; none: `source` holds both, in lines ``a ||| b``, TSV
            (the first two columns; more are left alone) or JSONL (``{"source": ..., "target":
            ...}``, texts or lists of words), which its first line with text tells.

    Raises:
        DataError: while iterating: a line can't be used.

    Example:
        >>> next(read_pairs("pairs.txt"))                                 # doctest: +SKIP
        TextPair(source='The house is small.', target='Das Haus ist klein.')
    """
    if target is not None:
        for _, row in read_columns([source, target]):
            yield TextPair(*(text.strip(_EDGES) for text in row))
        return
    kind, empty = None, 0
    for number, (line,) in read_columns([source]):
        line = line.rstrip("\r")  # no tab, beside which a side may be empty
        if kind is None and not line.strip() and "\t" not in line:
            empty += 1  # the next line may tell
            continue
        if kind is None:
            kind = _tell_kind(source, number, line)
            yield from repeat(TextPair("", ""), empty)
        yield _parse(source, number, line, kind)
    if kind is None:
        raise DataError(source, _NO_PAIR, 1)


def read_columns(paths: Sequence[str | Path]) -> Iterator[tuple[int, list[str]]]:
    """Read files of equally many lines side by side: the number of each line, and its texts.

    Raises:
        DataError: while iterating: a line can't be used.
    """
    for number, row in read_parallel(paths):
        for path, text in zip(paths, row, strict=True):
            if isinstance(text, BadText):
                raise DataError(path, text.message, number)
        yield number, [str(text) for text in row]


def check_lengths(source: str | Path, target: str | Path | None = None) -> None:
    """Refuse two files with different numbers of lines, before hours are spent on the lines.

    Nothing is looked at if a side is a stream, or there is one file.

    Raises:
        DataError: the numbers differ, or a line before the end of one can't be used.
    """
    if target is None or not all(Path(path).is_file() for path in (source, target)):
        return
    if _count_lines(source) != _count_lines(target):
        for _ in read_columns([source, target]):  # says what is wrong
            pass


def _count_lines(path: str | Path) -> int:
    count, last = 0, b"\n"
    with open_bytes(path) as file:
        while block := read_block(file, path, 1 << 20):
            count, last = count + block.count(b"\n"), block[-1:]
    return count + (last != b"\n")


def _tell_kind(path: str | Path, number: int, line: str) -> _Format:
    if _is_object(line):  # a text, too, may begin with a brace
        return "jsonl"
    bars, tab = line.count(_BAR), "\t" in re.sub(r"\s*\|\|\|\s*", "", line)
    if bars == 1 and tab:
        raise DataError(
            path,
            "has a tab and |||, and either can separate the texts: write a space for the tab, or "
            "take ||| out, or give two files",
            number,
        )
    if tab:
        if line.count("\t") > 1 and _SCORE.fullmatch(line.partition("\t")[0]):
            message = "begins with a number, as pairs with a score do; the first two columns must "
            raise DataError(path, f"{message}be source and target (cut -f2- drops one)", number)
        return "tsv"
    if bars:
        return "lines"
    raise DataError(path, _NO_PAIR, number)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _parse(path: str | Path, number: int, line: str, kind: _Format) -> TextPair:
    if kind == "jsonl":
        return _parse_json(path, number, line)
    if not line.strip():
        return TextPair("", "")
    cut = _BAR if kind == "lines" else "\t"
    parts = line.split(cut)
    if len(parts) < 2 or (kind == "lines" and len(parts) > 2):
        wanted = "source ||| target" if kind == "lines" else "two columns, separated by a tab"
        raise DataError(path, f"{wanted} is needed; this has {len(parts)} part(s)", number)
    return TextPair(parts[0].strip(_EDGES), parts[1].strip(_EDGES))


def _parse_json(path: str | Path, number: int, line: str) -> TextPair:
    try:
        row = json.loads(line) if line.strip() else {"source": "", "target": ""}
        sides = [row["source"], row["target"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(path, 'is not {"source": ..., "target": ...}', number) from error
    for side in sides:
        if isinstance(side, list) and not all(str(word).strip() for word in side):
            raise DataError(path, "a word is empty: leave it out of the list", number)
        words = side if isinstance(side, list) else [side]
        if not all(isinstance(word, str) for word in words):
            raise DataError(path, "source and target are texts, or lists of words", number)
        for word in words:  # JSON can spell what no file of text holds
            if (problem := find_control(word)) and problem.reason == "not text":
                raise DataError(path, problem.message, number)
    return TextPair(*sides)

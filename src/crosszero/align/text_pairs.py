"""Texts and their translations, as people have them: two files, one of lines, TSV, JSONL.

The number of a line carries meaning here: what is empty on one side stays, as a pair without words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from crosszero.bitext.formats.multiway import read_parallel
from crosszero.bitext.lines import BadText, read_lines
from crosszero.errors import ConfigError, DataError

PairFormat = Literal["lines", "tsv", "jsonl"]
_BAR = "|||"


class TextPair(NamedTuple):
    """A text and its translation; lists where they are cut into words already."""

    source: str | list[str]
    target: str | list[str]


def read_pairs(
    source: str | Path, target: str | Path | None = None, *, kind: PairFormat | None = None
) -> Iterator[TextPair]:
    """Read pairs of texts, one a line, in constant memory.

    Args:
        source: a file, plain or .gz, or ``-`` for standard input.
        target: the translations, line by line; none: `source` holds both.
        kind: of one file: ``lines`` (``a ||| b``), ``tsv`` (the first two columns; more are left
            alone) or ``jsonl`` (``{"source": ..., "target": ...}``, texts or lists of words); none:
            told by the first line.

    Raises:
        DataError: while iterating: a line can't be used.
        ConfigError: there is no such kind.

    Example:
        >>> next(read_pairs("pairs.txt"))                                 # doctest: +SKIP
        TextPair(source='The house is small.', target='Das Haus ist klein.')
    """
    if kind is not None and kind not in get_args(PairFormat):
        raise ConfigError(f"kind: {kind} given; {', '.join(get_args(PairFormat))} are allowed")
    if target is not None:
        for number, row in read_parallel([source, target]):
            for path, text in zip((source, target), row, strict=True):
                if isinstance(text, BadText):
                    raise DataError(path, text.message, number)
            yield TextPair(*(str(text).strip(" \t\r") for text in row))
        return
    lines = _read_lines(source)
    first = list(islice(lines, 1))
    if kind is None and first:
        kind = _tell_kind(source, first[0])
    for number, line in enumerate(chain(first, lines), start=1):
        yield _parse(source, number, line, kind or "lines")


def _read_lines(path: str | Path) -> Iterator[str]:
    for number, line in enumerate(read_lines(path), start=1):
        if isinstance(line, BadText):
            raise DataError(path, line.message, number)
        yield line.rstrip("\r")  # no tab, beside which a side may be empty


def _tell_kind(path: str | Path, line: str) -> PairFormat:
    if line.lstrip().startswith("{"):
        return "jsonl"
    if _BAR in line:
        return "lines"
    if "\t" in line:
        return "tsv"
    raise DataError(
        path,
        "holds no pair: 'source ||| target', two columns with a tab between them, or "
        '{"source": ..., "target": ...} is needed; or give two files',
        1,
    )


def _parse(path: str | Path, number: int, line: str, kind: PairFormat) -> TextPair:
    if kind == "jsonl":
        return _parse_json(path, number, line)
    if not line.strip():
        return TextPair("", "")
    cut = _BAR if kind == "lines" else "\t"
    parts = line.split(cut)
    if len(parts) < 2 or (kind == "lines" and len(parts) > 2):
        wanted = "source ||| target" if kind == "lines" else "two columns, separated by a tab"
        raise DataError(path, f"{wanted} is needed; this has {len(parts)} part(s)", number)
    return TextPair(parts[0].strip(), parts[1].strip())


def _parse_json(path: str | Path, number: int, line: str) -> TextPair:
    try:
        row = json.loads(line) if line.strip() else {"source": "", "target": ""}
        sides = [row["source"], row["target"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(path, 'is not {"source": ..., "target": ...}', number) from error
    for side in sides:
        words = side if isinstance(side, list) else [side]
        if not all(isinstance(word, str) for word in words):
            raise DataError(path, "source and target are texts, or lists of words", number)
    return TextPair(*sides)

"""CoNLL files: a word a line with its columns, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import DataError

_NUMBERED = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")
_UD_COLUMNS = 10
_Row = tuple[int, list[str]]  # number of the line, columns


class TaggedWords(NamedTuple):
    """A sentence.

    Attributes:
        words: its words.
        tags: of each word, "" where no column holds one.
        line: number of its first line, from 1.
    """

    words: list[str]
    tags: list[str]
    line: int


def read_conll(
    path: str | Path, *, column: int | None = None, tagged: bool = True
) -> Iterator[TaggedWords]:
    """Read tagged sentences in constant memory.

    Args:
        path: the file, plain or .gz. Columns stand between tabs, or else between spaces; lines that
            begin with ``#`` and a space, and ``-DOCSTART-``, are passed over. Files of Universal
            Dependencies (ten columns, the first a number) have words in the second column; what is
            no word of the syntax (``1-2``, ``1.1``) is passed over. So do other files whose first
            column counts the words.
        column: of the tag, from 1; none: the last one, of Universal Dependencies the fourth.
        tagged: whether tags are needed.

    Raises:
        DataError: while iterating: a line has no such column.

    Example:
        >>> next(read_conll("train.conll"))                               # doctest: +SKIP
        TaggedWords(words=['Angela', 'Merkel'], tags=['B-PER', 'I-PER'], line=1)
    """
    sentences = _split_sentences(path)
    first: list[tuple[int, list[_Row]]] = []  # until two words tell
    for sentence in sentences:
        first.append(sentence)
        if len(sentence[1]) > 1:
            break
    numbered = bool(first) and _is_numbered(first[-1][1])
    for begun, rows in chain(first, sentences):
        words, tags = [], []
        for number, cells in rows:
            is_ud = len(cells) == _UD_COLUMNS and _NUMBERED.fullmatch(cells[0]) is not None
            if is_ud and not cells[0].isdecimal():
                continue
            place = (4 if is_ud else max(2, len(cells))) if column is None else column
            if place > len(cells) and tagged:
                message = f"column {place} is needed for the tag, there are {len(cells)}"
                raise DataError(path, message, number)
            word = cells[1 if is_ud or numbered else 0].strip()
            tag = cells[place - 1].strip() if place <= len(cells) else ""
            if not word or (tagged and not tag):
                raise DataError(path, "the word or its tag is empty", number)
            words.append(word)
            tags.append(tag)
        if words:
            yield TaggedWords(words, tags, begun)


def _split_sentences(path: str | Path) -> Iterator[tuple[int, list[_Row]]]:
    """The number of each sentence's first line, and its lines cut into columns."""
    begun, rows = 1, list[_Row]()
    for number, line in enumerate(require_lines(path, empty_lines=True), start=1):
        if not line.strip():
            if rows:
                yield begun, rows
            begun, rows = number + 1, []
        elif rows or not line.startswith(("# ", "-DOCSTART-")):
            rows.append((number, line.split("\t") if "\t" in line else split_words(line)))
    if rows:
        yield begun, rows


def _is_numbered(sentence: Sequence[_Row]) -> bool:
    """Whether the first column counts the words, and there are others for words and tags."""
    return all(
        len(cells) > 2 and cells[0] == str(place)
        for place, (_, cells) in enumerate(sentence, start=1)
    )

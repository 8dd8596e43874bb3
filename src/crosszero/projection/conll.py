"""CoNLL files: a word a line with its columns, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import DataError

_NUMBERED = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")
_UD_COLUMNS = 10


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
            no word of the syntax (``1-2``, ``1.1``) is passed over.
        column: of the tag, from 1; none: the last one, of Universal Dependencies the fourth.
        tagged: whether tags are needed.

    Raises:
        DataError: while iterating: a line has no such column.

    Example:
        >>> next(read_conll("train.conll"))                               # doctest: +SKIP
        TaggedWords(words=['Angela', 'Merkel'], tags=['B-PER', 'I-PER'], line=1)
    """
    words, tags, begun, number = list[str](), list[str](), 1, 0
    for number, line in enumerate(require_lines(path, empty_lines=True), start=1):
        if not line.strip():
            if words:
                yield TaggedWords(words, tags, begun)
            words, tags, begun = [], [], number + 1
            continue
        if line.startswith(("# ", "-DOCSTART-")) and not words:
            continue
        cells = line.split("\t") if "\t" in line else split_words(line)
        is_ud = len(cells) == _UD_COLUMNS and _NUMBERED.fullmatch(cells[0]) is not None
        if is_ud and not cells[0].isdecimal():
            continue
        place = (4 if is_ud else max(2, len(cells))) if column is None else column
        if place > len(cells) and tagged:
            message = f"column {place} is needed for the tag, there are {len(cells)}"
            raise DataError(path, message, number)
        word = cells[1 if is_ud else 0].strip()
        tag = cells[place - 1].strip() if place <= len(cells) else ""
        if not word or (tagged and not tag):
            raise DataError(path, "the word or its tag is empty", number)
        words.append(word)
        tags.append(tag)
    if words:
        yield TaggedWords(words, tags, begun)

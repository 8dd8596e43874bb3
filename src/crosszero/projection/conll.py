"""CoNLL files: a word a line with its columns, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import DataError, quote
from crosszero.projection.tags import are_spans

_NUMBERED = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")
_UD_COLUMNS = 10
_LOOK = 1_000  # sentences that show how the file is built
_Sentence = tuple[int, list[tuple[int, str]]]  # number of the first line; lines, numbered


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
        path: the file, plain or .gz. Columns stand between tabs, or else between spaces. Comments
            (``#`` and a space) and ``-DOCSTART-`` are passed over; a line that begins so is the
            word ``#`` if it has the columns of a word and, between spaces, a tag as others have.
            Files of Universal Dependencies (ten columns, the first a number) have words in the
            second column; what is no word of the syntax (``1-2``, ``1.1``) is passed over. Other
            files whose first column counts the words have them there, too.
        column: of the tag, from 1; none: the last one, of Universal Dependencies the fourth.
        tagged: whether tags are needed.

    Raises:
        DataError: while iterating: a line has no such column, or may be a comment or a word.

    Example:
        >>> next(read_conll("train.conll"))                               # doctest: +SKIP
        TaggedWords(words=['Angela', 'Merkel'], tags=['B-PER', 'I-PER'], line=1)
    """
    sentences = _split_sentences(path)
    first = list(islice(sentences, _LOOK))
    layout = _Layout(path, first, column)
    for begun, lines in chain(first, sentences):
        words, tags = [], []
        for number, line in lines:
            if layout.is_comment(number, line):
                continue
            cells = _cut(line)
            is_ud = _is_ud(cells)
            if is_ud and not cells[0].isdecimal():
                continue
            place = _find_tag(cells, column)
            if place > len(cells) and tagged:
                message = f"column {place} is needed for the tag, there are {len(cells)}"
                raise DataError(path, message, number)
            word = cells[1 if is_ud or layout.numbered else 0]
            tag = cells[place - 1] if place <= len(cells) else ""
            if not split_words(word) or (tagged and not tag):
                raise DataError(path, "the word or its tag is empty", number)
            words.append(word)
            tags.append(tag)
        layout.tags.update(tags)
        if words:
            yield TaggedWords(words, tags, begun)


def _split_sentences(path: str | Path) -> Iterator[_Sentence]:
    """The number of each sentence's first line, and its lines, comments among them."""
    begun, lines = 1, list[tuple[int, str]]()
    for number, line in enumerate(require_lines(path, empty_lines=True), start=1):
        if not line.strip():
            if lines:
                yield begun, lines
            begun, lines = number + 1, []
        elif not line.startswith("-DOCSTART-") or any(not x.startswith("#") for _, x in lines):
            lines.append((number, line))
    if lines:
        yield begun, lines


def _cut(line: str) -> list[str]:
    return [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else split_words(line)


def _is_ud(cells: Sequence[str]) -> bool:
    return len(cells) == _UD_COLUMNS and _NUMBERED.fullmatch(cells[0]) is not None


def _find_tag(cells: Sequence[str], column: int | None) -> int:
    """The column of the tag, from 1; it need not be there."""
    return column or (4 if _is_ud(cells) else max(2, len(cells)))


class _Layout:
    """How a file holds its words, as its first sentences show.

    Attributes:
        numbered: whether the first column counts the words, and there are others.
        tags: that were seen.
    """

    def __init__(
        self, path: str | Path, sentences: Sequence[_Sentence], column: int | None
    ) -> None:
        self._path, self._column = path, column
        plain = [[x for _, x in lines if not x.startswith("#")] for _, lines in sentences]
        rows = [[_cut(line) for line in lines] for lines in plain if lines]
        cells = [row for sentence in rows for row in sentence]
        several = [sentence for sentence in rows if len(sentence) > 1] or rows[-1:]
        self.numbered = bool(several) and all(
            len(row) > 2 and row[0] == str(place) for place, row in enumerate(several[0], start=1)
        )
        self._counts = self.numbered or (bool(cells) and all(map(_is_ud, cells)))
        self._shapes = {("\t" in line, len(_cut(line))) for lines in plain for line in lines}
        places = [(row, _find_tag(row, column)) for row in cells]
        self.tags = {row[place - 1] for row, place in places if place <= len(row)}

    def is_comment(self, number: int, line: str) -> bool:
        """Tell a comment from the word ``#``; DataError if it can't be told."""
        if not line.startswith("#" if self._counts else "# "):
            return False
        cells = _cut(line)
        has_tabs = "\t" in line
        fits = cells[0] == "#" and (has_tabs, len(cells)) in self._shapes
        if self._counts or not fits or cells[2:3] == ["="]:
            return True
        if has_tabs:
            return False
        place = _find_tag(cells, self._column)
        tag = cells[place - 1] if place <= len(cells) else ""
        if tag in self.tags or tag == "#":
            return False
        if are_spans(self.tags):
            return not are_spans([tag])
        raise DataError(
            self._path,
            f"is a comment, or the word # with the tag {quote(tag)}, which no other word has: put "
            "tabs between the columns of words, or write the comment as '# name = text'",
            number,
        )

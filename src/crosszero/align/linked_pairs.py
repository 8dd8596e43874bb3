"""Texts, their translations and the links between their words, as files hold them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from crosszero.align.pharaoh import parse_links
from crosszero.align.spans import CutText, LinkedPair, ScoredLink, Span, from_words
from crosszero.align.text_pairs import read_columns
from crosszero.bitext.decoding import find_control
from crosszero.bitext.lines import MAX_ROW, require_lines, split_words
from crosszero.errors import DataError, quote

ENOUGH = 10  # sentences with links, among which one would link a first word
_log = logging.getLogger("crosszero")
_ROW = (
    'a row that crosszero align --format jsonl writes is needed: {"source": "...", "target": '
    '"...", "source_words": [["word", 0, 4]], "target_words": [...], "links": [[0, 0, 0.98]]}'
)


def read_linked(
    links: Path, texts: Sequence[Path] = (), *, base: int | None = None
) -> Iterator[LinkedPair]:
    """Read linked pairs, one a line, in constant memory.

    Pairs of Pharaoh's links come when it is clear what these count from, as a rule at the first.

    Args:
        links: rows of JSONL; or with `texts`, Pharaoh's ``0-0 1-2``, with scores or without.
        texts: for Pharaoh's links, the two texts, their words between spaces.
        base: 0 or 1, what Pharaoh's links count from; see :class:`BesideTexts`.

    Raises:
        DataError: while iterating: a line can't be used.

    Example:
        >>> next(read_linked(Path("links.jsonl"))).links[0]               # doctest: +SKIP
        ScoredLink(source=0, target=0, score=0.98)
    """
    if texts:
        reader, waiting = BesideTexts(links, base), list[LinkedPair]()
        for number, (given, *sides) in read_columns([links, *texts]):
            if number == 1 and given.lstrip().startswith("{"):
                raise DataError(links, "is JSONL, which has the texts itself: leave them out", 1)
            source, target = (from_words(split_words(side)) for side in sides)
            waiting.append(reader.parse(number, given, source, target))
            if reader.sure:  # who stops after a few pairs must not get them one word off
                yield from waiting
                waiting.clear()
        reader.warn()
        yield from waiting
        return
    for number, line in enumerate(require_lines(links, empty_lines=True, longest=MAX_ROW), start=1):
        if line:
            yield parse_row(links, number, line)


class BesideTexts:
    """Reads links in Pharaoh format, line by line, beside the texts that they are of.

    Args:
        path: of the links.
        base: 0 or 1, what they count from; none: 0, unless the first ten sentence pairs with links
            link no first word, as hardly any do that count from 0.
        possible: whether possible links, as gold has, count as links.
    """

    def __init__(self, path: str | Path, base: int | None = None, *, possible: bool = True) -> None:
        self._path, self._base, self._possible = path, base, possible
        self._linked = 0
        self.sure = base is not None
        """Whether what was read so far shows what the links count from."""

    def parse(self, number: int, line: str, source: CutText, target: CutText) -> LinkedPair:
        """Take the links of two texts from a line; DataError if they are not."""
        links = parse_links(self._path, number, line)
        unsure = [link for link in links if not (link.sure or self._possible)]
        if unsure:
            message = f"{unsure[0]} is a possible link, as gold has; write sure ones (3-4)"
            raise DataError(self._path, message, number)
        self._linked += bool(links)
        self.sure = self.sure or any(0 in link[:2] for link in links)
        if self._linked >= ENOUGH and not self.sure:
            raise DataError(
                self._path,
                f"no first word of {ENOUGH} sentence pairs with links is linked, so words seem to "
                "count from 1: give --base 1, or --base 0 if they don't",
                number,
            )
        base = self._base or 0
        if any(min(link[:2]) < base for link in links):
            raise DataError(self._path, "has an index 0, but --base 1 was given", number)
        rows = [
            [link.source - base, link.target - base, 1.0 if link.score is None else link.score]
            for link in links
        ]
        return LinkedPair(source, target, _check_links(self._path, number, rows, source, target))

    def warn(self) -> None:
        """Say at the end if a short file does not show what it counts from."""
        if self._linked and not self.sure:
            _log.warning(
                "%s: no index is 0; words are taken to count from 0 (--base 1 if not)", self._path
            )


def parse_row(path: str | Path, number: int, line: str) -> LinkedPair:
    """Take two texts with words and links from a line of JSONL; DataError if it has them not."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"is not JSON: {_ROW}", number) from error
    names = ("source", "target", "source_words", "target_words", "links")
    if not isinstance(row, dict) or (missing := [name for name in names if name not in row]):
        lacking = (
            f"lacks {', '.join(map(repr, missing))}" if isinstance(row, dict) else "is not a row"
        )
        raise DataError(path, f"{lacking}: {_ROW}", number)
    sides = []
    for side in ("source", "target"):
        text = row[side]
        if not isinstance(text, str):
            raise DataError(path, f"{side!r}: {quote(text)} is not a text", number)
        if (problem := find_control(text)) and problem.reason == "not text":
            raise DataError(path, f"{side!r}: {problem.message}", number)
        words = _check_words(path, number, f"{side}_words", row[f"{side}_words"], text)
        sides.append(CutText(text, words))
    source, target = sides
    return LinkedPair(source, target, _check_links(path, number, row["links"], source, target))


def _check_words(path: str | Path, number: int, name: str, words: Any, text: str) -> list[Span]:
    spans = [Span(0, 0)]
    for word in words if isinstance(words, list) else [words]:
        right = isinstance(word, list) and len(word) == 3 and all(map(is_index, word[1:]))
        if not right or not word[1] < word[2] <= len(text) or text[word[1] : word[2]] != word[0]:
            raise DataError(
                path,
                f"{name!r}: {quote(word)} is not a word of the text with its first character and "
                "the one behind its last",
                number,
            )
        spans.append(Span(word[1], word[2]))
    if any(one.end > other.start for one, other in pairwise(spans)):
        raise DataError(path, f"{name!r}: words overlap, or are not in the text's order", number)
    return spans[1:]


def _check_links(
    path: str | Path, number: int, links: Any, source: CutText, target: CutText
) -> list[ScoredLink]:
    found = []
    for link in links if isinstance(links, list) else [links]:
        if not (isinstance(link, list) and len(link) in (2, 3) and all(map(is_index, link[:2]))):
            raise DataError(path, f"{quote(link)} is not a link [source, target, score]", number)
        i, j, score = (*link, 1.0)[:3]
        if i >= len(source.spans) or j >= len(target.spans):
            raise DataError(
                path,
                f"link {i}-{j}: there are {len(source.spans)} source words and "
                f"{len(target.spans)} target words, counted from 0; are these links of other "
                "texts?",
                number,
            )
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise DataError(path, f"link {i}-{j}: score {quote(score)}; 0 to 1 is allowed", number)
        found.append(ScoredLink(i, j, float(score)))
    return found


def is_index(value: object) -> bool:
    """Tell a place in a text, counted from 0, from other values of JSON."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

"""Texts beside their translations with the links between their words: from a file, or made now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from crosszero.align.linker import CutText
from crosszero.align.spans import Span
from crosszero.align.word_cutter import make_cutter
from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError, quote
from crosszero.projection.spans import ScoredLinks, check_links
from crosszero.projection.words import carry_links, cut_at_spaces, fill

Text = str | CutText
"""Plain, or cut into words already."""
_PHARAOH = re.compile(r"([0-9]{1,9})[-p]([0-9]{1,9})(?:[:/]([0-9.eE+-]+))?")
_BATCH = 256
_SAMPLE = 1_000  # texts from which words are learnt where ICU is not installed


class LinkedTexts(NamedTuple):
    """A text, its translation, and the links between their words (punctuation among them)."""

    source: CutText
    target: CutText
    links: ScoredLinks


class Linker(Protocol):
    """Links words, as :class:`~crosszero.align.linker.WordLinker` does."""

    def link(self, sources: Sequence[CutText], targets: Sequence[CutText]) -> Iterable[ScoredLinks]:
        """Link n texts to their translations."""
        ...


def link_texts(
    pairs: Iterable[tuple[Text, Text]], linker: Linker, languages: Sequence[str] = ("", "")
) -> Iterator[LinkedTexts]:
    """Link texts now; plain ones are cut into words.

    Args:
        pairs: texts and translations, read in constant memory.
        linker: links them.
        languages: codes of both, by which plain text is cut.
    """
    stream = iter(pairs)
    first = list(islice(stream, _SAMPLE))
    cutters = [
        make_cutter([t for pair in first if isinstance(t := pair[side], str)], language)
        for side, language in enumerate(languages)
    ]
    rest = chain(first, stream)
    while block := list(islice(rest, _BATCH)):
        cut = [[_cut(pair[side], cutters[side]) for pair in block] for side in (0, 1)]
        for given, source, target, links in zip(block, *cut, linker.link(*cut), strict=True):
            yield _settle(given, source, target, links)


def _cut(text: Text, cutter: Callable[[str], list[Span]]) -> CutText:
    return CutText(text, cutter(text)) if isinstance(text, str) else text


def _settle(
    given: tuple[Text, Text], source: CutText, target: CutText, links: ScoredLinks
) -> LinkedTexts:
    """Bring links to the words that were given, or where none were, to those with punctuation."""
    one, other = (
        fill(cut) if isinstance(text, str) else text
        for text, cut in zip(given, (source, target), strict=True)
    )
    spans = (source.spans, one.spans), (target.spans, other.spans)
    return LinkedTexts(one, other, carry_links(links, *spans))


def read_linked(pairs: Iterable[tuple[Text, Text]], path: str | Path) -> Iterator[LinkedTexts]:
    """Take the links from a file, a line for each pair.

    Args:
        pairs: texts and translations. Of plain ones the words are those that the file tells, or
            else what stands between spaces.
        path: Pharaoh (``0-0 1-2``, with scores ``0-0:0.98``) or the JSONL of ``crosszero align``.

    Raises:
        DataError: a line is no links, or not those of this pair, or the numbers of lines differ.
    """
    lines = enumerate(require_lines(path, empty_lines=True), start=1)
    number = 0
    for given in pairs:
        number, line = next(lines, (number + 1, None))
        if line is None:
            raise DataError(path, "ends before the texts do: a line for each is needed", number)
        if line.startswith("{"):
            yield _settle(given, *_read_row(path, number, line, given))
            continue
        one, other = (cut_at_spaces(t) if isinstance(t, str) else t for t in given)
        links = _read_pharaoh(path, number, line)
        try:
            check_links(links, len(one.spans), len(other.spans))
        except ValueError as error:
            raise DataError(path, f"{error}: these are links of other texts", number) from error
        yield LinkedTexts(one, other, links)
    if next(lines, None) is not None:
        raise DataError(path, "has more lines than there are texts", number + 1)


def _read_pharaoh(path: str | Path, number: int, line: str) -> list[tuple[int, int, float]]:
    links = []
    for token in line.split():
        parts = _PHARAOH.fullmatch(token)
        try:
            if parts is None:
                raise ValueError
            links.append((int(parts[1]), int(parts[2]), float(parts[3] or 1)))
        except ValueError as error:
            message = f"{quote(token)} is not a link: write 3-4 or 3-4:0.98"
            raise DataError(path, message, number) from error
    return links


def _read_row(
    path: str | Path, number: int, line: str, given: tuple[Text, Text]
) -> tuple[CutText, CutText, ScoredLinks]:
    try:
        row = json.loads(line)
        sides = [
            CutText(_as_text(row[side]), [Span(int(a), int(b)) for _, a, b in row[f"{side}_words"]])
            for side in ("source", "target")
        ]
        links = [(int(i), int(j), float(score)) for i, j, score in row["links"]]
        check_links(links, *(len(side.spans) for side in sides))
        for side in sides:
            borders = list(chain(*side.spans))
            if borders != sorted(borders) or (borders and borders[-1] > len(side.text)):
                raise ValueError("words overlap")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(path, "is not a line of crosszero align --format jsonl", number) from error
    for name, side, text in zip(("source", "target"), sides, given, strict=True):
        wanted = text if isinstance(text, str) else text.text
        if side.text != wanted:
            message = f"its {name} is {quote(side.text)}, but the text is {quote(wanted)}"
            raise DataError(path, message, number)
    return sides[0], sides[1], links


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value

"""Texts beside their translations with the links between their words: from a file, or made now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import Protocol

from crosszero.align.linked_pairs import BesideTexts, parse_row
from crosszero.align.spans import CutPair, CutText, LinkedPair, ScoredLink, Span
from crosszero.align.word_cutter import cut_at_spaces, is_unsegmented, make_cutter, sample_texts
from crosszero.bitext.lines import MAX_ROW, require_lines
from crosszero.errors import DataError, quote
from crosszero.projection.spans import ScoredLinks
from crosszero.projection.words import carry_links, fill

Text = str | CutText
"""Plain, or cut into words already."""
_SIDES = ("source", "target")


class Linker(Protocol):
    """Links words, as :class:`~crosszero.align.linker.WordLinker` does."""

    def link_pairs(self, pairs: Iterable[CutPair]) -> Iterable[LinkedPair]:
        """Link texts to their translations as they come."""
        ...


def make_links(
    pairs: Iterable[tuple[Text, Text]], linker: Linker, languages: Sequence[str] = ("", "")
) -> Iterator[LinkedPair]:
    """Link texts now; plain ones are cut into words.

    Args:
        pairs: texts and translations, read in constant memory.
        linker: links them.
        languages: codes of both, by which plain text is cut.
    """
    known, pairs = sample_texts(pairs)
    cutters = list(map(make_cutter, known, languages))
    given, again = tee(pairs)
    cut = ((_cut(one, cutters[0]), _cut(other, cutters[1])) for one, other in again)
    for texts, linked in zip(given, linker.link_pairs(cut), strict=True):
        yield settle(texts, *linked)


def _cut(text: Text, cutter: Callable[[str], list[Span]]) -> CutText:
    return CutText(text, cutter(text)) if isinstance(text, str) else text


def settle(
    given: tuple[Text, Text], source: CutText, target: CutText, links: ScoredLinks
) -> LinkedPair:
    """Bring links to the words that were given, or where none were, to those with punctuation."""
    one, other = (
        fill(cut) if isinstance(text, str) else text
        for text, cut in zip(given, (source, target), strict=True)
    )
    spans = (source.spans, one.spans), (target.spans, other.spans)
    return LinkedPair(one, other, [ScoredLink(*link) for link in carry_links(links, *spans)])


def attach_links(
    pairs: Iterable[tuple[Text, Text]], path: str | Path, base: int | None = None
) -> Iterator[LinkedPair]:
    """Take the links from a file, a line for each pair.

    Args:
        pairs: texts and translations. Of plain ones the words are those that the file tells, or
            else what stands between spaces, which then must stand between them.
        path: Pharaoh (``0-0 1-2``, with scores ``0-0:0.98``) or the JSONL of ``crosszero align``.
        base: what Pharaoh's links count from; see
            :class:`~crosszero.align.linked_pairs.BesideTexts`.

    Raises:
        DataError: a line is no links, or not those of this pair, or the numbers of lines differ.
    """
    lines = enumerate(require_lines(path, empty_lines=True, longest=MAX_ROW), start=1)
    number, reader = 0, BesideTexts(path, base, possible=False)
    known, pairs = sample_texts(pairs)
    lacking = [name for name, texts in zip(_SIDES, known, strict=True) if is_unsegmented(texts)]
    for given in pairs:
        number, line = next(lines, (number + 1, None))
        if line is None:
            raise DataError(path, "ends before the texts do: a line for each is needed", number)
        if line.startswith("{"):
            yield settle(given, *_read_row(path, number, line, given))
            continue
        if lacking:
            raise DataError(
                path,
                "links in Pharaoh format count words between spaces, and the "
                f"{lacking[0]} has none between its words: give them as crosszero align --format "
                "jsonl writes them",
                number,
            )
        one, other = (cut_at_spaces(t) if isinstance(t, str) else t for t in given)
        yield reader.parse(number, line, one, other)
    reader.warn()
    if next(lines, None) is not None:
        raise DataError(path, "has more lines than there are texts", number + 1)


def _read_row(path: str | Path, number: int, line: str, given: tuple[Text, Text]) -> LinkedPair:
    """A row of JSONL, which must be of the texts that were given."""
    row = parse_row(path, number, line)
    for name, side, text in zip(_SIDES, row[:2], given, strict=True):
        wanted = text if isinstance(text, str) else text.text
        if side.text != wanted:
            message = f"its {name} is {quote(side.text)}, but the text is {quote(wanted)}"
            raise DataError(path, message, number)
    return row

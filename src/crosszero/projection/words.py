"""From characters to words and back, and links between words that were cut in another way."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from crosszero.align.spans import CutText, Span
from crosszero.bitext.folding import has_text
from crosszero.projection.rules import Dropped, Label, Rules
from crosszero.projection.spans import ScoredLinks, check_links, is_punctuation, project_spans

_PIECE = re.compile("\\w+|[^\\w\\s][\ufe00-\ufe0f]*")  # an emoji with what chooses its look


def fill(text: CutText) -> CutText:
    """Take as words, too, what an aligner left aside: each mark of punctuation that one sees.

    Example:
        >>> fill(CutText("Oh, no!", [Span(0, 2), Span(4, 6)])).spans
        [Span(start=0, end=2), Span(start=2, end=3), Span(start=4, end=6), Span(start=6, end=7)]
    """
    spans, end = list[Span](), 0
    for span in (*text.spans, Span(len(text.text), len(text.text))):
        pieces = _PIECE.finditer(text.text, end, span.start)
        spans += [Span(*found.span()) for found in pieces if has_text(found[0])]
        end = span.end
        if span.start < span.end:
            spans.append(span)
    return CutText(text.text, spans)


def keep_whole(text: CutText, pieces: Iterable[Span]) -> CutText:
    """Have no word end within one of some pieces of the text: each becomes one, or part of one.

    Example:
        >>> keep_whole(CutText("of {0}", [Span(0, 2), Span(4, 5)]), [Span(3, 6)]).spans
        [Span(start=0, end=2), Span(start=3, end=6)]
    """
    spans = list[Span]()
    for start, end in sorted([*text.spans, *pieces]):
        if spans and start < spans[-1].end:
            start, end = spans[-1].start, max(end, spans.pop().end)
        spans.append(Span(start, end))
    return CutText(text.text, spans)


def find_words(first: int, end: int, spans: Sequence[Span]) -> tuple[int, int]:
    """Find the words that share a character with a stretch of text: the first, and one past.

    Example:
        >>> find_words(2, 5, [Span(0, 3), Span(4, 9)])
        (0, 2)
    """
    low = bisect_right(spans, first, key=lambda span: span.end)
    high = bisect_left(spans, end, key=lambda span: span.start)
    return low, max(low, high) if first < end else low


def carry_links(
    links: ScoredLinks,
    source: tuple[Sequence[Span], Sequence[Span]],
    target: tuple[Sequence[Span], Sequence[Span]],
) -> list[tuple[int, int, float]]:
    """Turn links between words into links between the words of another way of cutting.

    Args:
        links: between words cut in the first way.
        source, target: spans of the words in the first and in the second way.

    Example:
        >>> old, new = [Span(0, 5)], [Span(0, 2), Span(3, 5)]
        >>> carry_links([(0, 0, 0.5)], (old, new), (old, old))
        [(0, 0, 0.5), (1, 0, 0.5)]
    """
    best: dict[tuple[int, int], float] = {}
    for i, j, score in links:
        for a in range(*find_words(*source[0][i], source[1])):
            for b in range(*find_words(*target[0][j], target[1])):
                best[a, b] = max(score, best.get((a, b), 0.0))
    return [(a, b, score) for (a, b), score in sorted(best.items())]


def split_at(text: CutText, borders: Iterable[int]) -> CutText:
    """Cut words in two where a border lies within them.

    Example:
        >>> split_at(CutText("abc d", [Span(0, 3), Span(4, 5)]), {1, 3}).spans
        [Span(start=0, end=1), Span(start=1, end=3), Span(start=4, end=5)]
    """
    places, spans = sorted(set(borders)), list[Span]()
    for start, end in text.spans:
        inner = places[bisect_right(places, start) : bisect_left(places, end)]
        spans += [Span(a, b) for a, b in pairwise([start, *inner, end])]
    return CutText(text.text, spans)


def project_characters(
    labels: Sequence[Label],
    links: ScoredLinks,
    source: CutText,
    target: CutText,
    rules: Rules | None = None,
) -> tuple[list[tuple[int, Label]], list[Dropped]]:
    """Carry labels over characters to the translation; they grow to whole words.

    Args:
        labels: first character, one past the last, and name.
        links: between the words of the texts.
        source, target: the texts, punctuation among their words.
        rules: as in :func:`~crosszero.projection.spans.project_spans`.

    Returns:
        (number of the given label, label over characters of the target); what has no place.

    Raises:
        ValueError: a link names a word that is not there.
    """
    check_links(links, len(source.spans), len(target.spans))
    # Labels that share no character share no word, even if they stand in one word of the text.
    parts = split_at(source, {place for label in labels for place in label[:2]})
    spans = source.spans, parts.spans
    links = carry_links(links, spans, (target.spans, target.spans))
    inside = [Label(*find_words(a, b, parts.spans), name) for a, b, name in labels]
    found = project_spans(inside, links, list(_list(parts)), list(_list(target)), rules)
    words = [find_words(a, b, source.spans) for a, b, _ in labels]
    placed = []
    for n, (first, end, name) in found.placed:
        start, stop = target.spans[first].start, target.spans[end - 1].end
        # A tokenised text is not needed: of "(red)" the label may cover "red" alone.
        before = source.text[source.spans[words[n][0]].start : labels[n].first]
        behind = source.text[labels[n].end : source.spans[words[n][1] - 1].end]
        if is_punctuation(before):
            start = _skip_marks(target.text, start, target.spans[first].end, 1)
        if is_punctuation(behind):
            stop = _skip_marks(target.text, stop, max(start, target.spans[end - 1].start), -1)
        placed.append((n, Label(start, stop, name)))
    return placed, found.dropped


def _skip_marks(text: str, start: int, end: int, step: int) -> int:
    """Pass over punctuation, forth or back, unless there is nothing else."""
    low, high = min(start, end), max(start, end)
    if is_punctuation(text[low:high]):
        return start
    while start != end and is_punctuation(text[start if step > 0 else start - 1]):
        start += step
    return start


def _list(text: CutText) -> Iterator[str]:
    return (text.text[start:end] for start, end in text.spans)

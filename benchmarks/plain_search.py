"""Word pairs by asking each sentence for each word of the list: words x sentences.

Two readings. :class:`PlainSearch` follows the rules of crosszero's lexicon finder and must find the
same pairs. :func:`search_substrings` counts substrings, as docs/method.md says of the code that
came with the paper: *art* is then found in *part*, so its pairs differ and are not compared. Both
leave the search itself to Python's strings, which do it in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from crosszero.align.word_boundaries import Memory, normalise, token_pattern
from crosszero.bitext.pair import SentencePair

Span = tuple[int, int]
Found = set[tuple[Span, Span]]
_END = "\0"  # stands before and behind each token


class PlainSearch:
    """Search whole tokens, entry by entry.

    Args:
        entries: words of the two languages that mean the same.
        languages: their codes.
    """

    def __init__(self, entries: Sequence[tuple[str, str]], languages: tuple[str, str]) -> None:
        self._patterns = [token_pattern(language) for language in languages]
        self._keys = Memory(normalise)
        self._pairs = {(self._entry(a, 0), self._entry(b, 1)) for a, b in entries}
        self._sides = [{pair[side] for pair in self._pairs if pair[side]} for side in (0, 1)]

    def find(self, pair: SentencePair) -> Found:
        """Give the spans of words that occur once and have one translation, which occurs once.

        Of overlapping entries the leftmost, and of these the longest, counts.
        """
        here, there = self._occurrences(pair.source, 0), self._occurrences(pair.target, 1)
        links = [(a, b) for a, b in self._pairs if a in here and b in there]
        found: Found = set()
        for a, b in links:
            alone = sum(x == a for x, _ in links) == 1 == sum(y == b for _, y in links)
            one, other = here[a], there[b]
            if alone and one is not None and other is not None and a != b and worthy(a, b):
                found.add((one, other))
        return found

    def _occurrences(self, text: str, side: int) -> dict[str, Span | None]:
        """Where the entries of one side stand; ``None`` for more than one place."""
        line, spans = self._read(text, side)
        places = [
            (start, -len(entry), entry)
            for entry in self._sides[side]
            if entry in line  # words x sentences
            for start in _find_all(line, entry)
        ]
        found: dict[str, Span | None] = {}
        free = 0
        for start, _, entry in sorted(places):
            if start >= free:
                free = start + len(entry) - 1  # the mark at its end is the next one's, too
                first, last = (_count_tokens(line[: end + 1]) for end in (start, free))
                span = spans[first][0], spans[last - 1][1]
                found[entry] = None if entry in found else span
        return found

    def _entry(self, text: str, side: int) -> str:
        return self._read(text, side)[0]

    def _read(self, text: str, side: int) -> tuple[str, list[Span]]:
        """Tokens between marks, with a space where white space stands; the tokens' places."""
        matches = list(self._patterns[side].finditer(text))
        keys = [self._keys[match.group()] for match in matches]
        spans = [match.span() for match in matches]
        gaps = [text[a:b] for (_, a), (b, _) in pairwise(spans)]
        spaced = [f"{_END} {_END}" if any(map(str.isspace, gap)) else _END for gap in gaps]
        line = "".join(f"{gap}{key}" for key, gap in zip(keys, [_END, *spaced], strict=False))
        return line and line + _END, spans


def _find_all(line: str, entry: str) -> Iterator[int]:
    place = line.find(entry)
    while place >= 0:
        yield place
        place = line.find(entry, place + 1)


def _count_tokens(line: str) -> int:
    """Tokens of the beginning of a line that ends with a mark."""
    return line.replace(f"{_END} {_END}", _END).count(_END) - 1


def worthy(*entries: str) -> bool:
    """Whether all entries hold a word that may be chosen: with a letter, and not one letter alone.

    Single letters are never chosen, whatever the stop words: the English *I* is one.
    """
    return all(
        any(
            any(map(str.isalpha, word))
            and (len(word.strip("'")) > 1 or word.strip("'") >= "\u4e00")
            for word in entry.replace(_END, "").split(" ")
        )
        for entry in entries
    )


def search_substrings(
    entries: Sequence[tuple[str, str]], pairs: Sequence[SentencePair]
) -> list[int]:
    """Count, for each sentence pair, the entries whose words are there as substrings, once each."""
    lowered = [(a.lower(), b.lower()) for a, b in entries]
    counts = []
    for pair in pairs:
        source, target = pair.source.lower(), pair.target.lower()
        counts.append(sum(source.count(a) == 1 == target.count(b) for a, b in lowered))
    return counts

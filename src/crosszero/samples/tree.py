"""A tree over the tokens of lexicon entries, to find all of them in a text in one walk."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate, chain, compress, count

from crosszero.samples.reader import Words
from crosszero.samples.sample import Span
from crosszero.samples.words import Keys, token_pattern

_PIECE, _PIECES = 24, 300_000  # longest text between spaces to remember, in characters; how many


class _Node:
    """What may follow the tokens read so far, and the entries that end here."""

    __slots__ = ("children", "entries")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        #: name of an entry, and whether white space follows each of its tokens but the last
        self.entries: dict[str, list[bool]] = {}


class _Pieces(dict[str, list[str]]):
    """Normalised tokens of the pieces between white space; short pieces are remembered."""

    def __init__(self, pattern: re.Pattern[str], keys: Keys) -> None:
        super().__init__()
        self._pattern, self._keys = pattern, keys

    def __missing__(self, piece: str) -> list[str]:
        keys = self._keys
        tokens = [keys[token] for token in self._pattern.findall(piece)]
        if len(piece) <= _PIECE:
            if len(self) >= _PIECES:
                self.clear()
            self[piece] = tokens
        return tokens


class _Places(dict[str, list[tuple[int, int]]]):
    """Where the tokens of a piece stand in it; short pieces are remembered."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._pattern = pattern

    def __missing__(self, piece: str) -> list[tuple[int, int]]:
        places = [match.span() for match in self._pattern.finditer(piece)]
        if len(piece) <= _PIECE:
            if len(self) >= _PIECES:
                self.clear()
            self[piece] = places
        return places


class Side:
    """Find the entries of one language in a text: a tree over tokens, walked once.

    Args:
        language: language code.
        keys: a memory of normalised words, shared with others.
    """

    def __init__(self, language: str, keys: Keys) -> None:
        self._pattern = token_pattern(language)
        self._tree = _Node()
        self._pieces = _Pieces(self._pattern, keys)
        self._places = _Places(self._pattern)

    def add(self, text: str) -> str:
        """Take an entry; returns its name, or nothing if it holds no token."""
        tokens = self.tokens(text)
        if not tokens:
            return ""
        spans = self._spans(text)
        gaps = [_spaced(text, spans[i], spans[i + 1]) for i in range(len(spans) - 1)]
        name = tokens[0] + "".join(
            (" " if gap else "") + token for gap, token in zip(gaps, tokens[1:], strict=True)
        )
        node = self._tree
        for token in tokens:
            node = node.children.setdefault(token, _Node())
        node.entries[name] = gaps
        return name

    def occurrences(self, text: str) -> dict[str, tuple[int, int] | None]:
        """Entries of a text with their first and last token; ``None`` for more than one place."""
        tokens = self.tokens(text)
        found: dict[str, tuple[int, int] | None] = {}
        tree = self._tree.children
        spans: list[tuple[int, int]] = []
        skip = 0
        # map and compress do for every token what is to be done for every token
        for place in compress(count(), map(tree.__contains__, tokens)):
            if place < skip:
                continue
            token = tokens[place]
            node: _Node | None = tree[token]
            if node is not None and not node.children:  # most words begin no longer entry
                found[token] = None if token in found else (place, place)
                continue
            ends: list[tuple[int, _Node]] = []
            end = place
            while node is not None:
                if node.entries:
                    ends.append((end, node))
                end += 1
                node = node.children.get(tokens[end]) if end < len(tokens) else None
            for last, node in reversed(ends):
                if last > place:
                    spans = spans or self._spans(text)
                name = _same_gaps(text, spans, place, node) if last > place else tokens[place]
                if name:
                    found[name] = None if name in found else (place, last)
                    skip = last + 1
                    break
        return found

    def words(self, text: str, chosen: list[tuple[str, tuple[int, int] | None]]) -> Words:
        """Spans and keys of chosen entries."""
        places = [place for _, place in chosen if place is not None]
        names = [name for name, _ in chosen]
        pieces = text.split()
        begins = list(accumulate(map(len, pieces), initial=0))
        if begins[-1] + len(pieces) - 1 != len(text):
            spans = self._spans(text)
            return Words([Span(spans[a][0], spans[b][1]) for a, b in places], names)
        # One space everywhere, none at the ends: where the pieces stand is known, and it is asked
        # only where in its own piece a chosen word stands.
        tokens = list(accumulate(map(len, map(self._pieces.__getitem__, pieces)), initial=0))

        def locate(token: int) -> tuple[int, int]:
            number = bisect_right(tokens, token) - 1
            start, end = self._places[pieces[number]][token - tokens[number]]
            before = begins[number] + number
            return before + start, before + end

        spans = [locate(a) if a == b else (locate(a)[0], locate(b)[1]) for a, b in places]
        return Words([Span(*span) for span in spans], names)

    def tokens(self, text: str) -> list[str]:
        """Normalised tokens. No token holds white space, so pieces between it are remembered."""
        return list(chain.from_iterable(map(self._pieces.__getitem__, text.split())))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in self._pattern.finditer(text)]


def _same_gaps(text: str, spans: list[tuple[int, int]], first: int, node: _Node) -> str:
    """The entry that has white space where the text has it; nothing if there is none."""
    for name, gaps in node.entries.items():
        if all(
            _spaced(text, spans[i], spans[i + 1]) == gap for i, gap in enumerate(gaps, start=first)
        ):
            return name
    return ""


def _spaced(text: str, left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Whether white space stands between two neighbouring tokens."""
    gap = text[left[1] : right[0]]
    return gap == " " or any(character.isspace() for character in gap)

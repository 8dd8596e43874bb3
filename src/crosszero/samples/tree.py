"""A tree over the tokens of lexicon entries, to find all of them in a text in one walk."""

from __future__ import annotations

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


class Side:
    """Find the entries of one language in a text: a tree over tokens, walked once.

    Args:
        language: language code.
        keys: a memory of normalised words, shared with others.
    """

    def __init__(self, language: str, keys: Keys) -> None:
        self._pattern = token_pattern(language)
        self._keys = keys
        self._tree = _Node()
        self._pieces: dict[str, list[str]] = {}

    def add(self, text: str) -> str:
        """Take an entry; returns its name, or nothing if it holds no token."""
        tokens = self._tokens(text)
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
        tokens = self._tokens(text)
        found: dict[str, tuple[int, int] | None] = {}
        tree = self._tree.children
        spans: list[tuple[int, int]] = []
        skip = 0
        for place in [i for i, token in enumerate(tokens) if token in tree]:
            if place < skip:
                continue
            node: _Node | None = tree[tokens[place]]
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
        spans = self._spans(text)
        places = [place for _, place in chosen if place is not None]
        return Words(
            [Span(spans[first][0], spans[last][1]) for first, last in places],
            [name for name, _ in chosen],
        )

    def _tokens(self, text: str) -> list[str]:
        """Normalised tokens. No token holds white space, so pieces between it are remembered."""
        tokens: list[str] = []
        pieces = self._pieces
        for piece in text.split():
            known = pieces.get(piece)
            if known is None:
                keys = self._keys
                known = [keys[token] for token in self._pattern.findall(piece)]
                if len(piece) <= _PIECE:
                    if len(pieces) >= _PIECES:
                        pieces.clear()
                    pieces[piece] = known
            tokens += known
        return tokens

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

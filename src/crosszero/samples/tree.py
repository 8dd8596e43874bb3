"""A tree over the tokens of lexicon entries, to find all of them in a text in one walk."""

from __future__ import annotations

import re
from itertools import accumulate, compress, count
from operator import add

from crosszero.samples.reader import Words
from crosszero.samples.sample import Span
from crosszero.samples.words import Keys, token_pattern

_PIECE, _PIECES = 24, 300_000  # longest text between spaces to remember, in characters; how many
_BETWEEN_SPACES = re.compile(r"\S+")  # what str.split gives, with its place

#: Number of a piece of the text (pieces stand between white space), and of a token in the piece.
Place = tuple[int, int]


class _Node:
    """What may follow the tokens read so far, and the entry that ends here.

    What follows after white space begins with a space.
    """

    __slots__ = ("children", "name")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.name = ""


class _Tokens(dict[str, list[str]]):
    """Normalised tokens of a piece; short pieces are remembered."""

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


class _Starts(dict[str, tuple[list[str], list[tuple[int, _Node]]] | None]):
    """Tokens of a piece and those that an entry begins with; ``None`` for most: there are none."""

    def __init__(self, tokens: _Tokens, tree: dict[str, _Node]) -> None:
        super().__init__()
        self._tokens, self._tree = tokens, tree

    def __missing__(self, piece: str) -> tuple[list[str], list[tuple[int, _Node]]] | None:
        tokens, tree = self._tokens[piece], self._tree
        nodes = [(number, tree[token]) for number, token in enumerate(tokens) if token in tree]
        starts = (tokens, nodes) if nodes else None
        if len(piece) <= _PIECE:
            if len(self) >= _PIECES:
                self.clear()
            self[piece] = starts
        return starts


class _Spans(dict[str, list[tuple[int, int]]]):
    """Where the tokens of a piece stand in it; short pieces are remembered."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._pattern = pattern

    def __missing__(self, piece: str) -> list[tuple[int, int]]:
        spans = [match.span() for match in self._pattern.finditer(piece)]
        if len(piece) <= _PIECE:
            if len(self) >= _PIECES:
                self.clear()
            self[piece] = spans
        return spans


class Side:
    """Find the entries of one language in a text: a tree over tokens, walked once.

    No token holds white space, so that a text is the sum of its pieces, and most of them were met
    before: for those that begin no entry, one look into a dictionary is all that is done.

    Args:
        language: language code.
        keys: a memory of normalised words, shared with others.
    """

    def __init__(self, language: str, keys: Keys) -> None:
        pattern = token_pattern(language)
        self._tree: dict[str, _Node] = {}
        self._tokens = _Tokens(pattern, keys)
        self._spans = _Spans(pattern)
        self._starts = _Starts(self._tokens, self._tree)

    def add(self, text: str) -> str:
        """Take an entry; returns its name, or nothing if it holds no token."""
        name, children, node = "", self._tree, None
        for piece in text.split():
            for number, token in enumerate(self._tokens[piece]):
                step = " " + token if name and not number else token
                node = children.setdefault(step, _Node())
                name, children = name + step, node.children
        if node is not None:
            node.name = name
            self._starts.clear()
        return name

    def occurrences(self, text: str) -> dict[str, tuple[Place, Place] | None]:
        """Entries of a text with their first and last token; ``None`` for more than one place."""
        found: dict[str, tuple[Place, Place] | None] = {}
        pieces = text.split()
        starts = list(map(self._starts.__getitem__, pieces))
        free = (0, 0)  # the first token that belongs to no entry yet
        for number, known in compress(enumerate(starts), starts):
            assert known is not None
            tokens, nodes = known
            for index, node in nodes:
                place = last = (number, index)
                if place < free:
                    continue
                name = node.name
                if node.children:  # most words begin no longer entry
                    name, last = self._follow(node, pieces, number, index, tokens)
                    if not name:
                        continue
                    free = (last[0], last[1] + 1)
                found[name] = None if name in found else (place, last)
        return found

    def _follow(
        self, node: _Node, pieces: list[str], number: int, index: int, tokens: list[str]
    ) -> tuple[str, Place]:
        """The longest entry that begins at a place, and its last token."""
        name, last = node.name, (number, index)
        while children := node.children:
            index, gap = index + 1, ""
            while index == len(tokens):  # a piece may hold no token at all
                number += 1
                if number == len(pieces):
                    return name, last
                tokens, index, gap = self._tokens[pieces[number]], 0, " "
            step = gap + tokens[index]
            if step not in children:
                break
            node = children[step]
            if node.name:
                name, last = node.name, (number, index)
        return name, last

    def words(self, text: str, chosen: list[tuple[str, tuple[Place, Place] | None]]) -> Words:
        """Spans and keys of chosen entries."""
        pieces = text.split()
        begins = list(map(add, accumulate(map(len, pieces), initial=0), count()))
        if begins[-1] != len(text) + 1:  # not one space everywhere, and none at the ends
            begins = [match.start() for match in _BETWEEN_SPACES.finditer(text)]
        spans = []
        for _, places in chosen:
            if places is not None:
                (a, first), (b, last) = places
                start = begins[a] + self._spans[pieces[a]][first][0]
                spans.append(Span(start, begins[b] + self._spans[pieces[b]][last][1]))
        return Words(spans, [name for name, _ in chosen])

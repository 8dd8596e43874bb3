"""A tree over the tokens of lexicon entries: what begins at a token, and how far it goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crosszero.align.word_boundaries import Keys, token_pattern

#: In place of the number of an entry: none ends here.
NO_ENTRY = -1

_MARKS = frozenset(".,:;!?")  # none of them joins words or begins one


class Node:
    """What may follow the tokens read so far, and the entry that ends here.

    Attributes:
        number: of the node; the root has 0.
        entry: number of the entry, or :data:`NO_ENTRY`.
        children: by token; what follows after white space begins with a space.
    """

    __slots__ = ("children", "entry", "number")

    def __init__(self, number: int) -> None:
        self.number, self.entry = number, NO_ENTRY
        self.children: dict[str, Node] = {}


class Tree:
    """The entries of one language.

    Args:
        language: language code.
        keys: a memory of normalised words, shared with others.

    Attributes:
        pattern: its matches are the tokens of a text.
        names: of the entries: their tokens, with a space where white space was.
        nodes: by their number.
        steps: numbers, from 1, of the tokens that go on with an entry behind white space.

    Example:
        >>> tree = Tree("en", Keys())
        >>> tree.add("York"), tree.add("new york"), tree.add("YORK"), tree.add(" ")
        (0, 1, 0, -1)
        >>> tree.names
        ['york', 'new york']
    """

    def __init__(self, language: str, keys: Keys) -> None:
        self.pattern, self._keys = token_pattern(language), keys
        self.nodes = [Node(0)]
        self.names: list[str] = []
        self.steps: dict[str, int] = {}

    def tokenize(self, piece: str) -> list[str]:
        """Normalised tokens of a text without white space."""
        if piece.isascii():  # most are one English word, and what the expression costs is saved
            if piece.isalpha():
                return [piece.lower()]
            if piece[-1:] in _MARKS and piece[:-1].isalpha():
                return [piece[:-1].lower(), piece[-1]]
        return list(map(self._keys.__getitem__, self.pattern.findall(piece)))

    def add(self, text: str) -> int:
        """Take an entry; returns its number, or :data:`NO_ENTRY` if it holds no token."""
        name, node = "", self.nodes[0]
        for piece in text.split():
            for number, token in enumerate(self.tokenize(piece)):
                step = token
                if name and not number:
                    step = " " + token
                    self.steps.setdefault(step, len(self.steps) + 1)
                child = node.children.get(step)
                if child is None:
                    child = node.children[step] = Node(len(self.nodes))
                    self.nodes.append(child)
                name, node = name + step, child
        if name and node.entry == NO_ENTRY:
            node.entry = len(self.names)
            self.names.append(name)
        return node.entry

    def walk(
        self, node: Node, tokens: Sequence[str], begin: int, gap: str = ""
    ) -> tuple[int, int, Node | None]:
        """Follow the tokens of a piece from a node as far as they go.

        Args:
            node: where to start.
            tokens: of the piece.
            begin: the first of them to follow.
            gap: a space if there is white space before it.

        Returns:
            The longest entry that ends on the way, its last token, and the node of the last token
            if an entry may go on behind it.
        """
        entry, last = NO_ENTRY, begin
        for number in range(begin, len(tokens)):
            child = node.children.get(gap + tokens[number])
            if child is None:
                return entry, last, None
            node, gap = child, ""
            if node.entry != NO_ENTRY:
                entry, last = node.entry, number
        return entry, last, node if node.children else None

    @property
    def width(self) -> int:
        """Above the highest number of a step."""
        return len(self.steps) + 1

    def list_bridges(self) -> NDArray[np.int64]:
        """Where an entry goes on behind white space: node x :attr:`width` + step, ascending."""
        bridges = [
            node.number * self.width + self.steps[step]
            for node in self.nodes
            for step in node.children
            if step[0] == " "
        ]
        return np.sort(np.asarray(bridges, dtype=np.int64))

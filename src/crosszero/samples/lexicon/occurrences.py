"""Where the entries of a lexicon stand in many texts at once.

No token holds white space, so that a text is the sum of its pieces. What begins in a piece is known
once it was met, so that arrays tell it for all texts; only where an entry really goes on into the
next piece is there a walk along the tree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Span
from crosszero.align.word_boundaries import Keys
from crosszero.samples.lexicon.pieces import EMPTY, Numbers, Pieces, TokenSpans, expand
from crosszero.samples.lexicon.tree import NO_ENTRY, Node, Tree

_BETWEEN_SPACES = re.compile(r"\S+")  # what str.split gives, with its place
_SHIFT = 32  # a place: the number of a piece, and in the low bits that of a token in it
_TOKEN = (1 << _SHIFT) - 1


@dataclass(frozen=True, kw_only=True)
class Occurrences:
    """Entries found in some texts, in the order of the texts.

    Attributes:
        texts: as they were given.
        pieces: of all texts.
        ends: (texts,) where the pieces of each text end.
        text: (n,) number of the text.
        entry: (n,) number of the entry.
        first, last: (n,) place of the first and of the last token.
    """

    texts: Sequence[str]
    pieces: list[str]
    ends: Numbers
    text: Numbers
    entry: Numbers
    first: Numbers
    last: Numbers


class Side:
    """Find the entries of one language in texts, leftmost and longest first.

    Args:
        language: language code.
        keys: a memory of normalised words, shared with others.

    Attributes:
        tree: the entries.

    Example:
        >>> side = Side("en", Keys())
        >>> [side.add("York"), side.add("New York")]
        [0, 1]
        >>> found = side.read(["York is not New York"])
        >>> found.entry.tolist(), side.locate(found, np.array([1]))
        ([0, 1], [Span(start=12, end=20)])
    """

    def __init__(self, language: str, keys: Keys) -> None:
        self.tree = Tree(language, keys)
        self._pieces = Pieces(self.tree)
        self._spans = TokenSpans(self.tree.pattern)
        self._bridges: Numbers | None = None

    def add(self, text: str) -> int:
        """Take an entry; returns its number, or :data:`NO_ENTRY` if it holds no token."""
        if self._bridges is not None:  # what is known of the pieces holds no longer
            self._pieces.forget()
            self._bridges = None
        return self.tree.add(text)

    def read(self, texts: Sequence[str]) -> Occurrences:
        """Find the entries of some texts, at best a few thousand."""
        if self._bridges is None:
            self._bridges = self.tree.list_bridges()
        split = list(map(str.split, texts))
        ends = np.cumsum(np.fromiter(map(len, split), np.int64, len(split)))
        pieces = list(chain.from_iterable(split))
        codes = self._pieces.number(pieces)
        piece, rows = expand(self._pieces.bounds, codes)
        token, entry, last, node = self._pieces.starts[rows].T.copy()
        first, last = (piece << _SHIFT) + token, (piece << _SHIFT) + last
        upcoming = np.append(self._pieces.steps[codes], 0)
        upcoming[ends] = 0  # nothing goes on in the next text
        bridges = self._find_bridges(node, upcoming[piece + 1])
        behind = piece[bridges] + 1
        end = ends[np.searchsorted(ends, behind, side="left")]
        for i, *where in zip(*(x.tolist() for x in (bridges, behind, end)), strict=True):
            longer, place = self._go_on(self.tree.nodes[node[i]], pieces, *where)
            if longer != NO_ENTRY:
                entry[i], last[i] = longer, place
        found = np.flatnonzero(entry != NO_ENTRY)
        found = found[choose_leftmost(first[found], last[found])]
        return Occurrences(
            texts=texts,
            pieces=pieces,
            ends=ends,
            text=np.searchsorted(ends, piece[found], side="right"),
            entry=entry[found],
            first=first[found],
            last=last[found],
        )

    def _find_bridges(self, node: Numbers, upcoming: Numbers) -> Numbers:
        """Where an entry goes on behind the white space after a piece."""
        assert self._bridges is not None
        open_ = np.flatnonzero((node != 0) & (upcoming != 0))
        wanted = node[open_] * self.tree.width + upcoming[open_]
        known = find_sorted(self._bridges, wanted)[1] | (upcoming[open_] == EMPTY)
        bridges: Numbers = open_[known]
        return bridges

    def _go_on(self, node: Node, pieces: list[str], begin: int, end: int) -> tuple[int, int]:
        """The longest entry that goes on from a node, and the place of its last token."""
        found, upcoming = (NO_ENTRY, 0), node
        for piece in range(begin, end):
            tokens = self.tree.tokenize(pieces[piece])
            if not tokens:
                continue
            entry, last, following = self.tree.walk(upcoming, tokens, 0, " ")
            if entry != NO_ENTRY:
                found = entry, (piece << _SHIFT) + last
            if following is None:
                break
            upcoming = following
        return found

    def locate(self, found: Occurrences, chosen: Numbers) -> list[Span]:
        """Spans of chosen entries, in characters of their texts.

        Args:
            found: what :meth:`read` gave.
            chosen: their indices.
        """
        lengths = np.fromiter(map(len, found.pieces), np.int64, len(found.pieces))
        before = np.concatenate([[0], np.cumsum(lengths + 1)])  # with one space behind each piece
        starts = np.concatenate([[0], found.ends[:-1]])  # first piece of each text
        sizes = np.fromiter(map(len, found.texts), np.int64, len(found.texts))
        regular = before[found.ends] - before[starts] == sizes + 1
        text = found.text[chosen]
        ends = []
        for place in (found.first[chosen], found.last[chosen]):
            piece = place >> _SHIFT
            offset = before[piece] - before[starts[text]]
            for i in np.flatnonzero(~regular[text]).tolist():
                matches = islice(
                    _BETWEEN_SPACES.finditer(found.texts[text[i]]), piece[i] - starts[text[i]], None
                )
                offset[i] = next(matches).start()
            ends.append((piece.tolist(), (place & _TOKEN).tolist(), offset.tolist()))
        spans, pieces = self._spans, found.pieces
        return [
            Span(offset + spans[pieces[a]][first][0], offset_ + spans[pieces[b]][last][1])
            for a, first, offset, b, last, offset_ in zip(*ends[0], *ends[1], strict=True)
        ]


def choose_leftmost(first: Numbers, last: Numbers) -> NDArray[np.bool_]:
    """Tell which entries stand, where they lie over each other: the leftmost, from the left.

    Args:
        first: (n,) places of their first tokens, ascending.
        last: (n,) places of their last tokens.

    Example:
        >>> choose_leftmost(np.array([0, 1, 2, 3]), np.array([1, 2, 2, 3])).tolist()
        [True, False, True, True]
    """
    stands = np.ones(len(first), dtype=bool)
    reach = np.maximum.accumulate(last) if len(last) else last
    before, end = -1, -1
    for i in (np.flatnonzero(first[1:] <= reach[:-1]) + 1).tolist():
        if i - 1 != before:  # the one before lies behind all others, and stands
            end = int(last[i - 1])
        stands[i] = first[i] > end
        if stands[i]:
            end = int(last[i])
        before = i
    return stands


def find_sorted(values: Numbers, wanted: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Look numbers up in an ascending array.

    Returns:
        Where each one stands (anywhere, if it does not), and whether it is there.

    Example:
        >>> [a.tolist() for a in find_sorted(np.array([3, 5]), np.array([5, 4, 9]))]
        [[1, 1, 1], [True, False, False]]
    """
    if not len(values):
        return np.zeros_like(wanted), np.zeros(len(wanted), dtype=bool)
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return at, values[at] == wanted

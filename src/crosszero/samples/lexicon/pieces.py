"""What is known of the pieces of texts: what begins in them, and where their tokens stand.

A piece stands between white space. Most pieces of a corpus were met before, so each different one
is looked at once; arrays then hold what is known, by the number of the piece.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from crosszero.samples.lexicon.tree import NO_ENTRY, Tree

#: In place of a step: the piece has no token, an entry may go on behind it.
EMPTY = -1

_CHARACTERS = 2_000_000  # of different pieces; when there are more they are forgotten

Numbers = NDArray[np.int64]


class Pieces(dict[str, int]):
    """Numbers of pieces; 0 for most: no entry begins in them or goes on with them.

    Args:
        tree: the entries.

    Attributes:
        steps: by number, the step that the first token is behind white space, 0 for none, or
            :data:`EMPTY`.
        bounds: by number, where its rows of `starts` begin; one more at the end.
        starts: token, its entry, last token of the entry, and the number of the node where the
            piece ends if an entry may go on there, else 0.
    """

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self._tree = tree
        self.forget()

    def forget(self) -> None:
        """Let go of all pieces."""
        self.clear()
        self._size = 0
        self.steps, self.bounds = np.zeros(1, np.int64), np.zeros(2, np.int64)
        self.starts = np.zeros((0, 4), np.int64)
        # What is met is collected in lists, and becomes rows of the arrays once for each batch.
        self._steps: list[int] = []
        self._bounds: list[int] = []
        self._starts: list[tuple[int, int, int, int]] = []

    def __missing__(self, piece: str) -> int:
        tree = self._tree
        root, tokens = tree.nodes[0], tree.tokenize(piece)
        starts = []
        if not root.children.keys().isdisjoint(tokens):
            for number, token in enumerate(tokens):
                if token in root.children:
                    entry, last, node = tree.walk(root, tokens, number)
                    if entry != NO_ENTRY or node:
                        starts.append((number, entry, last, node.number if node else 0))
        step = tree.steps.get(" " + tokens[0], 0) if tokens else EMPTY
        code = 0
        if starts or step:
            code = len(self.steps) + len(self._steps)
            self._steps.append(step)
            self._starts += starts
            self._bounds.append(len(self.starts) + len(self._starts))
        self[piece] = code
        self._size += len(piece)
        return code

    def number(self, pieces: list[str]) -> Numbers:
        """Number some pieces, and bring the arrays up to date; older numbers hold no longer."""
        if self._size > _CHARACTERS:
            self.forget()
        codes = np.fromiter(map(self.__getitem__, pieces), np.int64, len(pieces))
        self.steps = np.append(self.steps, self._steps).astype(np.int64)
        self.bounds = np.append(self.bounds, self._bounds).astype(np.int64)
        more = np.asarray(self._starts, dtype=np.int64).reshape(-1, 4)
        self.starts = np.concatenate([self.starts, more])
        self._steps, self._bounds, self._starts = [], [], []
        return codes


class TokenSpans(dict[str, list[tuple[int, int]]]):
    """Where the tokens of a piece stand in it.

    Args:
        pattern: its matches are the tokens.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._pattern, self._size = pattern, 0

    def __missing__(self, piece: str) -> list[tuple[int, int]]:
        if self._size > _CHARACTERS:
            self.clear()
            self._size = 0
        spans = self[piece] = [match.span() for match in self._pattern.finditer(piece)]
        self._size += len(piece)
        return spans


def expand(bounds: Numbers, rows: Numbers) -> tuple[Numbers, Numbers]:
    """Give the values of some rows, where ``bounds`` tells which values belong to a row.

    Args:
        bounds: (all rows + 1,) where the values of each row begin.
        rows: which rows.

    Returns:
        Of each value the index into `rows`, and the number of the value.

    Example:
        >>> [numbers.tolist() for numbers in expand(np.array([0, 2, 2, 5]), np.array([2, 1, 0]))]
        [[0, 0, 0, 2, 2], [2, 3, 4, 0, 1]]
    """
    counts = bounds[rows + 1] - bounds[rows]
    which = np.repeat(np.arange(len(rows)), counts)
    shift = bounds[rows] - (np.cumsum(counts) - counts)
    return which, np.arange(len(which)) + np.repeat(shift, counts)

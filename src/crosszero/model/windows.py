"""Long texts, cut into stretches that are encoded by themselves."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from crosszero.model.tokens import Tokens

_WHOLE, _PIECE, _OVERLAPPING = 192, 32, 96  # tokens of what is read at once by sub-tokens
_SENTENCE_END = re.compile(
    "[.!?\u2026\u061f\u06d4\u0964\u1362][\"'\u201d\u00bb)\\]]*(?=\\s)|[\u3002\uff01\uff1f]|\n"
)


class Window(NamedTuple):
    """A stretch of a text that is encoded by itself.

    Attributes:
        text: number of the text.
        first: its first token, of those that are not special.
        kept: of which tokens the vectors are taken from here.
        ids: its tokens, with the special ones.
    """

    text: int
    first: int
    kept: tuple[int, int]
    ids: list[int]


def cut_windows(number: int, text: str, tokens: Tokens, max_length: int) -> list[Window]:
    """Cut a long text where sentences end, and what is long still into windows that overlap."""
    size = len(tokens.starts)
    room = max_length - (len(tokens) - size)
    if size <= min(room, _WHOLE):
        return [Window(number, 0, (0, size), tokens.ids)] if size else []
    ends = [int(tokens.starts.searchsorted(m.end())) for m in _SENTENCE_END.finditer(text)]
    borders, last = [0], 0  # of pieces
    for end in (*ends, size):
        if end - borders[-1] > _PIECE and last > borders[-1]:
            borders.append(last)
        last = end
    head, tail = tokens.ids[: tokens.first], tokens.ids[tokens.first + size :]
    windows = []
    for begin, end in pairwise((*borders, size)):
        width = end - begin if end - begin <= min(room, _WHOLE) else min(room, _OVERLAPPING)
        firsts = [*range(begin, end - width, max(1, width // 2)), end - width]
        # Between two windows the middle of what both see is the border.
        middles = ((a + width + b) // 2 for a, b in pairwise(firsts))
        for first, kept in zip(firsts, pairwise((begin, *middles, end)), strict=True):
            inner = slice(tokens.first + first, tokens.first + first + width)
            windows.append(Window(number, first, kept, [*head, *tokens.ids[inner], *tail]))
    return windows

"""From character spans to token spans.

Samples hold characters, because a span must survive a change of tokeniser. Fast tokenisers
give the characters of each token (for others see :mod:`crosszero.model.slow_tokenizer`); a word's
tokens are those that share a character with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenised text.

    Attributes:
        ids: token numbers, special tokens included.
        first: index of the first token that is not special.
        starts, ends: characters of the tokens that are not special, in order; ``starts[k]`` belongs
            to ``ids[first + k]``.
        special: for each of `ids`, whether it is a special token.
        truncated: whether the text was cut to the maximum length.
    """

    ids: list[int]
    first: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    special: NDArray[np.bool_]
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)


def check_texts(texts: Iterable[str]) -> list[str]:
    """Require that texts are `str` (TypeError)."""
    for number, text in enumerate(texts := list(texts)):
        if not isinstance(text, str):
            raise TypeError(f"texts must be str, text {number} is {type(text).__name__}")
    return texts


def make_tokens(
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    special: Sequence[int],
    *,
    cut: bool = False,
) -> Tokens:
    """Build :class:`Tokens` from what a tokeniser returns for one text.

    `offsets` are (start, end) in characters of each token, `special` is 1 for special tokens.
    ValueError if these stand between the text's tokens.
    """
    size = special.count(0)
    first = special.index(0) if size else 0
    if any(special[first : first + size]):
        raise ValueError("special tokens inside a text are not supported")
    inner = chain.from_iterable(offsets[first : first + size])
    bounds = np.fromiter(inner, np.int64, 2 * size).reshape(-1, 2)
    return Tokens(list(ids), first, bounds[:, 0], bounds[:, 1], np.array(special, bool), cut)


def locate_spans(
    tokens: Tokens, spans: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the tokens of m words of one text: those that share a character with ``[start, end)``.

    Gives the (m,) first ones and the (m,) ones behind the last. Both are 0 for a word that was cut
    off, in whole or in part, or has no token of its own.

    Example:
        >>> tokens = make_tokens([2, 7, 8, 9, 3], [(0, 0), (0, 2), (2, 5), (6, 9), (0, 0)],
        ...                      [1, 0, 0, 0, 1])
        >>> locate_spans(tokens, [(0, 5), (6, 9)])
        (array([1, 3]), array([3, 4]))
    """
    bounds = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    if not len(tokens.starts):
        return np.zeros(len(bounds), np.int64), np.zeros(len(bounds), np.int64)
    first = tokens.ends.searchsorted(bounds[:, 0], side="right") + tokens.first
    last = tokens.starts.searchsorted(bounds[:, 1], side="left") + tokens.first
    seen = last > first
    if tokens.truncated:
        seen &= bounds[:, 1] <= tokens.ends[-1]
    return np.where(seen, first, 0), np.where(seen, last, 0)

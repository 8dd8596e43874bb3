"""Pairs of texts in batches, and results that are begun before somebody asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from crosszero.align.spans import CutPair

T = TypeVar("T")
_LETTERS = 2**18  # of a batch: some 100,000 tokens, whose vectors take 0.3 GB


def cut_batches(pairs: Iterable[CutPair], size: int) -> Iterator[list[CutPair]]:
    """Give batches of so many pairs, or of fewer long ones: the vectors of all their tokens wait.

    Example:
        >>> from crosszero.align.spans import from_words
        >>> pair = from_words(["good", "day"]), from_words(["guten", "Tag"])
        >>> [len(batch) for batch in cut_batches([pair] * 5, 2)]
        [2, 2, 1]
    """
    batch, letters = list[CutPair](), 0
    for pair in pairs:
        batch.append(pair)
        letters += sum(len(side.text) for side in pair)
        if len(batch) == size or letters > _LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def look_ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """Give each item when `count` more are there; before an error, what came before it.

    Example:
        >>> list(look_ahead(iter("abc"), 2))
        ['a', 'b', 'c']
    """
    waiting: deque[T] = deque()
    try:
        for item in items:
            waiting.append(item)
            if len(waiting) > count:
                yield waiting.popleft()
    except Exception:
        yield from waiting
        raise
    yield from waiting

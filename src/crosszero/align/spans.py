"""A word in its text, and two words that mean the same."""

from __future__ import annotations

from typing import NamedTuple

Link = tuple[int, int]
"""The number of a word and that of its translation, counted from 0."""


class Span(NamedTuple):
    """A stretch of text: characters ``start`` (included) to ``end`` (excluded), code points."""

    start: int
    end: int


class WordPair(NamedTuple):
    """One word of the source text and the word of the target text that it means.

    Attributes:
        source: span in the source text.
        target: span in the target text.
        score: how sure the finder is, from 0 to 1 (1 for a lexicon entry).
    """

    source: Span
    target: Span
    score: float = 1.0

"""Words in their texts, and links between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

_BREAK = re.compile("[ \n]")
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


class ScoredLink(NamedTuple):
    """Two words that mean the same, by their numbers from 0, and how sure that is, from 0 to 1."""

    source: int
    target: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldLinks:
    """The gold links of one sentence pair, 0-based (source word, target word).

    Attributes:
        sure: links that an aligner has to find.
        possible: links that it may give; the sure ones need not be repeated.
    """

    sure: frozenset[Link]
    possible: frozenset[Link] = field(default_factory=frozenset)

    @property
    def allowed(self) -> frozenset[Link]:
        """P of the definitions: possible and sure links."""
        return self.possible | self.sure


class CutText(NamedTuple):
    """A text and where its words are.

    Attributes:
        text: as it is.
        spans: of its words, in characters.
    """

    text: str
    spans: list[Span]

    @property
    def keys(self) -> list[str]:
        """The words in lower case and NFC, as a statistical aligner counts them.

        A space in one (``New York``) becomes one that does not break, for thot's files break there.
        """
        words = (unicodedata.normalize("NFC", self.text[a:b].lower()) for a, b in self.spans)
        return [_BREAK.sub("\u00a0", word) for word in words]


CutPair = tuple[CutText, CutText]


class LinkedPair(NamedTuple):
    """A text, its translation, and the links between their words."""

    source: CutText
    target: CutText
    links: list[ScoredLink]


def from_words(words: Sequence[str]) -> CutText:
    """Take words that are cut already, with one space between two.

    Example:
        >>> from_words(["ein", "Haus"]).spans
        [Span(start=0, end=3), Span(start=4, end=8)]
    """
    [text], [spans] = join_words([words])
    return CutText(text, spans)


def join_words(sentences: Sequence[Sequence[str]]) -> tuple[list[str], list[list[Span]]]:
    """Make texts of sentences that are cut into words, with one space between two words.

    Args:
        sentences: n lists of words.

    Returns:
        n texts, and for each of them where its words stand.

    Example:
        >>> join_words([["ein", "Haus"]])
        (['ein Haus'], [[Span(start=0, end=3), Span(start=4, end=8)]])
    """
    texts, spans = [" ".join(words) for words in sentences], []
    for words in sentences:
        ends = accumulate(map(len, words), lambda end, length: end + 1 + length)
        spans.append([Span(end - len(word), end) for word, end in zip(words, ends, strict=True)])
    return texts, spans

"""Word positioned samples: a sentence pair and the word pairs found in it (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sentence pair with its word pairs. One row of the store.

    The paper's word positioned sample is (sentence pair, ONE word pair); a row holds all of them,
    so that a sentence is stored, and can be encoded, once.

    Attributes:
        source, target, source_language, target_language, origin, group: as in ``SentencePair``.
        words: word pairs in the order of the source text; may be empty (sentence level only).
        finder: which finder found them: ``lexicon``, ``aligner`` or ``encoder``.
    """

    source: str
    target: str
    source_language: str
    target_language: str
    origin: str
    group: str
    words: tuple[WordPair, ...]
    finder: str

"""Word positioned samples: a sentence pair and the word pairs found in it (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from crosszero.bitext.pair import SentencePair


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

    Example:
        >>> pair = SentencePair(source="Hi.", target="Salut.", source_language="en",
        ...                     target_language="fr", origin="x.en:1")
        >>> Sample.of(pair).pair == pair
        True
    """

    source: str
    target: str
    source_language: str
    target_language: str
    origin: str
    group: str
    words: tuple[WordPair, ...]
    finder: str

    @classmethod
    def of(cls, pair: SentencePair, words: tuple[WordPair, ...] = (), finder: str = "") -> Sample:
        """Make the sample of a sentence pair.

        Args:
            pair: the texts.
            words: the word pairs found in them.
            finder: what found them.
        """
        return cls(
            source=pair.source,
            target=pair.target,
            source_language=pair.source_language,
            target_language=pair.target_language,
            origin=pair.origin,
            group=pair.group,
            words=words,
            finder=finder,
        )

    @property
    def pair(self) -> SentencePair:
        """The sentence pair, without its words."""
        return SentencePair(
            source=self.source,
            target=self.target,
            source_language=self.source_language,
            target_language=self.target_language,
            origin=self.origin,
            group=self.group,
        )

"""Word positioned samples: a sentence pair and the word pairs found in it (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from crosszero.align.spans import WordPair
from crosszero.bitext.pair import SentencePair

_TEXTS = tuple(field.name for field in fields(SentencePair))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(SentencePair):
    """A sentence pair with its word pairs. One row of the store.

    The paper's word positioned sample is (sentence pair, ONE word pair). A row holds all word
    pairs, so that a sentence is stored and encoded once.

    Attributes:
        words: word pairs in the order of the source text; may be empty (sentence level only).
        finder: which finder found them: ``lexicon``, ``aligner`` or ``encoder``.

    Example:
        >>> pair = SentencePair(source="Hi.", target="Salut.", source_language="en",
        ...                     target_language="fr", origin="x.en:1")
        >>> Sample.of(pair).pair == pair
        True
    """

    words: tuple[WordPair, ...]
    finder: str

    @classmethod
    def of(cls, pair: SentencePair, words: tuple[WordPair, ...] = (), finder: str = "") -> Sample:
        """Make the sample of a sentence pair and the word pairs that `finder` found in it."""
        texts = {name: getattr(pair, name) for name in _TEXTS}
        return cls(**texts, words=words, finder=finder)

    @property
    def pair(self) -> SentencePair:
        """The sentence pair, without its words."""
        return SentencePair(**{name: getattr(self, name) for name in _TEXTS})

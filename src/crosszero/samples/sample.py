"""Word positioned samples: a sentence pair and the word pairs found in it (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from crosszero.align.spans import WordPair
from crosszero.bitext.pair import SentencePair


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

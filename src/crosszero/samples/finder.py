"""What every finder of word pairs can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from crosszero.align.spans import WordPair
from crosszero.bitext.pair import SentencePair


@runtime_checkable
class Finder(Protocol):
    """Find the word pairs of sentence pairs. Write your own and hand it to :func:`prepare`.

    A finder may also have a method ``check_languages(source, target)``: :func:`prepare` calls it
    when a language pair is first read, so that a corpus it can't serve is refused at once.

    Attributes:
        name: what the store says of the samples: ``lexicon``, ``aligner``, ``encoder``.

    Example:
        >>> class Nothing:
        ...     name = "nothing"
        ...     def fit(self, pairs): ...
        ...     def find(self, pairs): return [() for _ in pairs]
        >>> isinstance(Nothing(), Finder)
        True
    """

    name: str

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Learn what is needed from the corpus, in one pass; may do nothing.

        Args:
            pairs: the corpus, read once; may be larger than memory.
        """
        ...

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Find the word pairs of a batch.

        Args:
            pairs: at best a few thousand at a time; language pairs may be mixed.

        Returns:
            One tuple for each sentence pair, in the order of the source text. No two word pairs
            of one sentence pair share a character.
        """
        ...


class NoFinder:
    """Find nothing: samples for sentence level training."""

    name = "none"

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Do nothing."""

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Give no word pairs."""
        return [()] * len(pairs)

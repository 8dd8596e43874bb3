"""Find the word pairs of sentence pairs: the protocol of a finder, and the one that uses aligners.

An aligner says which words mean the same; the finder chooses those worth training on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from crosszero.align.aligner import Aligner
from crosszero.align.spans import WordPair
from crosszero.bitext.pair import SentencePair
from crosszero.samples.filters import Chooser, WordFilter


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
        """Learn what is needed from the corpus, which is read once; may do nothing."""
        ...

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Find the word pairs of a batch, at best of a few thousand; languages may be mixed.

        Returns:
            One tuple for each sentence pair, in the order of the source text. No two word pairs
            of one sentence pair share a character.
        """
        ...


class WordFinder:
    """Choose among the links that an aligner sees.

    Args:
        aligner: links words.
        rules: which links to keep; ``rules.min_score`` defaults to the aligner's own.

    Example:
        >>> finder = WordFinder(StatisticalAligner())           # doctest: +SKIP
        >>> finder.fit(read_bitext("corpus.en-fr.tsv"))         # doctest: +SKIP
        >>> finder.find(batch)[0]                               # doctest: +SKIP
        (WordPair(source=Span(start=4, end=11), target=Span(start=3, end=8), score=0.83),)
    """

    def __init__(self, aligner: Aligner, rules: WordFilter | None = None) -> None:
        self.name = aligner.name
        self._aligner = aligner
        self._chooser = Chooser(rules or WordFilter(), min_score=aligner.min_score)

    def check_languages(self, source: str, target: str) -> None:
        """Refuse (ConfigError) languages that lack a list, or that the aligner can't serve."""
        for language in (source, target):
            self._chooser.stop_words(language)
        self._aligner.check_languages(source, target)

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Let the aligner learn, and learn the stop words of languages that have no list."""
        counts = self._aligner.fit(self._check(pairs), counted=self._chooser.learns)
        for language, count in counts.items():
            self._chooser.learn(language, count)

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Find the word pairs of a batch; ConfigError if the aligner has not learnt yet."""
        return [
            self._chooser.choose(links, (pair.source_language, pair.target_language))
            if links.pairs
            else ()
            for pair, links in zip(pairs, self._aligner.align(pairs), strict=True)
        ]

    def _check(self, pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
        met: set[tuple[str, str]] = set()
        for pair in pairs:
            if (languages := (pair.source_language, pair.target_language)) not in met:
                met.add(languages)
                self.check_languages(*languages)
            yield pair


class NoFinder:
    """Find nothing: samples for sentence level training."""

    name = "none"

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Do nothing."""

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Give no word pairs."""
        return [()] * len(pairs)

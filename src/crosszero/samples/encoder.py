"""Word pairs seen by the encoder itself: words that are each other's nearest neighbour.

After Jalili Sabet et al. 2020, "SimAlign" (the argmax method). Which layer the vectors come from is
the business of the side that owns the model: for a 12-layer encoder layers 8 and 9 align best
(Chi et al. 2021, XLM-Align).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crosszero.align.links import mutual_argmax
from crosszero.align.spans import Span, WordPair
from crosszero.align.word_reader import WordReader
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.samples.filters import Chooser, WordFilter


class WordVectors(Protocol):
    """Give the vectors of the words of some texts.

    Called with texts and, for each text, the spans of its words in characters; returns for each
    text an array ``(words, dim)``. A word that the encoder has not seen, because it was cut off at
    the maximum length, has a row of zeros: it is linked to nothing.
    """

    def __call__(
        self, texts: list[str], spans: list[list[Span]], /
    ) -> list[NDArray[np.floating[Any]]]:
        """Encode."""
        ...


class EncoderFinder:
    """Find word pairs with an encoder: mutual argmax of the cosine similarity.

    Args:
        vectors: from the encoder; called with at most `batch` texts of one side.
        rules: which links to keep. A score is the cosine similarity, 0 where it is negative;
            ``rules.min_score`` defaults to 0.
        threshold: smallest cosine similarity of a link, -1 to 1; ``rules.min_score`` if not given.
        batch: sentence pairs encoded at a time.

    Example:
        >>> finder = EncoderFinder(vectors, threshold=0.4)     # doctest: +SKIP
        >>> finder.find(pairs)                                 # doctest: +SKIP
    """

    name = "encoder"

    def __init__(
        self,
        vectors: WordVectors,
        rules: WordFilter | None = None,
        *,
        threshold: float | None = None,
        batch: int = 64,
    ) -> None:
        if batch < 1:
            raise ConfigError(f"batch must be at least 1, not {batch}")
        if threshold is not None and not -1.0 <= threshold <= 1.0:
            raise ConfigError(f"threshold lies between -1 and 1, not {threshold}")
        rules = rules or WordFilter()
        self._vectors, self._batch = vectors, batch
        self._threshold = threshold if threshold is not None else (rules.min_score or 0.0)
        self._chooser = Chooser(rules)
        self._readers: dict[str, WordReader] = {}

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Learn where words end in scripts without spaces, and stop words that no list has."""
        self._readers.clear()
        texts: dict[str, dict[str, None]] = {}
        for pair in pairs:
            for code, text in (
                (pair.source_language, pair.source),
                (pair.target_language, pair.target),
            ):
                members = texts.setdefault(code, {})
                if len(members) < 100_000:
                    members[text] = None
        for code, members in texts.items():
            reader = self._readers[code] = WordReader(code)
            reader.fit(members)
            if self._chooser.stop_words(code).learns:
                self._chooser.learn(
                    code, Counter(key for text in members for key in reader.read(text).keys)
                )
            reader.forget()

    def check_languages(self, source: str, target: str) -> None:
        """Refuse languages without a list of stop words, if only lists shall be used.

        Raises:
            ConfigError: there is no list.
        """
        self._chooser.check_languages(source, target)

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Encode a batch and link its words."""
        found: list[tuple[WordPair, ...]] = []
        for start in range(0, len(pairs), self._batch):
            found += self._find(pairs[start : start + self._batch])
        return found

    def _find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        sources = [self._reader(pair.source_language).read(pair.source) for pair in pairs]
        targets = [self._reader(pair.target_language).read(pair.target) for pair in pairs]
        left = self._vectors([pair.source for pair in pairs], [words.spans for words in sources])
        right = self._vectors([pair.target for pair in pairs], [words.spans for words in targets])
        found: list[tuple[WordPair, ...]] = []
        for pair, s, t, x, y in zip(pairs, sources, targets, left, right, strict=True):
            if len(x) != len(s.spans) or len(y) != len(t.spans):
                raise ValueError("vectors must give one row for each word")
            similarity = _cosine(x, y)
            links = mutual_argmax(similarity, self._threshold)

            def score(i: int, j: int, table: NDArray[np.float32] = similarity) -> float:
                return min(1.0, max(0.0, float(table[i, j])))

            languages = (pair.source_language, pair.target_language)
            found.append(self._chooser.choose(links, s, t, languages, score))
        return found

    def _reader(self, language: str) -> WordReader:
        reader = self._readers.get(language)
        if reader is None:
            reader = self._readers[language] = WordReader(language)
        return reader


def _cosine(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float32]:
    """Cosine similarity (source words, target words); NaN for a row of zeros, an unseen word."""
    result: NDArray[np.float32] = _unit(x) @ _unit(y).T
    return result


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows of length 1; NaN where there is no direction."""
    single = vectors.astype(np.float32)
    lengths = np.linalg.norm(single, axis=1, keepdims=True)
    lengths[lengths == 0.0] = np.nan
    single /= lengths
    return single

"""Links found by an encoder: words that are each other's nearest neighbour.

After Jalili Sabet et al. 2020, "SimAlign" (the argmax method). Which layer the vectors come from is
the business of the side that owns the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from crosszero.align.aligner import Links, count_nothing, sides
from crosszero.align.blas import one_blas_thread
from crosszero.align.similarity import Similarity, compare_words, mutual_argmax
from crosszero.align.subtokens import SubtokenEncoder, WordEncoder, encode_parts, word_vectors
from crosszero.align.word_reader import WordReaders
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError

_LEARNT = 100_000  # texts of each language


class EncoderAligner:
    """Link words by an encoder: mutual argmax of the cosine similarity.

    Args:
        encoder: gives the vectors of words; called with at most `batch` texts of one side.
        threshold: smallest cosine similarity of a link, -1 to 1.
        batch: sentence pairs encoded at a time.

    Raises:
        ConfigError: `threshold` or `batch` is out of range.

    Example:
        >>> aligner = EncoderAligner(Encoder.load("crosszero-mini"))     # doctest: +SKIP
        >>> next(aligner.align(pairs)).word_pairs()                       # doctest: +SKIP
        [WordPair(source=Span(start=0, end=3), target=Span(start=0, end=2), score=0.71)]
    """

    name = "encoder"
    min_score = 0.0

    def __init__(
        self, encoder: SubtokenEncoder | WordEncoder, *, threshold: float = 0.0, batch: int = 64
    ) -> None:
        if batch < 1:
            raise ConfigError(f"batch must be at least 1, not {batch}")
        if not -1.0 <= threshold <= 1.0:
            raise ConfigError(f"threshold must lie between -1 and 1, not {threshold}")
        self._encoder, self._threshold, self._batch = encoder, threshold, batch
        self._readers = WordReaders()

    def check_languages(self, source: str, target: str) -> None:
        """Do nothing: which languages an encoder knows is not known."""

    def fit(
        self, pairs: Iterable[SentencePair], *, counted: Callable[[str], bool] = count_nothing
    ) -> dict[str, Counter[str]]:
        """Learn where words end in scripts without spaces, from 100,000 texts of each language.

        See :meth:`crosszero.align.aligner.Aligner.fit`.
        """
        texts: dict[str, dict[str, None]] = {}
        for pair in pairs:
            for code, text in sides(pair):
                members = texts.setdefault(code, {})
                if len(members) < _LEARNT:
                    members[text] = None
        counts = self._readers.fit(texts.items(), counted)
        self._readers.forget()
        return counts

    def align(self, pairs: Sequence[SentencePair]) -> Iterator[Links]:
        """Encode a batch and link its words."""
        for start in range(0, len(pairs), self._batch):
            yield from self._align(pairs[start : start + self._batch])

    def _align(self, pairs: Sequence[SentencePair]) -> Iterator[Links]:
        sources = [self._readers[pair.source_language].read(pair.source) for pair in pairs]
        targets = [self._readers[pair.target_language].read(pair.target) for pair in pairs]
        left, right = (
            encode_parts(self._encoder, texts, [side.spans for side in words])
            for texts, words in (
                ([pair.source for pair in pairs], sources),
                ([pair.target for pair in pairs], targets),
            )
        )
        with one_blas_thread():
            both = zip(left, right, strict=True)
            similarities = [compare_words(word_vectors(x), word_vectors(y)) for x, y in both]
        for source, target, similarity in zip(sources, targets, similarities, strict=True):
            links = mutual_argmax(similarity, self._threshold)
            yield Links(source, target, links, partial(_score, similarity))


def _score(similarity: Similarity, i: int, j: int) -> float:
    return min(1.0, max(0.0, float(similarity[i, j])))

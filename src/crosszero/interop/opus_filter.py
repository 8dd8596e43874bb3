"""A filter for OpusFilter: sentence pairs are kept by how likely they are translations.

OpusFilter (https://github.com/Helsinki-NLP/OpusFilter) imports it where a filter in its settings
has ``module: crosszero.interop.opus_filter``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any

from crosszero.errors import ConfigError, MissingExtraError
from crosszero.model.encoder import Encoder
from crosszero.model.options import Pooling, Precision
from crosszero.search.bitext_scores import BLOCK, PairScoreName, check_scores, score_bitext
from crosszero.search.mined_pairs import reaches

try:
    from opusfilter import CLEAN_HIGH, FilterABC
except ImportError as error:
    raise MissingExtraError("opusfilter", "opusfilter", "a filter for OpusFilter") from error


class TranslationFilter(FilterABC):  # type: ignore[misc]  # it has no types
    """Accepts pairs whose score reaches a threshold; scores are those of ``crosszero score``.

    Args:
        threshold: the lowest score that is accepted.
        encoder, pooling, max_length, precision: see :meth:`~crosszero.Encoder.load`.
        by: ``cosine``, or ``ratio`` or ``distance``, which hold the cosine against that of the `k`
            nearest neighbours among the `block` pairs around.
        k, block: see :func:`~crosszero.search.bitext_scores.score_bitext`.
        name, workdir: OpusFilter's own.

    Raises:
        ConfigError: a setting is not allowed; while scoring: a pair has not two sides.
        CheckpointError: the encoder can't be loaded.

    Example:
        >>> found = TranslationFilter(threshold=0.6)                        # doctest: +SKIP
        >>> list(found.filter([("Good morning.", "Bonjour."), ("Yes.", "Le chat.")]))
        [('Good morning.', 'Bonjour.')]
    """

    score_direction = CLEAN_HIGH
    accept_threshold = -math.inf
    reject_threshold = math.inf

    def __init__(
        self,
        threshold: float = 0.5,
        *,
        encoder: str = "crosszero-mini-aligned",
        by: PairScoreName = "cosine",
        k: int = 4,
        block: int = BLOCK,
        pooling: Pooling | None = None,
        max_length: int | None = None,
        precision: Precision = "auto",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        check_scores([by], k, block)
        self.threshold, self.by, self.k, self.block = threshold, by, k, block
        self._encoder = Encoder.load(
            encoder, pooling=pooling, max_length=max_length, precision=precision
        )

    def score(self, pairs: Iterable[Sequence[str]]) -> Iterator[float]:
        """Score pairs in order, a block at a time."""
        found = score_bitext(
            self._encoder, map(_take_two, pairs), [self.by], k=self.k, block=self.block
        )
        for _, (score,) in found:
            yield score

    def accept(self, score: float) -> bool:
        """Tell whether a score reaches the threshold."""
        return reaches(score, self.threshold)

    def filter(self, pairs: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Give the pairs that are accepted; OpusFilter's own method would score them one by one."""
        return self._select(pairs, accepted=True)

    def filterfalse(self, pairs: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Give the pairs that are not accepted."""
        return self._select(pairs, accepted=False)

    def _select(self, pairs: Iterable[Sequence[str]], *, accepted: bool) -> Iterator[Sequence[str]]:
        given, scored = tee(pairs)  # as much of it is kept as a block is long
        for pair, decision in zip(given, self.decisions(scored), strict=True):
            if decision == accepted:
                yield pair


def _take_two(pair: Sequence[str]) -> tuple[str, str]:
    if len(pair) != 2:
        raise ConfigError(f"TranslationFilter: {len(pair)} texts given; give two input files")
    return pair[0], pair[1]

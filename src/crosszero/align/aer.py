"""Word alignment error: AER, precision, recall and F1 (Och & Ney 2003, section 5.1).

With predicted links A, sure gold links S and possible gold links P (S is part of P), summed over
all sentences:

    precision = |A & P| / |A|      recall = |A & S| / |S|
    AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

F1 is the harmonic mean of that precision and recall; if S = P, AER = 1 - F1. 0 / 0 counts as 1 (the
precision of no links is 1), which keeps that identity.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import GoldLinks, Link
from crosszero.errors import CrosszeroError


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentScore:
    """Link counts over a corpus, and the four scores made of them (each from 0 to 1).

    Attributes:
        predicted: |A|.
        sure: |S|.
        sure_hits: |A & S|.
        possible_hits: |A & P|.
    """

    predicted: int
    sure: int
    sure_hits: int
    possible_hits: int

    @property
    def precision(self) -> float:
        """Share of the predicted links that are at least possible."""
        return _divide(self.possible_hits, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the sure links that were predicted."""
        return _divide(self.sure_hits, self.sure)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    @property
    def aer(self) -> float:
        """Alignment error rate: 0 is perfect."""
        return 1 - _divide(self.sure_hits + self.possible_hits, self.predicted + self.sure)


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def score_alignment(
    predicted: Sequence[Collection[Link]], gold: Sequence[GoldLinks]
) -> AlignmentScore:
    """Count predicted links against gold links over all sentences.

    Args:
        predicted: for each sentence its links (source word, target word), 0-based; a link that
            is given twice counts once.
        gold: for each sentence its gold links.

    Raises:
        ValueError: the numbers of sentences differ.
        CrosszeroError: there is no sentence.

    Example:
        >>> score_alignment([[(0, 0), (1, 2)]], [GoldLinks(sure=frozenset({(0, 0)}))]).aer
        0.33333333333333337
    """
    if len(predicted) != len(gold):
        raise ValueError(f"{len(predicted)} predicted sentences, but {len(gold)} gold sentences")
    if not gold:
        raise CrosszeroError(
            "the alignment error rate needs sentence pairs with gold links; there are none"
        )
    links = [frozenset(sentence) for sentence in predicted]
    pairs = list(zip(links, gold, strict=True))
    return AlignmentScore(
        predicted=sum(map(len, links)),
        sure=sum(len(right.sure) for right in gold),
        sure_hits=sum(len(found & right.sure) for found, right in pairs),
        possible_hits=sum(len(found & right.allowed) for found, right in pairs),
    )


def count_errors(
    predicted: Sequence[Collection[Link]], gold: Sequence[GoldLinks]
) -> NDArray[np.int64]:
    """Count for each sentence pair what it adds to the two sums that AER divides.

    Returns:
        (sentence pairs, 2): links but for the right ones, predicted and sure links.

    Example:
        >>> count_errors([[(0, 0), (1, 2)]], [GoldLinks(sure=frozenset({(0, 0)}))]).tolist()
        [[1, 3]]
    """
    rows = []
    for found, right in zip(predicted, gold, strict=True):
        score = score_alignment([found], [right])
        whole = score.predicted + score.sure
        rows.append((whole - score.sure_hits - score.possible_hits, whole))
    return np.array(rows, dtype=np.int64)

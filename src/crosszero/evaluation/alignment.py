"""Word alignment error: AER, precision, recall and F1 (Och & Ney 2003, section 5.1).

With predicted links A, sure gold links S and possible gold links P (S is part of P), summed over
all sentences:

    precision = |A & P| / |A|      recall = |A & S| / |S|
    AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

F1 is the harmonic mean of that precision and that recall; where S = P, AER = 1 - F1. A fraction
of nothing by nothing counts as right (precision of no links is 1), which keeps that identity.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from crosszero.errors import CrosszeroError
from crosszero.evaluation.encoder import Encoder, encode_tokens
from crosszero.evaluation.gold import AlignmentSet, GoldLinks, Link
from crosszero.evaluation.vectors import AnyFloats, unit_rows
from crosszero.samples.encoder import mutual_argmax

_log = logging.getLogger("crosszero")


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
        raise ValueError(f"{len(predicted)} predicted sentences against {len(gold)} gold ones")
    if not gold:
        raise CrosszeroError("alignment error needs sentence pairs with gold links; there are none")
    links = [frozenset(sentence) for sentence in predicted]
    pairs = list(zip(links, gold, strict=True))
    return AlignmentScore(
        predicted=sum(map(len, links)),
        sure=sum(len(right.sure) for right in gold),
        sure_hits=sum(len(found & right.sure) for found, right in pairs),
        possible_hits=sum(len(found & right.allowed) for found, right in pairs),
    )


def link_words(source: AnyFloats, target: AnyFloats) -> list[Link]:
    """Link the words that are each other's nearest by cosine (mutual argmax).

    Args:
        source: (source words, dim) vectors of one sentence.
        target: (target words, dim) vectors of its translation.

    Returns:
        0-based links in the order of the source words. Each word is linked at most once; on a tie
        the lowest index is nearest. A word with a vector of zeros (the model saw nothing of it)
        is not linked.

    Raises:
        ValueError: shapes do not fit.
        CrosszeroError: a vector is not finite.

    Example:
        >>> link_words(np.eye(2), np.eye(2)[[1, 0]])
        [(0, 1), (1, 0)]
    """
    left, right = unit_rows(source), unit_rows(target)
    if len(left) == 0 or len(right) == 0:
        return []
    similarity = left @ right.T  # (source words, target words)
    similarity[~left.any(axis=1)] = np.nan  # which is never chosen
    similarity[:, ~right.any(axis=1)] = np.nan
    return mutual_argmax(similarity, -np.inf)


def align_words(
    encoder: Encoder, source: Sequence[Sequence[str]], target: Sequence[Sequence[str]]
) -> list[list[Link]]:
    """Link the words of translated sentences by mutual argmax over an encoder's word vectors.

    Args:
        encoder: gives a vector to each word in its sentence (mean over its sub-tokens).
        source: n sentences, cut into words.
        target: their n translations, cut into words.

    Returns:
        For each sentence pair its links, 0-based. How many words have no vector, and so no link,
        is logged.

    Raises:
        ValueError: the numbers of sentences differ.

    Example:
        >>> align_words(encoder, [["good", "day"]], [["guten", "Tag"]])      # doctest: +SKIP
        [[(0, 0), (1, 1)]]
    """
    if len(source) != len(target):
        raise ValueError(f"{len(source)} source sentences against {len(target)} target sentences")
    left = encode_tokens(encoder, [list(words) for words in source])
    right = encode_tokens(encoder, [list(words) for words in target])
    links, lost = [], 0
    for one, other in zip(left, right, strict=True):
        lost += count_lost([one, other])
        links.append(link_words(one, other))
    warn_of_lost(lost)
    return links


def count_lost(vectors: Iterable[AnyFloats]) -> int:
    """Count the words that have no vector: rows of zeros."""
    return sum(int((~rows.any(axis=1)).sum()) for rows in vectors)


def warn_of_lost(words: int) -> None:
    """Say how many words can't be linked, and why."""
    if words:
        _log.warning(
            "%s no vector (behind the last token that the encoder is given, or without a token of "
            "its own), and so no links",
            "1 word has" if words == 1 else f"{words} words have",
        )


def score_aligner(encoder: Encoder, data: AlignmentSet) -> AlignmentScore:
    """Align a gold set with an encoder and score the links.

    Raises:
        CrosszeroError: the set is empty, or a vector is not finite.

    Example:
        >>> score_aligner(encoder, read_alignment_set("gold/de-en")).aer      # doctest: +SKIP
        0.241
    """
    return score_alignment(align_words(encoder, data.source, data.target), data.gold)

"""Links between the words of two texts, from their vectors: mutual argmax of the cosine.

A method of linking is a function here: from similarities to links.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Link
from crosszero.align.word_encoder import WordEncoder, encode_tokens
from crosszero.search.nearest import Floats
from crosszero.search.neighbours import AnyFloats, unit_rows

Similarity = NDArray[np.float32]
"""(source words, target words) cosines; NaN for words of which the encoder saw nothing."""

_log = logging.getLogger("crosszero")


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
    return mutual_argmax(compare_words(source, target))


def compare_words(
    source: AnyFloats, target: AnyFloats, *, scale: Callable[[AnyFloats], Floats] = unit_rows
) -> Similarity:
    """Compare each word with each word of the other side by the cosine.

    Args, raises: as :func:`link_words`.
        scale: brings rows to length 1 and leaves rows of zeros; its rounding decides ties.

    Returns:
        (source words, target words), from -1 to 1; NaN for a word with a vector of zeros.

    Example:
        >>> compare_words(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
        [[0.6000000238418579], [nan]]
    """
    left, right = scale(source), scale(target)
    similarity: Similarity = left @ right.T
    similarity[~left.any(axis=1)] = np.nan
    similarity[:, ~right.any(axis=1)] = np.nan
    return similarity


def mutual_argmax(similarity: Similarity, threshold: float = -np.inf) -> list[Link]:
    """Link the words that are each other's most similar.

    Args:
        similarity: (source words, target words); NaN is never chosen.
        threshold: smallest similarity of a link.

    Returns:
        Links, each word once at most; of equal similarities the first counts.

    Example:
        >>> mutual_argmax(np.array([[0.9, 0.8], [0.7, 0.1]], dtype=np.float32))
        [(0, 0)]
    """
    if not similarity.size:
        return []
    table = np.where(np.isnan(similarity), -np.inf, similarity)
    of_row, of_column = table.argmax(axis=1), table.argmax(axis=0)
    rows = np.arange(len(table))
    best = (of_column[of_row] == rows) & (table[rows, of_row] >= threshold)
    best &= table[rows, of_row] > -np.inf
    return [(int(i), int(of_row[i])) for i in np.flatnonzero(best)]


def align_words(
    encoder: WordEncoder, source: Sequence[Sequence[str]], target: Sequence[Sequence[str]]
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

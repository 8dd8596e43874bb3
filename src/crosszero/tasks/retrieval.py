"""Sentence retrieval: does the nearest sentence of the other language mean the same?

Two readings of "right" are kept apart and named, because text repeats itself:

- ``accuracy`` is strict: the retrieved ROW is the gold row. This is XTREME's reading. Where two
  candidates have the same text, no encoder can tell them apart, and one of them counts as wrong.
- ``text_accuracy`` needs the texts: the retrieved TEXT is a gold text of the query's text. This is
  the one to show for corpora with repeated lines (interface strings), and the demo shows it.

Neither uses a margin or CSLS; both are plain cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosszero.search.neighbours import (
    AnyFloats,
    Floats,
    Ints,
    check_some,
    find_neighbours,
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrievalScore:
    """What one direction of a retrieval gave, per query.

    Attributes:
        retrieved: (queries,) row number of the nearest candidate.
        similarity: (queries,) its cosine.
        hits: (queries,) whether the retrieved row is the gold row.
        text_hits: (queries,) whether the retrieved text is right; None if no texts were given.
    """

    retrieved: Ints
    similarity: Floats
    hits: Bools
    text_hits: Bools | None = None

    @property
    def accuracy(self) -> float:
        """Share of queries, 0 to 1, whose nearest candidate is the gold ROW."""
        return float(self.hits.mean())

    @property
    def text_accuracy(self) -> float:
        """Share of queries, 0 to 1, whose nearest candidate has a gold TEXT.

        Raises:
            ValueError: the score was made without texts.
        """
        if self.text_hits is None:
            raise ValueError("text_accuracy needs texts=(query texts, candidate texts)")
        return float(self.text_hits.mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrievalScores:
    """Both directions of a retrieval over aligned sentences.

    Attributes:
        forward: source sentences are the queries.
        backward: target sentences are the queries.
    """

    forward: RetrievalScore
    backward: RetrievalScore

    @property
    def accuracy(self) -> float:
        """Mean of the two strict accuracies."""
        return (self.forward.accuracy + self.backward.accuracy) / 2

    @property
    def text_accuracy(self) -> float:
        """Mean of the two text accuracies; ValueError without texts."""
        return (self.forward.text_accuracy + self.backward.text_accuracy) / 2


def score_retrieval(
    queries: AnyFloats,
    candidates: AnyFloats,
    *,
    gold: Sequence[int] | Ints,
    texts: tuple[Sequence[str], Sequence[str]] | None = None,
) -> RetrievalScore:
    """Search every query's nearest candidate by cosine and compare it with the gold row.

    Args:
        queries: (queries, dim) vectors, at least one.
        candidates: (candidates, dim) vectors, at least one.
        gold: (queries,) for each query the 0-based row of the right candidate. Rows may repeat.
        texts: texts of the queries and of the candidates; gives ``text_hits``. A query that shares
            its text with others is right when it finds the gold text of any of them.

    Returns:
        RetrievalScore. On a tie the candidate with the lowest index is retrieved. A query whose
        vector is all zeros ties with everything and never counts as a hit.

    Raises:
        ValueError: sizes do not fit or a gold row does not exist.
        CrosszeroError: there are no queries or no candidates, or a vector is not finite.

    Example:
        >>> import numpy as np
        >>> score_retrieval(np.eye(3), np.eye(3)[[1, 2, 0]], gold=[2, 0, 1]).accuracy
        1.0
    """
    check_some(queries, candidates)
    rows = np.asarray(gold, dtype=np.int64)
    if rows.shape != (len(queries),):
        raise ValueError(f"{len(queries)} queries need as many gold rows, not {rows.shape}")
    if rows.min() < 0 or rows.max() >= len(candidates):
        raise ValueError(f"gold rows must lie in 0..{len(candidates) - 1}")
    found = find_neighbours(queries, candidates)
    retrieved = found.index[:, 0]
    seen = np.asarray(queries).any(axis=1)
    text_hits = None
    if texts is not None:
        text_hits = _compare_texts(retrieved, rows, texts[0], texts[1], len(candidates))
    return RetrievalScore(
        retrieved=retrieved,
        similarity=found.similarity[:, 0],
        hits=(retrieved == rows) & seen,
        text_hits=None if text_hits is None else text_hits & seen,
    )


def score_aligned(
    source: AnyFloats,
    target: AnyFloats,
    *,
    texts: tuple[Sequence[str], Sequence[str]] | None = None,
) -> RetrievalScores:
    """Score retrieval in both directions over aligned rows: row i translates row i.

    Args:
        source: (n, dim) vectors of the source sentences.
        target: (n, dim) vectors of the target sentences.
        texts: source texts and target texts, for the text accuracies.

    Raises:
        ValueError: sizes do not fit.
        CrosszeroError: there are no rows, or a vector is not finite.

    Example:
        >>> import numpy as np
        >>> score_aligned(np.eye(2), np.eye(2)).accuracy
        1.0
    """
    if len(source) != len(target):
        raise ValueError(
            f"{len(source)} source rows are not aligned with {len(target)} target rows"
        )
    gold = np.arange(len(source))
    back = None if texts is None else (texts[1], texts[0])
    return RetrievalScores(
        forward=score_retrieval(source, target, gold=gold, texts=texts),
        backward=score_retrieval(target, source, gold=gold, texts=back),
    )


def _compare_texts(
    retrieved: Ints, gold: Ints, queries: Sequence[str], candidates: Sequence[str], size: int
) -> Bools:
    if len(queries) != len(gold) or len(candidates) != size:
        raise ValueError(
            f"texts must match the vectors: {len(gold)} queries and {size} candidates, "
            f"not {len(queries)} and {len(candidates)}"
        )
    right: dict[str, set[str]] = {}
    for text, row in zip(queries, gold, strict=True):
        right.setdefault(text, set()).add(candidates[row])
    pairs = zip(queries, retrieved, strict=True)
    return np.array([candidates[row] in right[text] for text, row in pairs], dtype=np.bool_)

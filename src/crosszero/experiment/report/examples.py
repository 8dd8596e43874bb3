"""Nearest-neighbour examples: what an encoder finds for a sentence, before and after training.

The queries are drawn at random by a seed, never picked by hand: examples that were chosen because
they look good say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosszero.search.neighbours import AnyFloats, Ints, find_neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A sentence that was found.

    Attributes:
        text, language: the sentence.
        similarity: its cosine with the query, -1 to 1.
        right: whether it is the gold translation, by text.
    """

    text: str
    language: str
    similarity: float
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One query and its nearest sentences.

    Attributes:
        query, language: the sentence that was asked.
        gold: the right answer.
        before, after: nearest sentences, best first, without and with training.
    """

    query: str
    language: str
    gold: str
    before: tuple[Neighbour, ...]
    after: tuple[Neighbour, ...]


def collect_examples(
    queries: Sequence[str],
    candidates: Sequence[str],
    *,
    languages: tuple[str, str],
    before: tuple[AnyFloats, AnyFloats],
    after: tuple[AnyFloats, AnyFloats],
    gold: Sequence[int] | Ints,
    count: int = 10,
    k: int = 3,
    seed: int = 0,
) -> tuple[Example, ...]:
    """Draw queries at random and list their nearest candidates under two encoders.

    Args:
        queries: texts that may be asked.
        candidates: texts that may be found.
        languages: of the queries and of the candidates.
        before: (queries, dim) and (candidates, dim) vectors of the encoder before training.
        after: the same of the encoder after training; the dimension may differ.
        gold: (queries,) for each query the row of its translation among the candidates.
        count: how many examples; fewer if there are fewer queries.
        k: how many neighbours each.
        seed: of the draw.

    Returns:
        Examples in the order of the queries.

    Raises:
        ValueError: sizes do not fit.
        CrosszeroError: a vector is not finite.

    Example:
        >>> eye = (np.eye(2), np.eye(2))
        >>> [one] = collect_examples(["a", "b"], ["x", "y"], languages=("en", "fr"), before=eye,
        ...                          after=eye, gold=[0, 1], count=1, k=1)
        >>> one.after[0].right
        True
    """
    sizes = {len(queries), len(gold), len(before[0]), len(after[0])}
    if len(sizes) > 1 or not len(candidates) == len(before[1]) == len(after[1]):
        raise ValueError("queries, gold and vectors, and candidates and vectors, must match")
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(queries))[:count])
    if not len(rows):
        return ()
    sides = []
    for asked, searched in (before, after):
        found = find_neighbours(np.asarray(asked)[rows], searched, k=k)
        sides.append(
            [
                tuple(
                    Neighbour(
                        text=candidates[place],
                        language=languages[1],
                        similarity=float(similarity),
                        right=candidates[place] == candidates[gold[row]],
                    )
                    for place, similarity in zip(index, cosines, strict=True)
                )
                for row, index, cosines in zip(rows, found.index, found.similarity, strict=True)
            ]
        )
    return tuple(
        Example(
            query=queries[row],
            language=languages[0],
            gold=candidates[gold[row]],
            before=one,
            after=other,
        )
        for row, one, other in zip(rows, *sides, strict=True)
    )

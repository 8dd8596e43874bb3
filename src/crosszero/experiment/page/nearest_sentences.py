"""Nearest-neighbour examples: what an encoder finds for a sentence, before and after training.

The queries are drawn at random by a seed, never picked by hand: examples that were chosen because
they look good say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crosszero.experiment.report.blocks import Example, Neighbour, Phrase
from crosszero.search.neighbours import AnyFloats, Ints, find_neighbours


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
        >>> one.found["After"][0].right
        True
    """
    sizes = {len(queries), len(gold), len(before[0]), len(after[0])}
    if len(sizes) > 1 or not len(candidates) == len(before[1]) == len(after[1]):
        raise ValueError("queries, gold and vectors, and candidates and vectors, must match")
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(queries))[:count])
    if not len(rows):
        return ()
    found = []
    for asked, searched in (before, after):
        near = find_neighbours(np.asarray(asked)[rows], searched, k=k)
        found.append(
            [
                tuple(
                    Neighbour(
                        Phrase(candidates[place], languages[1]),
                        float(similarity),
                        candidates[place] == candidates[gold[row]],
                    )
                    for place, similarity in zip(index, cosines, strict=True)
                )
                for row, index, cosines in zip(rows, near.index, near.similarity, strict=True)
            ]
        )
    return tuple(
        Example(
            query=Phrase(queries[row], languages[0]),
            gold=Phrase(candidates[gold[row]], languages[1]),
            found={"Before": one, "After": other},
        )
        for row, one, other in zip(rows, *found, strict=True)
    )

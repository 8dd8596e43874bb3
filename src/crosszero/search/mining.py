"""Mining from texts, where equal texts are the trouble.

A text that stands several times on its side is encoded and searched once. Its copies would have
the same vector: they would be each other's rivals for one translation, and as neighbours of it they
would push its margin down to that of a pair like any other. Afterwards nothing tells which of the
copies a pair means. XTREME leaves such pairs out, and so does this by default; they have then still
taken part in the mining, so that the other sentence does not look for a second choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.neighbours import AnyFloats, check_some
from crosszero.search.vector_mining import check_settings, mine_vectors


class SentenceEncoder(Protocol):
    """Whatever gives one vector per text, such as an ``Encoder``."""

    def encode(self, texts: list[str]) -> AnyFloats:
        """Give (n, dim) vectors for n texts."""
        ...


def mine_texts(
    encoder: SentenceEncoder,
    source: Sequence[str],
    target: Sequence[str],
    *,
    k: int = 4,
    margin: Margin = "ratio",
    drop_repeated: bool = True,
) -> MinedPairs:
    """Find translations among the texts of two languages; no text is used twice.

    Args:
        encoder: gives the vectors.
        source, target: texts, in any order, at least one each.
        k, margin: see :func:`~crosszero.search.vector_mining.mine_vectors`.
        drop_repeated: leave out pairs with a text that stands several times on its side. If
            False, the first row of such a text stands for all of them.

    Returns:
        Pairs of row numbers in `source` and `target`, best first.

    Raises:
        ConfigError: `k` or `margin` is no such thing.
        CrosszeroError: a side has no text, or a vector is not finite.

    Example:
        >>> class Lengths:
        ...     def encode(self, texts): return np.eye(9)[[len(text) for text in texts]]
        >>> list(mine_texts(Lengths(), ["a", "a", "bbb"], ["ccc", "d"], k=1))
        [MinedPair(source=2, target=0, score=1.0)]
    """
    check_settings(k, margin)
    check_some(source, target)
    left, right = DistinctTexts(source), DistinctTexts(target)
    found = mine_vectors(
        encoder.encode(left.texts), encoder.encode(right.texts), k=k, margin=margin
    )
    return place_pairs(found, left, right, drop_repeated=drop_repeated)


class DistinctTexts:
    """The texts of one side, each once, in the order in which they first come.

    Args:
        texts: of the side, in any order.

    Attributes:
        texts: (distinct,) each text.
        first: (distinct,) the row where it stands first.
        alone: (distinct,) whether it stands there only.

    Example:
        >>> side = DistinctTexts(["a", "b", "a"])
        >>> side.texts, side.first.tolist(), side.alone.tolist()
        (['a', 'b'], [0, 1], [False, True])
    """

    def __init__(self, texts: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        number = np.fromiter(
            (numbers.setdefault(text, len(numbers)) for text in texts), np.int64, len(texts)
        )
        self.texts = list(numbers)
        _, self.first, counts = np.unique(number, return_index=True, return_counts=True)
        self.alone = counts == 1


def place_pairs(
    found: MinedPairs, source: DistinctTexts, target: DistinctTexts, *, drop_repeated: bool
) -> MinedPairs:
    """Turn pairs of distinct texts into pairs of the rows where they stand first.

    Args:
        found: pairs of places in ``source.texts`` and ``target.texts``.
        source, target: both sides.
        drop_repeated: see :func:`mine_texts`.
    """
    if drop_repeated:
        kept = source.alone[found.source] & target.alone[found.target]
        found = MinedPairs(found.source[kept], found.target[kept], found.score[kept])
    return MinedPairs(source.first[found.source], target.first[found.target], found.score)

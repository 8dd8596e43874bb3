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

from crosszero.evaluation.retrieval import check_some
from crosszero.evaluation.vectors import AnyFloats
from crosszero.mine.margin import Margin
from crosszero.mine.mining import MinedPair, mine


class SentenceEncoder(Protocol):
    """Whatever gives one vector per text, such as an ``Embedder``."""

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
) -> list[MinedPair]:
    """Find translations among the texts of two languages; no text is used twice.

    Args:
        encoder: gives the vectors.
        source, target: texts, in any order, at least one each.
        k, margin: see :func:`~crosszero.mine.mining.mine`.
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
        >>> import numpy as np
        >>> mine_texts(Lengths(), ["a", "a", "bbb"], ["ccc", "d"], k=1)
        [MinedPair(source=2, target=0, score=1.0)]
    """
    check_some(source, target)
    left, right = _list_rows(source), _list_rows(target)
    found = mine(encoder.encode(list(left)), encoder.encode(list(right)), k=k, margin=margin)
    left_rows, right_rows = list(left.values()), list(right.values())
    return [
        MinedPair(left_rows[i][0], right_rows[j][0], score)
        for i, j, score in found
        if not drop_repeated or len(left_rows[i]) == len(right_rows[j]) == 1
    ]


def _list_rows(texts: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, []).append(row)
    return rows

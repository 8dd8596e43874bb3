"""Mining in texts, some of which are equal.

A text that occurs several times on its side is encoded and searched once. Its copies would have the
same vector: they would compete for one translation, and as its neighbours they would push the
margin down to that of any other pair. So one copy is mined, and the others are counted. In XTREME,
copies take part but are in no pair, because nothing tells which of them is meant.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import isnan
from typing import Literal, NamedTuple, Protocol

import numpy as np

from crosszero.bitext.folding import fold_text
from crosszero.errors import ConfigError
from crosszero.search.estimated_threshold import LEAST, estimate_threshold
from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs, reaches
from crosszero.search.neighbours import AnyFloats, check_some
from crosszero.search.vector_mining import Retrieval, check_settings, mine_vectors

Threshold = float | Literal["auto"] | None
_log = logging.getLogger("crosszero")


class SentenceEncoder(Protocol):
    """Whatever gives one vector per text, such as an ``Encoder``."""

    def encode(self, texts: list[str]) -> AnyFloats:
        """Give (n, dim) vectors for n texts."""
        ...


class MinedTexts(NamedTuple):
    """Two texts that are each other's translation, as far as their vectors tell.

    Attributes:
        score: margin score; see :mod:`crosszero.search.margin`.
        source, target: the texts.
    """

    score: float
    source: str
    target: str


def mine(
    encoder: SentenceEncoder,
    source: Sequence[str],
    target: Sequence[str],
    *,
    threshold: Threshold = None,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    device: str | None = None,
    approximate: bool = False,
) -> list[MinedTexts]:
    """Find translations among unaligned texts in two languages.

    Args:
        encoder: gives the vectors; an :class:`~crosszero.Encoder`.
        source, target: texts, in any order, at least one each. A text that occurs several times on
            its side is mined once; the number left out is logged.
        threshold: pairs with a lower score, to six digits, are left out. The right value
            depends on the encoder and the texts; ``auto`` estimates one: see
            :func:`choose_threshold`.
        k: neighbours that the margin takes into account, from 1.
        margin: score of a pair: its cosine compared with that of its neighbours (``ratio`` or
            ``distance``), or the cosine itself (``absolute``).
        retrieval: which pairs are made of the `k` nearest of each text, in LASER's words: ``max``,
            the best of each, one-to-one by score; ``intersect``, only those that are each other's
            best; ``fwd`` and ``bwd``, the best of each source or target, where texts of the other
            side may occur several times; or ``all`` of them.
        device: where neighbours are looked for; see
            :func:`~crosszero.search.neighbours.find_neighbours`.
        approximate: for millions of texts: look for neighbours near the cells of an index alone,
            with faiss (extra ``approximate``); the share that is found is logged.

    Returns:
        (score, source, target), best first; with ``max`` and ``intersect`` no text is used twice.

    Raises:
        ConfigError: `k`, `margin`, `retrieval` or `device` is not allowed.
        CrosszeroError: a side has no text, or a vector is not finite.

    Example:
        >>> class Lengths:
        ...     def encode(self, texts): return np.eye(9)[[len(text) for text in texts]]
        >>> mine(Lengths(), ["a", "bbb"], ["ccc", "dd"], k=1)
        [MinedTexts(score=1.0, source='bbb', target='ccc')]

    Source:
        Artetxe & Schwenk 2019, section 3.
    """
    check_threshold(threshold, margin, retrieval, k)
    for name, texts in (("source", source), ("target", target)):
        if isinstance(texts, str):
            raise ConfigError(f"{name}: one text given; a list of texts is needed")
    source, target = list(source), list(target)  # a pandas.Series is not read by rows
    pairs = mine_texts(
        encoder, source, target, k=k, margin=margin, retrieval=retrieval, device=device,
        approximate=approximate,
    )  # fmt: skip
    least = choose_threshold(pairs, threshold)
    return [
        MinedTexts(p.score, source[p.source], target[p.target])
        for p in pairs
        if least is None or reaches(p.score, least)
    ]


def check_threshold(threshold: Threshold, margin: Margin, retrieval: Retrieval, k: int) -> None:
    """Refuse (ConfigError) what is no threshold, and to estimate what can't be estimated."""
    number = isinstance(threshold, int | float | np.floating) and not isnan(threshold)
    if threshold not in (None, "auto") and not number:
        raise ConfigError(f"threshold: {threshold!r} given; a number or auto is needed")
    if threshold == "auto" and (margin == "absolute" or retrieval not in ("max", "intersect")):
        raise ConfigError(
            "threshold: auto works with the margins ratio and distance and the retrievals max and "
            f"intersect, not with {margin} and {retrieval}; give a number"
        )
    if threshold == "auto" and k == 1:
        raise ConfigError(
            "threshold: auto holds each pair against the next best, and with k 1 there is none; "
            "give a number, or k 2 or more"
        )


def choose_threshold(pairs: MinedPairs, threshold: Threshold) -> float | None:
    """Give the score below which pairs are left out, ``None`` for all.

    ``auto`` estimates it from the scores (:mod:`crosszero.search.estimated_threshold`), and logs
    what is expected of the pairs; where nothing can be said, all are kept, with a warning.
    """
    if threshold != "auto":
        return threshold
    if pairs.rival is None:
        raise ValueError("a threshold can be estimated only for pairs that were mined one-to-one")
    if (known := int(np.isfinite(pairs.rival).sum())) < LEAST:
        _log.warning(
            "threshold: too few pairs to estimate it (%s that have a rival, %s are needed): all "
            "are kept",
            known, LEAST,
        )  # fmt: skip
        return None
    found = estimate_threshold(pairs.score, pairs.rival)
    if found is None:
        _log.warning(
            "threshold: right and wrong pairs can't be told apart by the scores of these %s: all "
            "are kept",
            f"{len(pairs):,}",
        )
        return None
    _log.info(
        "threshold: %.4f, estimated. %s of %s pairs reach it, of which about %.0f %% are right",
        found.threshold,
        *(f"{n:,}" for n in (found.kept, len(pairs))),
        100 * found.precision,
    )
    return found.threshold


def mine_texts(
    encoder: SentenceEncoder,
    source: Sequence[str],
    target: Sequence[str],
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    drop_repeated: bool = False,
    device: str | None = None,
    approximate: bool = False,
) -> MinedPairs:
    """Find translations as :func:`mine` does, and give their rows in `source` and `target`.

    `drop_repeated` leaves out pairs with a text that stands several times on its side, as XTREME
    does. Texts are then equal whose code points are; else those that look alike
    (:func:`~crosszero.bitext.folding.fold_text`), the first of which stands for all.
    """

    def find(left: list[str], right: list[str]) -> MinedPairs:
        vectors = encoder.encode(left), encoder.encode(right)
        return mine_vectors(
            *vectors, k=k, margin=margin, retrieval=retrieval, device=device,
            approximate=approximate,
        )  # fmt: skip

    check_settings(k, margin, retrieval)
    if approximate:
        from crosszero.search.approximate import import_faiss

        import_faiss()
    return mine_distinct(source, target, find, drop_repeated=drop_repeated)


def mine_distinct(
    source: Sequence[str],
    target: Sequence[str],
    find: Callable[[list[str], list[str]], MinedPairs],
    *,
    drop_repeated: bool = False,
) -> MinedPairs:
    """Mine in the distinct texts of both sides as :func:`mine_texts` does.

    `find` mines in lists without copies, and gives pairs of places in them.
    """
    check_some(source, target)
    key = str if drop_repeated else fold_text
    left, right = (DistinctTexts(texts, key) for texts in (source, target))
    rest = len(source) - len(left.texts), len(target) - len(right.texts)
    if any(rest):
        _log.info(
            "%s of %s source texts and %s of %s target texts are duplicates: %s",
            *(f"{n:,}" for n in (rest[0], len(source), rest[1], len(target))),
            "repeated texts are in no pair" if drop_repeated else "each text is mined once",
        )
    found = find(left.texts, right.texts)
    if drop_repeated:
        kept = left.alone[found.source] & right.alone[found.target]
        rival = None if found.rival is None else found.rival[kept]
        found = MinedPairs(found.source[kept], found.target[kept], found.score[kept], rival)
    return MinedPairs(left.first[found.source], right.first[found.target], found.score, found.rival)


class DistinctTexts:
    """The texts of one side, each once, in the order in which they first come.

    Texts with the same `key` are equal.

    Attributes:
        texts: (distinct,) each text as it first stands there.
        first: (distinct,) the row where it stands first.
        alone: (distinct,) whether it stands there only.

    Example:
        >>> side = DistinctTexts(["a", "b", "a"])
        >>> side.texts, side.first.tolist(), side.alone.tolist()
        (['a', 'b'], [0, 1], [False, True])
    """

    def __init__(self, texts: Sequence[str], key: Callable[[str], str] = str) -> None:
        texts = list(texts)
        numbers: dict[str, int] = {}
        number = np.fromiter(
            (numbers.setdefault(key(text), len(numbers)) for text in texts), np.int64, len(texts)
        )
        _, self.first, counts = np.unique(number, return_index=True, return_counts=True)
        self.texts = [texts[row] for row in self.first]
        self.alone = counts == 1

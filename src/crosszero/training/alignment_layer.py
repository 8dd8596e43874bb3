"""The layer by which the words of a trained encoder are linked best, told by its samples."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import Span, WordPair
from crosszero.align.word_cutter import cut_words
from crosszero.model.backbone import Backbone
from crosszero.model.inference import Vectors, encode_word_layers
from crosszero.model.options import LayerName
from crosszero.model.word_layers import find_alignment_layer
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore

_PAIRS = 400  # sentence pairs that are asked
_ERRORS = 2.0  # standard errors by which a layer must be better than the usual one
_log = logging.getLogger("crosszero")


def choose_alignment_layer(
    backbone: Backbone, store: SampleStore, *, usual: int, max_length: int, seed: int
) -> int | None:
    """Find the layer in which most word pairs are nearest to each other.

    All words of both texts compete, as they do where texts are aligned. Among the words of the
    samples alone, which lie apart in meaning, deeper layers look better than they are. Another
    layer than the usual one is chosen if it is better by more than chance.

    Args:
        backbone: as trained.
        store: its samples.
        usual: the layer of the encoder before, or the one that words were trained at; from 1.
        max_length: tokens of a text.
        seed: of the sentence pairs that are drawn.

    Returns:
        The layer, from 1; ``None`` if no sentence pair can tell.
    """
    rows = [row for row in _draw(store, seed) if row.words]
    if not rows:
        return None
    sources = [list_words(r.source, r.source_language, [w.source for w in r.words]) for r in rows]
    targets = [list_words(r.target, r.target_language, [w.target for w in r.words]) for r in rows]
    layers = list(range(1, backbone.layers + 1))
    encode = partial(encode_word_layers, backbone, layers=layers, max_length=max_length)
    lefts = encode([row.source for row in rows], sources)
    rights = encode([row.target for row in rows], targets)
    counts, asked = [], 0
    for row, a, b, x, y in zip(rows, sources, targets, lefts, rights, strict=True):
        if len(a) > 1 and len(b) > 1:
            counts.append(count_links(row.words, a, b, x, y))
            asked += len(row.words)
    if not counts:
        return None
    best = find_best(np.asarray(counts), usual - 1)
    _log.info(
        "words are linked by layer %d: in it %.1f %% of %s word pairs are nearest to each other",
        layers[best],
        100 * sum(int(row[best]) for row in counts) / asked,
        f"{asked:,}",
    )
    return layers[best]


def find_usual_layer(backbone: Backbone, word: LayerName | int) -> int:
    """Give the layer that words are trained at, or where that is no single one that of its kind."""
    return word if isinstance(word, int) else find_alignment_layer(backbone)


def list_words(text: str, language: str, known: Sequence[Span]) -> list[Span]:
    """Give the words of a text: those that are known, and all others that overlap none of them."""
    others = (
        word
        for word in cut_words(text, language)
        if all(word.end <= span.start or span.end <= word.start for span in known)
    )
    return [*dict.fromkeys(known), *others]


def count_links(
    words: Sequence[WordPair], sources: list[Span], targets: list[Span], x: Vectors, y: Vectors
) -> NDArray[np.int64]:
    """Count, for each layer, the word pairs that are nearest to each other.

    Args:
        words: word pairs of a sentence pair.
        sources, targets: n and m words of the texts, those of `words` among them.
        x, y: (layers, n, H) and (layers, m, H) their vectors.
    """
    x, y = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in (x, y))
    similar = np.einsum("lid,ljd->lij", x, y)
    there, back = similar.argmax(axis=2), similar.argmax(axis=1)  # (layers, n), (layers, m)
    i = [sources.index(word.source) for word in words]
    j = [targets.index(word.target) for word in words]
    links: NDArray[np.int64] = ((there[:, i] == j) & (back[:, j] == i)).sum(axis=1)
    return links


def find_best(counts: NDArray[np.int64], usual: int) -> int:
    """Choose a column: that of the highest sum, if it is better than the usual one.

    Args:
        counts: (sentence pairs, layers).
        usual: column that is chosen unless another is better by two standard errors of the
            difference, the sentence pairs being drawn at random.

    Example:
        >>> counts = np.asarray([[3, 3, 4], [2, 2, 2], [5, 5, 4]])
        >>> find_best(counts, 1), find_best(np.repeat([[1, 2, 3]], 5, axis=0), 1)
        (1, 2)
    """
    best = int(np.argmax(counts.sum(axis=0)))
    differences = counts[:, best] - counts[:, usual]
    error = float(np.sqrt((differences**2).sum()))
    return best if differences.sum() > _ERRORS * error else usual


def _draw(store: SampleStore, seed: int) -> list[Sample]:
    """Rows from all over the store: one row group after the other, in random order.

    Of at least four, where there are as many and they are large; else each gives its share.
    """
    random = np.random.default_rng([seed, _PAIRS])
    rows: list[Sample] = []
    left = store.rows
    for group in random.permutation(len(store.row_groups)):
        if len(rows) >= _PAIRS:
            break
        found = store.read_row_group(int(group))
        fair = math.ceil((_PAIRS - len(rows)) * len(found) / left)
        share = random.permutation(len(found))[: max(_PAIRS // 4, fair)]
        rows += [found[i] for i in np.sort(share)]
        left -= len(found)
    return rows[:_PAIRS]

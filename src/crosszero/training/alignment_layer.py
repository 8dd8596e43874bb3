"""The layer by which the words of a trained encoder are linked best, told by its samples."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import WordPair
from crosszero.model.backbone import Backbone
from crosszero.model.inference import Vectors, encode_word_layers
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore

_PAIRS = 400  # sentence pairs that are asked
_log = logging.getLogger("crosszero")


def choose_alignment_layer(
    backbone: Backbone, store: SampleStore, *, max_length: int, seed: int
) -> int | None:
    """Find the layer in which most words are nearest to the one that they are linked to.

    Args:
        backbone: as trained.
        store: its samples; sentence pairs with fewer than two words can't tell anything.
        max_length: tokens of a text.
        seed: of the sentence pairs that are drawn.

    Returns:
        The layer, from 1, the lowest of equals; ``None`` if no sentence pair can tell.
    """
    rows = [row for row in _draw(store, seed) if len(row.words) > 1]
    if not rows:
        return None
    layers = list(range(1, backbone.layers + 1))
    encode = partial(encode_word_layers, backbone, layers=layers, max_length=max_length)
    sources = encode([row.source for row in rows], [[w.source for w in row.words] for row in rows])
    targets = encode([row.target for row in rows], [[w.target for w in row.words] for row in rows])
    counts = [count_hits(row.words, x, y) for row, x, y in zip(rows, sources, targets, strict=True)]
    hits = np.sum(counts, axis=0)
    asked = 2 * sum(len(row.words) for row in rows)
    best = int(np.argmax(hits))
    _log.info(
        "layer %d links words best: in it %.1f %% of %s words are nearest to their translation",
        layers[best],
        100 * hits[best] / asked,
        f"{asked:,}",
    )
    return layers[best]


def count_hits(words: tuple[WordPair, ...], x: Vectors, y: Vectors) -> NDArray[np.int64]:
    """Count, for each layer, the words of both sides whose nearest one is linked to them.

    Args:
        words: n word pairs of a sentence pair.
        x, y: (layers, n, H) their vectors.
    """
    x, y = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in (x, y))
    similar = np.einsum("lid,ljd->lij", x, y)
    links = {(word.source, word.target) for word in words}
    linked = np.asarray([[(a.source, b.target) in links for b in words] for a in words])
    there, back = similar.argmax(axis=2), similar.argmax(axis=1)  # (layers, n)
    places = np.arange(len(words))
    hits: NDArray[np.int64] = (linked[places, there] + 0 + linked[back, places]).sum(axis=1)
    return hits


def _draw(store: SampleStore, seed: int) -> list[Sample]:
    """Rows from all over the store: one row group after the other, in random order."""
    random = np.random.default_rng([seed, _PAIRS])
    rows: list[Sample] = []
    for group in random.permutation(len(store.row_groups)):
        if len(rows) >= _PAIRS:
            break
        found = store.read_row_group(int(group))
        share = random.permutation(len(found))[: _PAIRS // 4]
        rows += [found[i] for i in np.sort(share)]
    return rows[:_PAIRS]

"""The layer by which words are linked is the one that links the samples' words best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import Span, WordPair
from crosszero.model.backbone import Backbone
from crosszero.samples.store import SampleStore
from crosszero.training import alignment_layer
from crosszero.training.alignment_layer import choose_alignment_layer, count_hits

Folders = Callable[..., Path]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(0, 2**31), st.data())
def test_hits_are_those_of_a_slow_count(count: int, seed: int, data: st.DataObject) -> None:
    spans = [Span(n, n + 1) for n in range(count)]
    pick = st.sampled_from(spans)
    drawn = data.draw(st.lists(st.tuples(pick, pick), min_size=count, max_size=count))
    words = tuple(WordPair(a, b, 1.0) for a, b in drawn)
    random = np.random.default_rng(seed)
    one, other = random.normal(size=(2, 3, count, 4)).astype(np.float32)
    x = one[:, [word.source.start for word in words]]
    y = other[:, [word.target.start for word in words]]
    links = {(word.source, word.target) for word in words}
    for layer, found in enumerate(count_hits(words, x, y)):

        def cosine(a: int, b: int, layer: int = layer) -> float:
            u, v = x[layer, a], y[layer, b]
            return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

        near = [max(range(count), key=lambda j: cosine(i, j)) for i in range(count)]
        back = [max(range(count), key=lambda i: cosine(i, j)) for j in range(count)]
        expected = sum((words[i].source, words[near[i]].target) in links for i in range(count))
        expected += sum((words[back[j]].source, words[j].target) in links for j in range(count))
        assert found == expected


def test_the_layer_with_most_hits_is_chosen(
    model_folder: Folders, store_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = Backbone.load(model_folder())
    store = SampleStore.open(store_folder(60))
    chosen = choose_alignment_layer(backbone, store, max_length=32, seed=1)
    assert chosen in range(1, backbone.layers + 1)
    assert chosen == choose_alignment_layer(backbone, store, max_length=32, seed=1)
    for best in range(backbone.layers):
        hits = np.eye(backbone.layers, dtype=np.int64)[best]
        monkeypatch.setattr(alignment_layer, "count_hits", lambda *_, hits=hits: hits)
        assert choose_alignment_layer(backbone, store, max_length=32, seed=1) == best + 1

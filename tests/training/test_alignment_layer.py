"""The layer by which words are linked is the one that links the samples' words best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crosszero.align.spans import Span, WordPair
from crosszero.model.backbone import Backbone
from crosszero.samples.store import SampleStore
from crosszero.training import alignment_layer
from crosszero.training.alignment_layer import choose_alignment_layer, count_links, list_words

Folders = Callable[..., Path]
Hits = NDArray[np.int64]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**31), st.data())
def test_links_are_those_of_a_slow_count(
    left: int, right: int, seed: int, data: st.DataObject
) -> None:
    """All words of both texts compete, not only those that have a partner."""
    sources, targets = ([Span(n, n + 1) for n in range(count)] for count in (left, right))
    pick = st.tuples(st.sampled_from(sources), st.sampled_from(targets))
    words = [WordPair(a, b, 1.0) for a, b in data.draw(st.lists(pick, min_size=1, max_size=4))]
    random = np.random.default_rng(seed)
    x = random.normal(size=(3, left, 4)).astype(np.float32)
    y = random.normal(size=(3, right, 4)).astype(np.float32)
    for layer, found in enumerate(count_links(words, sources, targets, x, y)):

        def cosine(a: int, b: int, layer: int = layer) -> float:
            u, v = x[layer, a], y[layer, b]
            return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

        near = [max(range(right), key=lambda j: cosine(i, j)) for i in range(left)]
        back = [max(range(left), key=lambda i: cosine(i, j)) for j in range(right)]
        places = [(word.source.start, word.target.start) for word in words]
        assert found == sum(near[i] == j and back[j] == i for i, j in places)


def test_words_that_have_no_partner_are_listed_too() -> None:
    text = "The old king slept"
    known = [Span(8, 12), Span(4, 7), Span(8, 12)]
    found = list_words(text, "en", known)
    assert [text[span.start : span.end] for span in found] == ["king", "old", "The", "slept"]


class Store:
    """A store of so many rows in each of its row groups."""

    def __init__(self, *sizes: int) -> None:
        self.row_groups, self.rows = sizes, sum(sizes)

    def read_row_group(self, group: int) -> list[tuple[int, int]]:
        return [(group, row) for row in range(self.row_groups[group])]


@given(st.lists(st.integers(1, 1100), min_size=1, max_size=9), st.integers(0, 99))
def test_as_many_rows_are_drawn_as_are_asked_for(sizes: list[int], seed: int) -> None:
    drawn: list[Any] = alignment_layer._draw(Store(*sizes), seed)  # type: ignore[arg-type]
    assert len(drawn) == len(set(drawn)) == min(sum(sizes), 400)


def test_rows_are_drawn_from_four_large_row_groups() -> None:
    drawn: list[Any] = alignment_layer._draw(Store(*[1024] * 9), 1)  # type: ignore[arg-type]
    groups = [group for group, _ in drawn]
    assert sorted(groups.count(group) for group in set(groups)) == [100] * 4


@pytest.mark.parametrize("usual", [1, 2])
def test_another_layer_must_be_better_by_more_than_chance(
    usual: int, model_folder: Folders, store_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = Backbone.load(model_folder())
    store = SampleStore.open(store_folder(60))
    given = {"usual": usual, "max_length": 32, "seed": 1}
    chosen = choose_alignment_layer(backbone, store, **given)
    assert chosen == choose_alignment_layer(backbone, store, **given)
    for best in range(1, backbone.layers + 1):
        hits = np.zeros(backbone.layers, np.int64)
        hits[best - 1] = 1
        monkeypatch.setattr(alignment_layer, "count_links", lambda *_, hits=hits: hits)
        assert choose_alignment_layer(backbone, store, **given) == best
        rare = iter([hits] * 3)  # three of sixty sentence pairs

        def seldom(*_: object, rare: Iterator[Hits] = rare, none: Hits = hits * 0) -> Hits:
            return next(rare, none)

        monkeypatch.setattr(alignment_layer, "count_links", seldom)
        assert choose_alignment_layer(backbone, store, **given) == usual

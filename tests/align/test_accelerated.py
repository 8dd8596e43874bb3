"""Words compared on a device against the same words compared by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.accelerated import DeviceParts
from crosszero.align.blocks import Unit
from crosszero.align.linker import WordLinker
from crosszero.align.long_texts import link_long
from crosszero.align.methods import LinkConfig, Method, link_parts, score_links
from crosszero.align.spans import from_words
from crosszero.align.subtokens import Parts
from crosszero.errors import CrosszeroError
from crosszero.model.encoder import Encoder
from crosszero.model.inference import encode_subtoken_layers
from tests.emulated_device import DEVICE, emulated_device

Folders = Callable[..., Path]
METHODS: tuple[Method, ...] = ("argmax", "itermax", "softmax", "ot", "hmm")
UNITS: tuple[Unit | None, ...] = (None, "subtoken", "word", "both")


def draw_parts(draw: np.random.Generator, words: int) -> Parts:
    """Words of 0 to 3 sub-tokens; some share one with the word before."""
    lengths = draw.integers(0, 4, words)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    shared = (draw.random(words) < 0.2) & (starts > 0) & (lengths > 0)
    size = int(ends[-1]) if words else 0
    return Parts(draw.normal(size=(size, 8)).astype(np.float32), starts - shared, ends)


def put(pair: tuple[Parts, Parts]) -> tuple[Parts, Parts]:
    one, other = (DeviceParts(torch.tensor(p.vectors), p.starts, p.ends) for p in pair)
    return one, other


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9),
    st.sampled_from(METHODS),
    st.sampled_from(UNITS),
)
def test_scores_are_those_of_numpy(
    seed: int, sizes: list[tuple[int, int]], method: Method, unit: Unit | None
) -> None:
    draw = np.random.default_rng(seed)
    pairs = [(draw_parts(draw, a), draw_parts(draw, b)) for a, b in sizes]
    config = LinkConfig(method=method, unit=unit)
    expected = score_links(pairs, config)
    for found, theirs in zip(score_links(list(map(put, pairs)), config), expected, strict=True):
        np.testing.assert_allclose(found, theirs, atol=2e-4)


@pytest.mark.parametrize("scale", [1e-20, 1e-8, 1e20])
def test_very_short_and_very_long_vectors_are_compared_as_by_numpy(scale: float) -> None:
    draw = np.random.default_rng(1)
    one, other = draw_parts(draw, 6), draw_parts(draw, 7)
    for parts in (one, other):
        parts.vectors[:] *= np.float32(scale)
    pair = one, other
    (found,), (expected,) = (link_parts([each], LinkConfig()) for each in (put(pair), pair))
    assert [link[:2] for link in found] == [link[:2] for link in expected]


def test_words_that_are_all_alike_have_no_rounding_errors_for_vectors() -> None:
    draw = np.random.default_rng(2)
    alike = np.tile(draw.normal(size=(1, 32)), (50, 1)).astype(np.float32)
    others = draw.normal(size=(5, 32)).astype(np.float32)
    ends = [np.arange(1, len(rows) + 1) for rows in (alike, others)]
    pair = Parts(alike, ends[0] - 1, ends[0]), Parts(others, ends[1] - 1, ends[1])
    (found,), (expected,) = (score_links([one], LinkConfig()) for one in (put(pair), pair))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_no_number_is_refused(value: float) -> None:
    draw = np.random.default_rng(3)
    parts = draw_parts(draw, 5)
    parts.vectors[0, 0] = value
    with pytest.raises(CrosszeroError, match="finite"):
        link_parts([put((parts, draw_parts(draw, 4)))], LinkConfig())


def test_long_texts_and_pairs_from_elsewhere_may_stand_among_them() -> None:
    draw = np.random.default_rng(4)
    pairs = [(draw_parts(draw, n), draw_parts(draw, n + 3)) for n in (4, 320, 6)]
    mixed = [put(pairs[0]), put(pairs[1]), pairs[2]]
    expected, found = (link_long(some, LinkConfig(threshold=0.01)) for some in (pairs, mixed))
    for one, other in zip(found, expected, strict=True):
        assert [link[:2] for link in one] == [link[:2] for link in other]


def test_only_similarities_leave_the_device(model_folder: Folders) -> None:
    """A linker asks a device once a block, whatever the number of pairs."""
    folder = model_folder("bert")
    sides = [[from_words(text.split())] * 40 for text in ("the king sees", "le roi voit")]
    expected = list(WordLinker(Encoder.load(folder, device="cpu")).link(*sides))
    with emulated_device() as watch:
        linker = WordLinker(Encoder.load(folder, device=str(DEVICE)))
        watch.waits.clear()
        found = list(linker.link(*sides))
        copies = {where: n for where, n in watch.waits.items() if "from the device" in where}
    assert sum(copies.values()) == 1, watch.waits
    for one, other in zip(found, expected, strict=True):
        assert [link[:2] for link in one] == [link[:2] for link in other]
        np.testing.assert_allclose([x.score for x in one], [x.score for x in other], atol=1e-4)


def test_an_encoder_leaves_the_vectors_that_it_gives_otherwise(
    model_folder: Folders,
) -> None:
    encoder = Encoder.load(model_folder("bert"), device="cpu", max_length=12)
    texts = ["the king sees the red house today", "", "cat", "the sea is good today " * 9]
    spans = [[(0, 3), (4, 8)], [], [(0, 3)], [(0, 3), (150, 155)]]
    given = encoder.encode_subtokens(texts, spans)
    for there, here in zip(encoder.encode_on_device(texts, spans), given, strict=True):
        assert there.on_device
        np.testing.assert_array_equal(there.vectors, here.vectors)
        np.testing.assert_array_equal(there.starts, here.starts)
        np.testing.assert_array_equal(there.ends, here.ends)
    slow = [encode_subtoken_layers(
        encoder.backbone, [text], [some], layers=[encoder.alignment_layer], max_length=12,
    )[0][0] for text, some in zip(texts, spans, strict=True)]  # fmt: skip
    for one, here in zip(slow, given, strict=True):
        np.testing.assert_allclose(one.vectors, here.vectors, atol=1e-5)

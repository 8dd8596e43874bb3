"""Slices on several cores at once: the same vectors, and errors that come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from crosszero.align.spans import Span
from crosszero.model.backbone import Backbone
from crosszero.model.inference import encode_sentences, encode_word_layers
from crosszero.model.threads import run_in_threads

Folders = Callable[..., Path]
CPU = torch.device("cpu")
TEXTS = [" ".join(["the cat sat"] * (1 + n % 7)) for n in range(40)]
SPANS = [[Span(0, 3), Span(4, 7), Span(8, 11)] for _ in TEXTS]


@pytest.fixture(autouse=True)
def threads() -> Iterator[int]:
    """Four threads, however many cores there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield 4
    assert torch.get_num_threads() == 4
    torch.set_num_threads(before)


def test_vectors_are_those_of_one_core(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder()).train()
    layers = [None, 1, 2]
    found = []
    for number in (4, 1):
        torch.set_num_threads(number)
        options = {"max_length": 64, "mini_batch_num_tokens": 60}
        sentences = encode_sentences(backbone, TEXTS, **options)  # type: ignore[arg-type]
        words = encode_word_layers(backbone, TEXTS, SPANS, layers=layers, **options)  # type: ignore[arg-type]
        found.append((sentences, np.stack(words)))
    torch.set_num_threads(4)
    for several, one in zip(*found, strict=True):
        assert np.abs(one).sum() > 1
        np.testing.assert_array_equal(several, one)
    assert backbone.training


def test_a_middle_layer_is_read_by_all_threads(model_folder: Folders) -> None:
    """The pass is ended by a hook on the model that all threads run."""
    backbone = Backbone.load(model_folder())
    spans = SPANS * 5
    found = encode_word_layers(
        backbone, TEXTS * 5, spans, layers=[1], max_length=64, mini_batch_num_tokens=30
    )
    backbone.eval()
    for text, some, vectors in zip(TEXTS, spans, found, strict=False):
        alone = encode_word_layers(backbone, [text], [some], layers=[1, None], max_length=64)
        np.testing.assert_allclose(vectors[0], alone[0][0], atol=1e-5)


def test_all_items_are_done_on_threads_of_their_own() -> None:
    seen: dict[int, tuple[int, int]] = {}
    barrier = threading.Barrier(4, timeout=60)

    def work(item: int) -> None:
        if item < 4:
            barrier.wait()  # breaks unless four are at work
        seen[item] = threading.get_ident(), torch.get_num_threads()

    run_in_threads(work, range(11), CPU)
    assert sorted(seen) == list(range(11))
    assert len({thread for thread, _ in seen.values()}) == 4
    assert {share for _, share in seen.values()} == {1}
    seen.clear()
    run_in_threads(lambda item: seen.update({item: (0, torch.get_num_threads())}), [0, 1], CPU)
    assert [share for _, share in seen.values()] == [2, 2]


def test_an_error_ends_the_others() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 2:
            raise ValueError("item 2")
        time.sleep(0.01)  # the others would be through before this thread gets a turn
        done.append(item)

    with pytest.raises(ValueError, match="item 2"):
        run_in_threads(work, range(1000), CPU)
    assert len(done) < 999

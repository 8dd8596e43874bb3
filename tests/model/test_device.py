"""Encoding, aligning and mining on a device of its own: the CPU's vectors, links and pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import crosszero as cz
from crosszero.align.linker import align_words
from crosszero.align.methods import LinkConfig
from crosszero.model.encoder import Encoder
from tests.emulated_device import DEVICE, DeviceTensor, emulated_device

Folders = Callable[..., Path]
SOURCE = ["the weather is good today", "the king sees the red house", "old cat", "new sea"]
TARGET = ["le temps est bon aujourd hui", "le roi voit la maison rouge", "vieux chat", "mer"]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "modernbert"])
def test_an_encoder_on_a_device_finds_what_the_cpu_finds(kind: str, model_folder: Folders) -> None:
    folder = model_folder(kind)
    expected = Encoder.load(folder, device="cpu")
    words = [text.split() for text in SOURCE], [text.split() for text in TARGET]
    spans = [[(0, 3)] for _ in SOURCE]
    with emulated_device():
        encoder = Encoder.load(folder, device=str(DEVICE))
        assert all(isinstance(p, DeviceTensor) for p in encoder.backbone.parameters())
        assert np.allclose(encoder.encode(SOURCE), expected.encode(SOURCE), atol=1e-5)
        for found, theirs in zip(
            encoder.encode_words(SOURCE, spans), expected.encode_words(SOURCE, spans), strict=True
        ):
            assert np.allclose(found, theirs, atol=1e-5)
        for config in (LinkConfig(), LinkConfig(method="argmax", unit="word")):
            assert align_words(encoder, *words, config) == align_words(expected, *words, config)
        mined, theirs = (cz.mine(e, SOURCE, TARGET, k=2) for e in (encoder, expected))
    assert [pair[1:] for pair in mined] == [pair[1:] for pair in theirs]
    assert np.allclose([pair.score for pair in mined], [pair.score for pair in theirs], atol=1e-4)


def test_a_mini_batch_is_read_with_few_waits(model_folder: Folders) -> None:
    folder = model_folder("bert")
    with emulated_device() as watch:
        encoder = Encoder.load(folder, device=str(DEVICE))
        waits = []
        for texts in (SOURCE, SOURCE * 8):
            encoder.mini_batch_num_tokens = 32
            watch.waits.clear()
            encoder.encode(texts)
            waits.append((watch.total, len(texts)))
    assert all(total <= 5 * count for total, count in waits), watch.waits


def test_a_copy_in_bf16_lies_on_the_device(model_folder: Folders) -> None:
    folder = model_folder("bert")
    expected = Encoder.load(folder, device="cpu", precision="bf16").encode(SOURCE)
    with emulated_device():
        encoder = Encoder.load(folder, device=str(DEVICE), precision="bf16")
        assert encoder.precision == "bf16"
        assert np.allclose(encoder.encode(SOURCE), expected, atol=1e-3)
        assert Encoder.load(folder, device=str(DEVICE)).precision == "fp32"  # it is small

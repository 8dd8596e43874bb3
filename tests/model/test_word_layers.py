"""Word vectors of several layers from one pass are those of one layer at a time."""

import numpy as np
import pytest

from crosszero.align.spans import Span
from crosszero.errors import ConfigError
from crosszero.model import encoder as module
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from tests.conftest import ARCHITECTURES

TEXTS = ["the cat", "good weather today", "", "le roi voit la maison", "bon"]
SPANS = [[Span(0, 3), Span(4, 7)], [Span(5, 12)], [], [Span(0, 2), Span(15, 21)], [Span(0, 3)]]


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("mini_batch_num_tokens", [1, 4096])
def test_equal_to_one_layer_at_a_time(model_folder, monkeypatch, kind, mini_batch_num_tokens):
    monkeypatch.setattr(module, "BLOCK", 2)
    backbone = Backbone.load(model_folder(kind))
    encoder = Encoder(backbone, mini_batch_num_tokens=mini_batch_num_tokens)
    layers = [None, 3, 1, 2, 3]
    found = encoder.encode_word_layers(TEXTS, SPANS, layers)
    assert [vectors.shape for vectors in found] == [(5, len(spans), 16) for spans in SPANS]
    for place, layer in enumerate(layers):
        single = Encoder(backbone, layer=layer, mini_batch_num_tokens=mini_batch_num_tokens)
        for several, alone in zip(found, single.encode_words(TEXTS, SPANS), strict=True):
            assert np.array_equal(several[place], alone)
    assert not np.allclose(found[0][1], found[0][2])


def test_words_that_are_cut_off_are_zeros_in_every_layer(model_folder):
    encoder = Encoder(Backbone.load(model_folder()), max_length=4)
    [vectors] = encoder.encode_word_layers(
        ["the cat is good"], [[Span(0, 3), Span(11, 15)]], [1, 2]
    )
    assert vectors[:, 0].any(axis=1).all()
    assert not vectors[:, 1].any()


def test_what_can_not_be_had(model_folder):
    encoder = Encoder(Backbone.load(model_folder()))
    with pytest.raises(ConfigError, match=r"layer: 4 given; .* has layers 1 to 3"):
        encoder.encode_word_layers(["the"], [[Span(0, 3)]], [1, 4])
    with pytest.raises(ValueError, match="0 lists of spans given for 1 texts"):
        encoder.encode_word_layers(["the"], [], [1])

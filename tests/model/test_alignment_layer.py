"""Which layer words are linked by: asked for, kept by a run, known of the architecture, guessed."""

import json
import shutil

import numpy as np
import pytest

from crosszero.align.spans import Span
from crosszero.align.subtokens import word_vectors
from crosszero.errors import CheckpointError
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.word_layers import KNOWN, find_alignment_layer
from tests.conftest import ARCHITECTURES

TEXT = "the weather is good today and le roi voit la maison"
SPANS = [Span(0, 3), Span(4, 11), Span(12, 14), Span(15, 19), Span(20, 25), Span(45, 51)]


def test_unknown_encoders_are_read_at_two_thirds(model_folder):
    assert find_alignment_layer(Backbone.load(model_folder(layers=3))) == 2
    assert find_alignment_layer(Backbone.load(model_folder(layers=1))) == 1
    assert Encoder.load("crosszero-mini").alignment_layer == 4


def test_the_table_names_layers_that_there_are():
    for known in KNOWN:
        assert 1 <= known.layer <= known.layers
        assert known.source


def test_a_folder_keeps_its_own(model_folder, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(model_folder(), folder)
    assert Encoder.load(folder).alignment_layer == 2
    (folder / "crosszero.json").write_text(json.dumps({"alignment_layer": 1}))
    assert Encoder.load(folder).alignment_layer == 1
    assert Encoder.load(folder, layer=3).alignment_layer == 3
    assert Encoder.load(folder, layer="first-last").alignment_layer == "first-last"
    for wrong in (0, 4, "2", True, 1.0):
        (folder / "crosszero.json").write_text(json.dumps({"alignment_layer": wrong}))
        with pytest.raises(CheckpointError, match=r"alignment_layer: .* layers 1 to 3"):
            Encoder.load(folder)


def test_word_vectors_are_read_where_the_folder_says(model_folder, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(model_folder(), folder)
    for kept, layer in ((2, 2), (-1, 3), (None, "first-last")):
        (folder / "crosszero.json").write_text(json.dumps({"word_layer": kept}))
        [found] = Encoder.load(folder).encode_words([TEXT], [SPANS])
        [expected] = Encoder.load(folder, layer=layer).encode_words([TEXT], [SPANS])
        assert (found == expected).all()
    for wrong in (0, 4, -2, "2", True):
        (folder / "crosszero.json").write_text(json.dumps({"word_layer": wrong}))
        with pytest.raises(CheckpointError, match=r"word_layer: .* layers 1 to 3"):
            Encoder.load(folder)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_sub_tokens_are_those_of_the_words(model_folder, kind):
    encoder = Encoder.load(model_folder(kind))
    for layer in (1, 2, "first-last"):
        single = Encoder(encoder.backbone, layer=layer)
        [parts] = single.encode_subtokens([TEXT], [SPANS])
        [words] = single.encode_words([TEXT], [SPANS])
        np.testing.assert_allclose(word_vectors(parts), words, atol=1e-5)
        assert parts.lost == 0


def test_first_last_reads_words_as_before(model_folder):
    plain = Encoder.load(model_folder())
    chosen = Encoder.load(model_folder(), layer="first-last")
    [one], [other] = (e.encode_words([TEXT], [SPANS]) for e in (plain, chosen))
    assert (one == other).all()


@pytest.mark.parametrize("length", [4, 5, 7, 10])
def test_windows_cover_every_token(model_folder, length):
    """Each token has a vector, that of a window that reads it."""
    whole = Encoder.load(model_folder())
    cut = Encoder.load(model_folder(), max_length=length)
    texts, spans = [TEXT, "", "the king", TEXT], [SPANS, [], [Span(0, 3), Span(4, 8)], SPANS]
    for one, other in zip(
        whole.encode_subtokens(texts, spans), cut.encode_subtokens(texts, spans), strict=True
    ):
        assert one.vectors.shape == other.vectors.shape
        assert other.vectors.any(axis=1).all()
        assert one.starts.tolist() == other.starts.tolist()
        assert np.isfinite(other.vectors).all()
    first = cut.encode_word_layers([TEXT], [SPANS], [cut.alignment_layer])[0][0][0]
    [long] = cut.encode_subtokens([TEXT], [SPANS])
    np.testing.assert_allclose(word_vectors(long)[0], first, atol=1e-5)  # of the first window
    [again] = cut.encode_subtokens([TEXT, "the king"], [SPANS, []])[:1]
    np.testing.assert_allclose(long.vectors, again.vectors, atol=1e-5)


def test_long_texts_are_read_by_sentences(model_folder):
    """Words of a sentence have the vectors that the sentence alone gives them."""
    folder = model_folder("modernbert")
    encoder = Encoder.load(folder, max_length=64)
    sentence = "the king sees the old red house today , and the cat is good today ."
    size = len(sentence) + 1
    text = " ".join([sentence] * 12)
    words = [Span(4, 8), Span(14, 17)]
    spans = [Span(n * size + a, n * size + b) for n in range(12) for a, b in words]
    [alone] = encoder.encode_subtokens([sentence], [words])
    [whole] = encoder.encode_subtokens([text], [spans])
    for n in range(12):
        np.testing.assert_allclose(
            word_vectors(whole)[2 * n : 2 * n + 2], word_vectors(alone), atol=5e-3
        )

"""What an encoder must be: weights that are numbers, vectors that no other text changes."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from crosszero.errors import CheckpointError
from crosszero.model.backbone import Backbone, Hidden
from crosszero.model.encoder import Encoder
from tests.conftest import make_tokenizer

Folders = Callable[..., Path]
TEXTS = ["the weather is good today", "猫 狗", "le chat voit la maison rouge", "roi"]
NAME = "bert.encoder.layer.1.output.dense.weight"
SHOWN = r"\((bert\.)?encoder\.layer\.1\.output\.dense\.weight\)"


def save(folder: Path, config: Any, **classes: Any) -> Path:
    """A random model of a class, with the tokeniser of the tests."""
    torch.manual_seed(3)
    classes.get("model", transformers.AutoModel.from_config)(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def shape(**values: Any) -> dict[str, Any]:
    small = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 16}
    small |= {"vocab_size": len(make_tokenizer()), "pad_token_id": 0}
    return {**small, **values}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w[NAME].fill_(torch.nan), f"not finite {SHOWN}"),
        (lambda w: w[NAME][0, :1].fill_(torch.inf), f"not finite {SHOWN}"),
        (lambda w: [v.fill_(torch.nan) for v in w.values()], "and [0-9]+ more"),
        (lambda w: w.update({NAME: (w[NAME] * 500).to(torch.int8)}), f"integers {SHOWN}"),
        (lambda w: w.update({NAME: (w[NAME] * 500).to(torch.int64)}), "as in quantised models"),
        (lambda w: w.update({NAME: (w[NAME] * 500).round()}), "save the model in float32"),
    ],
)
def test_weights_that_are_no_weights(
    model_folder: Folders, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for mlm in (False, True):
        with pytest.raises(CheckpointError, match=message) as caught:
            Backbone.load(folder, mlm=mlm)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)


def test_an_identity_is_a_weight(model_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    weights = load_file(folder / "model.safetensors")
    weights[NAME] = torch.eye(*weights[NAME].shape)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert np.isfinite(Encoder.load(folder).encode(TEXTS)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_formats_are_weights(
    model_folder: Folders, tmp_path: Path, dtype: torch.dtype
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    weights = load_file(folder / "model.safetensors")
    save_file({k: v.to(dtype) for k, v in weights.items()}, folder / "model.safetensors")
    expected = Encoder.load(model_folder()).encode(TEXTS)
    np.testing.assert_allclose(Encoder.load(folder).encode(TEXTS), expected, atol=0.02)


def test_texts_that_padding_changes_stand_among_their_equals(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FNet mixes all tokens of a row, padding included; ConvBERT reads those beside a token."""
    fnet = save(tmp_path / "fnet", transformers.FNetConfig(**shape()))
    convolution = transformers.ConvBertConfig(
        **shape(num_attention_heads=4, embedding_size=16, max_position_embeddings=64)
    )
    for folder in (fnet, save(tmp_path / "convbert", convolution)):
        caplog.clear()
        encoder = Encoder.load(folder)
        assert f"{folder}: its vectors depend on the padding" in caplog.text
        assert not encoder.backbone.pads
        texts = [*TEXTS, *reversed(TEXTS), "猫"]
        together = encoder.encode(texts)
        alone = np.concatenate([encoder.encode([text]) for text in texts])
        np.testing.assert_allclose(together, alone, atol=1e-6)
        spans = [[(0, 1)] for _ in texts]
        words = encoder.encode_words(texts, spans)
        for text, vectors in zip(texts, words, strict=True):
            expected = encoder.encode_words([text], [[(0, 1)]])[0]
            np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_others_are_padded_and_say_nothing(
    model_folder: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert Backbone.load(model_folder("modernbert")).pads
    assert not caplog.records


def test_weights_that_the_configuration_leaves_out_are_no_part_of_an_encoder(
    model_folder: Folders, tmp_path: Path
) -> None:
    """With fewer layers than were trained its vectors would be others, and nothing was said."""
    folder = tmp_path / "model"
    for name in ("bert", "modernbert"):
        shutil.copytree(model_folder(name), folder)
        settings = json.loads((folder / "config.json").read_text())
        settings |= {"num_hidden_layers": settings["num_hidden_layers"] - 1}
        settings.pop("layer_types", None)
        (folder / "config.json").write_text(json.dumps(settings))
        for mlm in (False, True):
            with pytest.raises(CheckpointError, match=r"config\.json leaves out"):
                Backbone.load(folder, mlm=mlm)
        shutil.rmtree(folder)


def test_a_tokeniser_of_other_weights_is_refused(model_folder: Folders, tmp_path: Path) -> None:
    config = shape(num_attention_heads=2, vocab_size=3 * len(make_tokenizer()))
    folder = save(tmp_path / "a", transformers.BertConfig(**config))
    with pytest.raises(CheckpointError, match="is it the tokeniser of another model"):
        Backbone.load(folder)


def test_what_is_no_plain_encoder_is_said(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = transformers.BertConfig(**shape(num_attention_heads=2))
    classify = transformers.AutoModelForSequenceClassification.from_config
    Backbone.load(save(tmp_path / "task", task, model=classify))
    [message] = caplog.messages
    assert "is a model for a task (BertForSequenceClassification)" in message
    caplog.clear()
    decoder = transformers.LlamaConfig(**shape(num_attention_heads=2, num_key_value_heads=2))
    Backbone.load(save(tmp_path / "decoder", decoder))
    [message] = caplog.messages
    assert message.startswith(f"{tmp_path / 'decoder'}: is a decoder")
    caplog.clear()
    for kind in ("bert", "xlm-roberta", "deberta-v2", "distilbert", "modernbert"):
        Backbone.load(model_folder(kind))
    assert not caplog.messages


def test_a_model_that_throws_dice_is_refused(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Backbone.forward

    def noisy(self: Backbone, *inputs: torch.Tensor) -> Hidden:
        return Hidden(tuple(s + torch.randn(s.shape) for s in real(self, *inputs).states))

    monkeypatch.setattr(Backbone, "forward", noisy)
    with pytest.raises(CheckpointError, match="different vectors each time"):
        Backbone.load(model_folder())


def test_longformer_and_ibert_are_read(tmp_path: Path) -> None:
    """One pads texts inside, the other's table of tokens is a class of its own."""
    size = {"num_attention_heads": 2, "max_position_embeddings": 70}
    for folder in (
        save(tmp_path / "a", transformers.LongformerConfig(**shape(**size, attention_window=8))),
        save(tmp_path / "b", transformers.IBertConfig(**shape(**size))),
    ):
        for layer in (None, 1, 2):
            encoder = Encoder.load(folder, layer=layer)
            np.testing.assert_allclose(
                encoder.encode(TEXTS)[1:2], encoder.encode(TEXTS[1:2]), atol=1e-5
            )


def test_models_of_another_kind_are_told_in_one_line(tmp_path: Path) -> None:
    perceiver = transformers.PerceiverConfig(
        **shape(d_latents=8, num_latents=4, d_model=8, num_blocks=1, num_self_attends_per_block=1),
        num_self_attention_heads=2,
        num_cross_attention_heads=2,
    )
    nystrom = transformers.NystromformerConfig(
        **shape(num_attention_heads=2, segment_means_seq_len=8, num_landmarks=4)
    )
    t5 = transformers.T5Config(**shape(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2))
    for number, (config, kind) in enumerate(
        [(perceiver, None), (nystrom, None), (t5, transformers.T5EncoderModel)]
    ):
        folder = save(tmp_path / str(number), config, **({"model": kind} if kind else {}))
        with pytest.raises(CheckpointError) as caught:
            Encoder.load(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_a_model_raises_later_names_it(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder.load(model_folder())

    def broken(*_: object, **__: object) -> None:
        raise IndexError("index 70 is\nout of range")

    encoder.encode(TEXTS)
    monkeypatch.setattr(encoder.backbone.base, "forward", broken)
    for use in (lambda: encoder.encode(TEXTS), lambda: encoder.align(TEXTS, TEXTS)):
        with pytest.raises(CheckpointError, match="IndexError: index 70 is out of range") as caught:
            use()
        assert str(model_folder()) in str(caught.value)
        assert "attention mask" in str(caught.value)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A model whose tokeniser adds nothing to a text, and leaves nothing of some."""
    words = {"[UNK]": 0, "[PAD]": 1, "cat": 2, "the": 3, "chat": 4, "le": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.normalizer = normalizers.Replace("\u200b", "")
    torch.manual_seed(0)
    config = transformers.BertConfig(**shape(num_attention_heads=2) | {"vocab_size": 6})
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
    ).save_pretrained(tmp_path)
    return tmp_path


def test_empty_texts_are_not_counted_as_texts_without_a_token(
    bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = Tokenizer.from_file(str(bare / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Replace("\u2023", "")
    tokenizer.save(str(bare / "tokenizer.json"))
    assert Encoder.load(bare).encode(["the cat", "", "\u2023", " "]).any(axis=1).sum() == 1
    assert "2 texts are empty, 1 text has no token that" in caplog.text


def test_texts_without_a_token(
    bare: Path, model_folder: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (bare, model_folder()):
        encoder = Encoder.load(folder)
        caplog.clear()
        vectors = encoder.encode(["the cat", "\u200b", "", "le chat"])
        assert "2 texts are empty: vectors of zeros" in caplog.text
        assert vectors.any(axis=1).tolist() == [True, False, False, True]
        np.testing.assert_allclose(
            vectors[[0, 3]], encoder.encode(["the cat", "le chat"]), atol=1e-6
        )
        assert not encoder.encode(["\u200b"]).any()
        assert not encoder.encode("").any()
        assert encoder.encode_words([""], [[]])[0].shape == (0, 16)
        links = encoder.align(["the cat", "\u200b", "the"], ["le chat", "le", ""])
        assert [bool(found) for found in links] == [True, False, False]
        words = encoder.encode_words(["the cat", "\u200b"], [[(0, 3)], [(0, 1)]])
        assert [bool(vectors.any()) for vectors in words] == [True, False]

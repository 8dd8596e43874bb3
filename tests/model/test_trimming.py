"""A smaller vocabulary: on text that it covers the same tokens, vectors and predictions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerFast

from crosszero.errors import CheckpointError, ConfigError
from crosszero.model import trimming
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.readout import read_readout
from crosszero.model.saving import save_encoder
from crosszero.model.token_choice import choose_tokens, count_tokens, list_scripts
from crosszero.model.trimming import trim_encoder
from crosszero.model.vocabulary import Vocabulary
from crosszero.model.word_layers import KnownLayer
from tests.conftest import TEXT, make_model

Folders = Callable[..., Path]
KINDS = ("bert", "xlm-roberta", "modernbert", "deberta-v2")
CORPUS = [*TEXT.strip().splitlines(), "lower newest widest low", "1234 a.b", "naïve café"] * 3
LETTERS = "abcdeloswt йже天气 ñ1.#▁"


def learn(kind: str) -> Tokenizer:
    """A tokeniser with several hundred tokens, learnt by the library that runs it."""
    special = ["<unk>", "<pad>", "<s>"]
    trainer: Any
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False
        )
    elif kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=220, special_tokens=special, show_progress=False
        )
    elif kind == "byte-bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    else:  # BPE with marks at the end of words, or within them
        marks = {"suffix-bpe": ("", "</w>"), "prefix-bpe": ("##", ""), "bpe": ("", "")}[kind]
        names = ("continuing_subword_prefix", "end_of_word_suffix")
        given = {name: mark for name, mark in zip(names, marks, strict=True) if mark}
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **given))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.BpeTrainer(
            vocab_size=250,
            special_tokens=special,
            show_progress=False,
            **given,
        )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


LEARNT = {
    kind: Vocabulary(PreTrainedTokenizerFast(tokenizer_object=learn(kind)), name=kind)
    for kind in ("unigram", "wordpiece", "byte-bpe", "suffix-bpe", "prefix-bpe", "bpe")
}


def cut(vocabulary: Vocabulary, tokens: set[int]) -> tuple[Tokenizer, list[int]]:
    kept = sorted(vocabulary.close(vocabulary.list_fixed() | tokens))
    return Tokenizer.from_str(vocabulary.shorten(kept)), kept


@pytest.mark.parametrize("kind", LEARNT)
@settings(max_examples=150)
@given(data=st.data())
def test_any_text_keeps_its_tokens_where_they_all_stay(kind: str, data: st.DataObject) -> None:
    vocabulary = LEARNT[kind]
    words = st.sampled_from([w for line in CORPUS for w in line.split()])
    text = data.draw(st.lists(words | st.text(LETTERS, max_size=6), max_size=8).map(" ".join))
    counts, tried = count_tokens(vocabulary, [text])
    others = data.draw(st.sets(st.sampled_from(sorted(vocabulary.pieces)), max_size=20))
    tokenizer, kept = cut(vocabulary, {*np.flatnonzero(counts).tolist(), *tried, *others})
    before = vocabulary.tokenizer.encode(text, add_special_tokens=False)
    assert counts.sum() == len(before.ids)
    after = tokenizer.encode(text, add_special_tokens=False)
    assert after.tokens == before.tokens
    assert [kept[i] for i in after.ids] == before.ids
    assert after.offsets == before.offsets


@pytest.mark.parametrize("kind", LEARNT)
@settings(max_examples=60)
@given(text=st.text("abcdeloswtñ1.#▁ é", max_size=30))
def test_any_text_in_a_script_keeps_its_tokens(kind: str, text: str) -> None:
    vocabulary = LEARNT[kind]
    tokenizer, kept = cut(vocabulary, choose_tokens(vocabulary, {"Latn"}))
    assert len(kept) < len(vocabulary.pieces)
    assert tokenizer.encode(text).tokens == vocabulary.tokenizer.encode(text).tokens


def test_a_word_that_was_given_up_is_given_up_again() -> None:
    pieces = ["[UNK]", "ab", "a", "##b", "##bc", "##c"]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    del pieces[5]
    tokenizer.model = models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]")
    vocabulary = Vocabulary(PreTrainedTokenizerFast(tokenizer_object=tokenizer), name="x")
    assert vocabulary.tokenizer.encode("abc").tokens == ["[UNK]"]  # ab, then no ##c
    counts, tried = count_tokens(vocabulary, ["abc"])
    assert (counts.tolist(), tried) == ([1, 0, 0, 0, 0], {1})
    shorter, _ = cut(vocabulary, {0, 1, 2, 4})
    assert shorter.encode("abc").tokens == ["[UNK]"]
    without, _ = cut(vocabulary, {0, 2, 4})
    assert without.encode("abc").tokens == ["a", "##bc"]  # so the check above says something


@pytest.mark.parametrize("kind", KINDS)
def test_covered_text_has_the_same_vectors_and_predictions(
    kind: str, model_folder: Folders, tmp_path: Path
) -> None:
    texts = ["the weather is good today", "le temps est bon", "погода сегодня"]
    source, out = model_folder(kind), tmp_path / "small"
    done = trim_encoder(source, out, texts=texts)
    assert done.missed == 0 < done.counted
    assert done.tokens[1] < done.tokens[0]
    assert done.size[1] < done.size[0]

    old, new = Encoder.load(source), Encoder.load(out)
    np.testing.assert_allclose(new.encode(texts), old.encode(texts), atol=1e-6)
    for one, other in zip(new.align(texts, texts), old.align(texts, texts), strict=True):
        assert [pair[:2] for pair in one] == [pair[:2] for pair in other]
    one, other = (AutoTokenizer.from_pretrained(folder) for folder in (out, source))
    assert one.special_tokens_map == other.special_tokens_map
    for text in texts:
        assert one.tokenize(text) == other.tokenize(text)
    before, after = Backbone.load(source, mlm=True), Backbone.load(out, mlm=True)
    assert before.mlm_head is not None
    assert after.mlm_head is not None
    rows = torch.randn(4, before.hidden_size)
    places = before.tokenizer.convert_tokens_to_ids(
        after.tokenizer.convert_ids_to_tokens(range(len(after.tokenizer)))
    )
    with torch.no_grad():
        torch.testing.assert_close(after.mlm_head(rows), before.mlm_head(rows)[:, places])
    tied = AutoModelForMaskedLM.from_pretrained(out)
    assert len(tied.get_input_embeddings().weight) == len(one) == tied.config.vocab_size
    assert tied.config.pad_token_id == one.pad_token_id


def test_what_is_not_covered_is_counted_and_falls_back(
    model_folder: Folders, tmp_path: Path
) -> None:
    done = trim_encoder(
        model_folder(), tmp_path / "small", texts=["the house"], check=["the weather", "猫 the"]
    )
    assert (done.counted, done.missed) == (4, 2)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "small")
    assert tokenizer.tokenize("weather") == ["w", *(f"##{x}" for x in "eather")]
    assert tokenizer.tokenize("猫") == ["[UNK]"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_are_stored_as_they_were(
    dtype: torch.dtype, model_folder: Folders, tmp_path: Path
) -> None:
    backbone = Backbone.load(model_folder(), mlm=True)
    backbone.model.to(dtype)
    save_encoder(backbone, tmp_path / "half")
    done = trim_encoder(tmp_path / "half", tmp_path / "small", texts=["the red house"])
    for size, name in zip(done.size, ("half", "small"), strict=True):
        stored = load_file(tmp_path / name / "model.safetensors").values()
        assert {x.dtype for x in stored} == {dtype}
        assert sum(x.nbytes for x in stored) <= size < 1.1 * sum(x.nbytes for x in stored)
    old, new = Encoder.load(tmp_path / "half"), Encoder.load(tmp_path / "small")
    np.testing.assert_allclose(
        new.encode(["the red house"]), old.encode(["the red house"]), atol=1e-6
    )


def test_empty_lines_are_left_out_in_silence(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trim_encoder(model_folder(), tmp_path / "small", texts=["", "the house"], check=["", "the"])
    assert caplog.messages == []


def test_rare_tokens_can_be_left_out(model_folder: Folders, tmp_path: Path) -> None:
    texts = ["the house", "the weather", "the the"]
    done = trim_encoder(model_folder(), tmp_path / "small", texts=texts, least=2)
    assert (done.counted, done.missed) == (6, 2)


def test_tokens_that_words_were_tried_with_are_kept_but_not_counted(
    model_folder: Folders, tmp_path: Path
) -> None:
    done = trim_encoder(model_folder(), tmp_path / "small", texts=["the houseŽ", "the"], least=2)
    assert (done.counted, done.missed) == (3, 0)  # the [UNK] the
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "small")
    assert tokenizer.tokenize("the house") == ["the", "house"]


def test_languages_keep_their_scripts(model_folder: Folders, tmp_path: Path) -> None:
    source = model_folder()
    trim_encoder(source, tmp_path / "small", languages=["en", "ru"])
    one, other = (AutoTokenizer.from_pretrained(f) for f in (tmp_path / "small", source))
    for text in ("le roi voit la maison", "король", "1.", "дом"):
        assert one.tokenize(text) == other.tokenize(text)
    assert one.tokenize("猫") == ["[UNK]"] != other.tokenize("猫")


def test_scripts_of_languages() -> None:
    assert list_scripts(["zh", "zh-TW", "ko", "sr", "sr-Latn", "hi"]) == {
        "Hani", "Bopo", "Hang", "Cyrl", "Latn", "Deva",
    }  # fmt: skip
    assert list_scripts(["grc", "arb", "pbt-Arab"]) == {"Grek", "Arab"}
    with pytest.raises(ConfigError, match="'klingonese' is not a language code"):
        list_scripts(["klingonese"])
    for code in ("pbt", "azb", "orv", "und", "mul", "qaa"):  # taken for Latin
        with pytest.raises(ConfigError, match=f"{code}-Arab or {code}-Latn"):
            list_scripts([code])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"texts": ["a"], "least": 0},
        {"texts": ["", " ", "\u200b"]},
        {"languages": ["en"], "least": 2},
        {"languages": ["english!"]},
    ],
)
def test_wrong_settings_write_nothing(
    model_folder: Folders, tmp_path: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        trim_encoder(model_folder(), tmp_path / "small", **given)
    with pytest.raises(ConfigError, match="choose another name"):
        trim_encoder(model_folder(), model_folder(), texts=["a"])
    assert not (tmp_path / "small").exists()


def test_files_of_sentence_transformers_and_the_head_come_along(
    model_folder: Folders, tmp_path: Path
) -> None:
    backbone = Backbone.load(model_folder(), mlm=True)
    head = ProjectionHead(backbone.hidden_size, level="multi")
    save_encoder(backbone, tmp_path / "run", head=head, card="# A card\n")
    (tmp_path / "run" / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"q": "see "}, "default_prompt_name": "q"})
    )
    trim_encoder(tmp_path / "run", tmp_path / "small", texts=["the red house"])
    assert read_readout(tmp_path / "small").name == "first-last"
    old, new = Encoder.load(tmp_path / "run"), Encoder.load(tmp_path / "small")
    found = new.encode(["the red house"])
    np.testing.assert_allclose(found, old.encode(["the red house"]), atol=1e-6)
    for name in ("projection.safetensors", "README.md"):
        one, other = tmp_path / "run" / name, tmp_path / "small" / name
        assert one.read_bytes() == other.read_bytes()


def save_with_layers(folder: Path, model_folder: Folders) -> Encoder:
    backbone = Backbone.load(model_folder(), mlm=True)
    save_encoder(backbone, folder, layer=-1, alignment_layer=2, word_layer=1)
    return Encoder.load(folder)


def test_words_are_read_and_linked_as_before(model_folder: Folders, tmp_path: Path) -> None:
    texts = ["the red house", "la maison rouge"]
    old = save_with_layers(tmp_path / "run", model_folder)
    trim_encoder(tmp_path / "run", tmp_path / "small", texts=texts)
    new = Encoder.load(tmp_path / "small")
    assert (new.alignment_layer, new.word_layer) == (old.alignment_layer, old.word_layer) == (2, 1)
    assert new.align(*texts) == old.align(*texts)
    spans = [[(0, 3), (4, 7), (8, 13)], [(0, 2), (3, 9), (10, 15)]]
    both = (encoder.encode_words(texts, spans) for encoder in (new, old))
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_encoder_that_would_read_words_differently_is_not_written(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_with_layers(tmp_path / "run", model_folder)
    monkeypatch.setattr(trimming, "write_layers", lambda *_, **__: None)
    with pytest.raises(CheckpointError, match="its vectors would change"):
        trim_encoder(tmp_path / "run", tmp_path / "small", texts=["the red house"] * 3)
    assert not (tmp_path / "small").exists()


def test_an_encoder_that_is_known_by_its_vocabulary_is_linked_at_the_same_layer(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(Backbone.load(model_folder()).table.weight)
    known = KnownLayer("bert", 3, 0, size, 1, "LaBSE, say")
    monkeypatch.setattr("crosszero.model.word_layers.KNOWN", (known,))
    trim_encoder(model_folder(), tmp_path / "small", texts=["the red house"])
    assert Encoder.load(tmp_path / "small").alignment_layer == 1


def test_gold_that_was_trained_on_comes_along(model_folder: Folders, tmp_path: Path) -> None:
    save_encoder(Backbone.load(model_folder(), mlm=True), tmp_path / "run")
    (tmp_path / "run" / "gold").mkdir()
    for name in ("gold.json", "gold/part-00000.parquet"):
        (tmp_path / "run" / name).write_bytes(b"x")
    trim_encoder(tmp_path / "run", tmp_path / "small", texts=["the red house"])
    for name in ("gold.json", "gold/part-00000.parquet"):
        assert (tmp_path / "small" / name).read_bytes() == b"x"


def test_the_old_layout_of_sentence_transformers(model_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    model, tokenizer = make_model()
    model.save_pretrained(folder / "0_Transformer")
    tokenizer.save_pretrained(folder / "0_Transformer")
    (folder / "0_Transformer" / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    trim_encoder(folder, tmp_path / "small", texts=CORPUS)
    old, new = Encoder.load(folder), Encoder.load(tmp_path / "small")
    assert (new.pooling, old.pooling) == ("cls", "cls")
    np.testing.assert_allclose(new.encode(CORPUS), old.encode(CORPUS), atol=1e-6)


def test_an_encoder_without_a_pretrained_head_gets_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, tokenizer = make_model()
    model.base_model.save_pretrained(tmp_path / "bare")
    tokenizer.save_pretrained(tmp_path / "bare")
    with caplog.at_level(logging.WARNING):
        trim_encoder(tmp_path / "bare", tmp_path / "small", texts=["the house"])
    assert Backbone.load(tmp_path / "small", mlm=True).mlm_head is None


def test_a_tokeniser_of_another_kind_is_refused(tmp_path: Path) -> None:
    model, _ = make_model()
    words: Sequence[str] = ["[UNK]", "[PAD]", *map(str, range(100))]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]"
    )
    model.save_pretrained(tmp_path / "odd")
    tokenizer.save_pretrained(tmp_path / "odd")
    with pytest.raises(CheckpointError, match="is a WordLevel; only BPE, Unigram, WordPiece"):
        trim_encoder(tmp_path / "odd", tmp_path / "small", texts=["a"])
    assert not (tmp_path / "small").exists()


def test_no_folder_that_holds_something_is_replaced(model_folder: Folders, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "corpus.en").write_text("the cat\n")
    with pytest.raises(ConfigError, match="is not empty"):
        trim_encoder(model_folder(), tmp_path / "data", texts=["the cat"])
    assert (tmp_path / "data" / "corpus.en").read_text() == "the cat\n"

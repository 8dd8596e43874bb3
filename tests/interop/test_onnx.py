"""What onnxruntime computes from an exported encoder is what the encoder computes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.align.linker import WordLinker, link_texts
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import from_words
from crosszero.errors import CheckpointError, ConfigError
from crosszero.interop import OnnxEncoder, export_onnx
from crosszero.model.encoder import Encoder
from crosszero.samples.gold import hash_texts, write_hashes
from crosszero.samples.sample import Sample
from crosszero.tasks.word_alignment import WordAlignment

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Folders = Callable[..., Path]
TEXTS = [
    "the king sees the house today", "", "猫 狗", "le Chat VOIT la maison rouge ! " * 9,
    "الطقس اليوم", "old",
]  # fmt: skip
SENTENCES = [text.split() for text in (TEXTS[0], TEXTS[4], "good weather tomorrow")]
TRANSLATIONS = [text.split() for text in ("le roi voit la maison", "погода сегодня", "bon temps")]


@pytest.fixture(scope="module")
def export(model_folder: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    made: dict[str, Path] = {}

    def give(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("onnx") / kind
            export_onnx(model_folder(kind, layers=2), made[kind])
        return made[kind]

    return give


def compare(folder: Path, exported: Path, **how: Any) -> None:
    ours, theirs = Encoder.load(folder, precision="fp32", **how), OnnxEncoder(exported)
    assert theirs.dimension == ours.dimension
    np.testing.assert_allclose(theirs.encode(TEXTS), ours.encode(TEXTS), atol=1e-5)
    spans = [[(0, len(text) // 2), (len(text) // 2, len(text))] for text in TEXTS]
    for own, other in zip(
        ours.encode_words(TEXTS, spans), theirs.encode_words(TEXTS, spans), strict=True
    ):
        np.testing.assert_allclose(other, own, atol=1e-4)
    for own, other in zip(
        ours.encode_subtokens(TEXTS, spans), theirs.encode_subtokens(TEXTS, spans), strict=True
    ):
        np.testing.assert_allclose(other.vectors, own.vectors, atol=1e-4)
        np.testing.assert_array_equal(other.starts, own.starts)
        np.testing.assert_array_equal(other.ends, own.ends)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "distilbert", "modernbert"])
def test_vectors_and_links_are_equal(model_folder: Folders, export: Folders, kind: str) -> None:
    folder, exported = model_folder(kind, layers=2), export(kind)
    compare(folder, exported)
    sides = [list(map(from_words, side)) for side in (SENTENCES, TRANSLATIONS)]
    config = LinkConfig(threshold=0.01)  # an encoder that has learnt nothing is sure of nothing
    ours, theirs = (
        list(WordLinker(encoder, config).link(*sides))
        for encoder in (Encoder.load(folder, precision="fp32"), OnnxEncoder(exported))
    )
    for own, other in zip(ours, theirs, strict=True):
        assert own
        assert [link[:2] for link in own] == [link[:2] for link in other]
        np.testing.assert_allclose([x.score for x in own], [x.score for x in other], atol=1e-3)


def test_onnxruntime_and_tokenizers_suffice(model_folder: Folders, export: Folders) -> None:
    from tokenizers import Tokenizer

    exported = export("bert")
    tokenizer = Tokenizer.from_file(str(exported / "tokenizer.json"))
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    coded = tokenizer.encode_batch(TEXTS)
    ids, mask = [one.ids for one in coded], [one.attention_mask for one in coded]
    given = {"input_ids": np.array(ids), "attention_mask": np.array(mask)}
    [vectors] = session.run(["sentence_embedding"], given)
    expected = Encoder.load(model_folder("bert", layers=2), precision="fp32").encode(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert {path.name for path in exported.iterdir()} == {"model.onnx", "tokenizer.json"}


def test_its_own_check_says_nothing(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty text is one of those that are tried."""
    export_onnx(model_folder(), tmp_path / "out")
    assert not [record for record in caplog.records if record.name == "crosszero"]


def test_sentences_are_read_as_the_folder_says(model_folder: Folders, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    parts = pytest.importorskip("sentence_transformers.models")
    modules = [
        parts.Transformer(str(model_folder("bert", layers=2)), max_seq_length=9),
        parts.Pooling(16, ["cls", "lasttoken", "weightedmean"]), parts.Dense(48, 5),
    ]  # fmt: skip
    folder = tmp_path / "dense"
    library.SentenceTransformer(modules=modules, device="cpu").save(
        str(folder), create_model_card=False
    )
    export_onnx(folder, tmp_path / "out")
    compare(folder, tmp_path / "out")
    export_onnx(folder, tmp_path / "one", layer=1, max_length=8)
    compare(folder, tmp_path / "one", layer=1, max_length=8)


def test_what_can_not_be_exported_is_refused(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = model_folder("bert", layers=2), tmp_path / "out"
    prompted = tmp_path / "prompted"
    shutil.copytree(folder, prompted)
    (prompted / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},'
        '{"idx": 1, "name": "1", "path": "", "type": "sentence_transformers.models.Pooling"}]'
    )
    (prompted / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "ask: "}, "default_prompt_name": "query"}'
    )
    with pytest.raises(CheckpointError, match="asks for prompt 'ask: ' in sentences"):
        export_onnx(prompted, out)
    with pytest.raises(ConfigError, match="takes 3 to 64 tokens"):
        export_onnx(folder, out, max_length=600)
    with pytest.raises(ConfigError, match="the folder is not empty"):
        export_onnx(folder, prompted)
    with monkeypatch.context() as changed:
        changed.setattr("crosszero.interop.onnx_encoder.word_vectors", lambda parts: 2.0)
        with pytest.raises(CheckpointError, match="exported, it gives other vectors"):
            export_onnx(folder, out)
    with monkeypatch.context() as changed:
        changed.setattr("torch.onnx.export", lambda *_, **__: 1 / 0)
        with pytest.raises(CheckpointError, match="can't be exported: division by zero"):
            export_onnx(folder, out)
    assert not out.exists()


def test_an_export_is_not_measured_on_gold_that_was_trained_on(
    model_folder: Folders, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(model_folder("bert", layers=2), folder)
    row = Sample(
        source="le chat", target="the cat", source_language="fr", target_language="en", origin="",
        words=(), finder="gold",
    )  # fmt: skip
    write_hashes(hash_texts([row]), folder)
    data = tmp_path / "data" / "word-alignment"
    data.mkdir(parents=True)
    for ending, line in (("src", "le chat"), ("tgt", "a cat"), ("gold", "0-0 1-1")):
        (data / f"fr-en.{ending}").write_text(f"{line}\n")
    export_onnx(folder, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"out was trained on the gold links of 1 of its 1"):
        WordAlignment().predict(OnnxEncoder(tmp_path / "out"), data.parent, tmp_path / "found")


def test_what_is_no_export_is_refused(model_folder: Folders, tmp_path: Path) -> None:
    for folder in (model_folder(), tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="holds no encoder that 'crosszero export' wrote"):
            OnnxEncoder(folder)


def test_the_bundled_encoder_links_the_same(tmp_path: Path) -> None:
    name = "crosszero-mini-aligned"
    export_onnx(name, tmp_path / "onnx")
    texts = "The old king saw the sea.", "Le vieux roi a vu la mer."
    [found] = link_texts(OnnxEncoder(tmp_path / "onnx"), *([text] for text in texts))
    expected = Encoder.load(name, precision="fp32").align(*texts)
    assert [link[:2] for link in found] == [link[:2] for link in expected]
    assert len(found) >= 6
    np.testing.assert_allclose([x.score for x in found], [x.score for x in expected], atol=1e-3)

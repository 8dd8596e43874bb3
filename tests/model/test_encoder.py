"""The wrapper on four architectures: same hidden states, same head, right tokens for a word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from crosszero.cli.flags import Reading
from crosszero.errors import CheckpointError, ConfigError, DataError
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.loading import locate_encoder
from crosszero.model.mlm import IGNORED, mask_tokens
from crosszero.model.padding import cut_mini_batches, pad
from crosszero.model.pooling import pool_tokens
from crosszero.model.ragged import spread
from crosszero.model.saving import load_head, save_encoder
from tests.conftest import ARCHITECTURES, make_model

Folders = Callable[..., Path]
TEXTS = ["the weather is good today", "猫 狗", "le chat voit la maison rouge", "الطقس اليوم"]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_hidden_states_are_first_plus_last_layer(model_folder: Folders, kind: str) -> None:
    backbone = Backbone.load(model_folder(kind), mlm=True).eval()
    ids, mask = pad(backbone.tokenize(TEXTS, 32).ids, backbone.tokenizer.pad_token_id)
    with torch.no_grad():
        hidden = backbone(ids, mask)
        states = backbone.base(ids, attention_mask=mask, output_hidden_states=True)
    assert len(states.hidden_states) == backbone.layers + 1
    torch.testing.assert_close(hidden.read(-1), states.last_hidden_state)
    torch.testing.assert_close(hidden.read(), states.hidden_states[1] + states.last_hidden_state)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_padding_changes_nothing(model_folder: Folders, kind: str) -> None:
    encoder = Encoder.load(model_folder(kind))
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_mlm_head_on_masked_rows_is_the_models_own(model_folder: Folders, kind: str) -> None:
    """Same logits and same gradients as the whole model gives on all positions."""
    backbone = Backbone.load(model_folder(kind, dropout=0.0), mlm=True).train()
    assert backbone.mlm_head is not None
    ids, mask = pad(backbone.tokenize(TEXTS, 32).ids, backbone.tokenizer.pad_token_id)
    labels = torch.full_like(ids, IGNORED)
    labels[0, 1], labels[2, 3], labels[2, 2] = 7, 8, 9
    logits = backbone.model(input_ids=ids, attention_mask=mask).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
    expected = {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}
    backbone.zero_grad()
    rows = backbone(ids, mask).read(-1)[labels != IGNORED]
    found = backbone.mlm_head(rows)
    torch.testing.assert_close(found, logits[labels != IGNORED], atol=1e-5, rtol=1e-4)
    torch.nn.functional.cross_entropy(found, labels[labels != IGNORED]).backward()
    assert len(expected) > 10
    for name, parameter in backbone.named_parameters():
        if name in expected:
            torch.testing.assert_close(parameter.grad, expected[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_span_tokens_cover_the_word_and_no_other(model_folder: Folders, kind: str) -> None:
    backbone = Backbone.load(model_folder(kind))
    for text in TEXTS:
        tokens = backbone.tokenize([text], 64)
        ordinary = range(tokens.first[0], tokens.first[0] + tokens.inner[0])
        start = 0
        seen: set[int] = set()
        for word in text.split():
            begin = text.index(word, start)
            ((first, last),) = tokens.locate([(0, begin, begin + len(word))])
            assert last
            inside = set(range(first, last))
            assert inside <= set(ordinary)
            assert not inside & seen  # words share no token
            seen |= inside
            # An independent reading: all tokens with a character in common with the word.
            offsets = backbone.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
            slow = {
                i
                for i, (a, b) in enumerate(offsets)
                if a < begin + len(word) and b > begin and i in ordinary
            }
            assert inside == slow
            start = begin + len(word)


def test_words_cut_off_are_not_located(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder())
    text = "the weather is good today"
    tokens = backbone.tokenize([text], 5)
    assert tokens.truncated.all()
    found = tokens.locate([(0, 4, 11), (0, text.index("today"), len(text))])
    assert (found[:, 1] > 0).tolist() == [True, False]
    vectors = Encoder(backbone, max_length=5).encode_words([text], [[(4, 11), (20, 25)]])
    assert np.abs(vectors[0][0]).sum() > 0
    assert np.abs(vectors[0][1]).sum() == 0


def test_word_vectors_are_means_of_their_tokens(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder()).eval()
    text = "the weathers are good"  # "weathers" is two pieces
    tokens = backbone.tokenize([text], 64)
    ((first, last),) = tokens.locate([(0, 4, 12)])
    assert last - first == 2
    with torch.no_grad():
        ids = torch.from_numpy(tokens.ids.values)[None]
        states = backbone.base(ids, output_hidden_states=True).hidden_states
    expected = (states[1] + states[-1])[0, first:last].mean(0)
    found = Encoder(backbone).encode_words([text], [[(4, 12)]])[0][0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    layer = Encoder(backbone, layer=2).encode_words([text], [[(4, 12)]])[0][0]
    np.testing.assert_allclose(layer, states[2][0, first:last].mean(0), atol=1e-5)


def test_pooling_equals_a_loop() -> None:
    hidden = torch.randn(3, 7, 4)
    rows, starts, ends = map(np.array, ([2, 0, 2, 1], [0, 6, 3, 2], [3, 7, 4, 6]))
    expected = torch.stack(
        [hidden[r, a:b].mean(0) for r, a, b in zip(rows, starts, ends, strict=True)]
    )
    counts = ends - starts
    tokens, owners = spread(7 * rows + starts, counts), np.repeat(np.arange(4), counts)
    found = pool_tokens(hidden, *map(torch.from_numpy, (tokens, owners, counts)))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_saved_folder_loads_everywhere(model_folder: Folders, tmp_path: Path, kind: str) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM

    backbone = Backbone.load(model_folder(kind), mlm=True)
    head = ProjectionHead(backbone.hidden_size, "multi")
    save_encoder(backbone, tmp_path / "run", head=head, card="# x\n")
    assert not list((tmp_path / "run").glob(".export*"))
    AutoModel.from_pretrained(tmp_path / "run")
    again = AutoModelForMaskedLM.from_pretrained(tmp_path / "run")
    for (name, a), (_, b) in zip(
        backbone.model.named_parameters(), again.named_parameters(), strict=True
    ):
        assert torch.equal(a, b), name
    other = ProjectionHead(backbone.hidden_size, "multi")
    load_head(tmp_path / "run", other)
    assert torch.equal(other.inner.weight, head.inner.weight)
    with pytest.raises(CheckpointError, match="projection"):
        load_head(tmp_path / "run", ProjectionHead(backbone.hidden_size, "sentence"))
    sentence_transformers = pytest.importorskip("sentence_transformers")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "run"), device="cpu")
    ours = Encoder.load(tmp_path / "run").encode(TEXTS)
    np.testing.assert_allclose(theirs.encode(TEXTS), ours, atol=2e-5)


@pytest.mark.parametrize("pooled", [True, False])
def test_the_pooler_of_bert_survives_training_with_its_mlm_head(
    tmp_path: Path, pooled: bool
) -> None:

    model, tokenizer = make_model()
    whole = transformers.BertForPreTraining(model.config) if pooled else model
    whole.save_pretrained(tmp_path / "start")
    tokenizer.save_pretrained(tmp_path / "start")
    backbone = Backbone.load(tmp_path / "start", mlm=True)
    save_encoder(backbone, tmp_path / "run")
    keys = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    assert any("pooler" in key for key in keys) == pooled
    if pooled:
        kept = transformers.AutoModel.from_pretrained(tmp_path / "run").pooler.dense.weight
        assert torch.equal(kept, whole.bert.pooler.dense.weight)
        again = Backbone.load(tmp_path / "run", mlm=True)
        assert again.mlm_head is not None


def test_a_head_that_starts_as_the_identity_gives_back_what_it_gets() -> None:
    head = ProjectionHead(4, "multi", "identity")
    vectors = torch.tensor([[-2.5, -1.0, 0.0, 0.3, 1.0, 2.0, 7.0, 0.5]])
    torch.testing.assert_close(head(vectors), vectors)
    torch.testing.assert_close(head(vectors - 100), torch.full((1, 8), -3.0))
    assert not torch.equal(ProjectionHead(4, "multi").inner.weight, head.inner.weight)


def test_masking_takes_its_share() -> None:
    random = np.random.default_rng(0)
    ids = random.integers(5, 50, 100_000)
    special = random.random(100_000) < 0.2
    masked, labels = mask_tokens(
        ids, special, probability=0.15, mask_id=4, ordinary=np.arange(5, 50), random=random
    )
    chosen = labels != IGNORED
    assert not (chosen & special).any()
    assert (labels[chosen] == ids[chosen]).all()
    assert (masked[~chosen] == ids[~chosen]).all()
    assert chosen.sum() / (~special).sum() == pytest.approx(0.15, abs=0.01)
    assert (masked[chosen] == 4).mean() == pytest.approx(0.8, abs=0.02)
    kept = (masked[chosen] == ids[chosen]).mean()
    assert kept == pytest.approx(0.1 + 0.1 / 45, abs=0.02)


def test_slices_hold_every_text_once_within_the_budget() -> None:
    lengths = np.random.default_rng(1).integers(1, 40, 200).tolist()
    slices = cut_mini_batches(lengths, 128)
    assert sorted(np.concatenate(slices).tolist()) == list(range(200))
    for members in slices:
        assert len(members) == 1 or max(lengths[i] for i in members) * len(members) <= 128
    padding = sum(len(m) * max(lengths[i] for i in m) for m in slices) / sum(lengths)
    assert padding < 1.15


def test_missing_weights_are_an_error(model_folder: Folders, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(model_folder(), folder)
    weights = load_file(folder / "model.safetensors")
    name = "bert.encoder.layer.1.output.dense.weight"
    save_file({k: v for k, v in weights.items() if k != name}, folder / "model.safetensors")
    for mlm in (False, True):
        with pytest.raises(CheckpointError, match="weights are missing"):
            Backbone.load(folder, mlm=mlm)


def test_an_encoder_without_mlm_head_says_so(model_folder: Folders, tmp_path: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(model_folder()).save_pretrained(tmp_path)
    Backbone.load(model_folder()).tokenizer.save_pretrained(tmp_path)
    assert Backbone.load(tmp_path, mlm=True).mlm_head is None
    assert Backbone.load(model_folder(), mlm=True).mlm_head is not None


def _truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _foreign_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "mine.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text("raise SystemExit('code from a checkpoint was run')")


def _other_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))


def _no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def _bad_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_truncate, "can't be loaded"),
        (_pickle, "can run code"),
        (_foreign_code, "can't be loaded"),
        (_other_width, "can't be loaded"),
        (_no_tokenizer, "has no tokeniser"),
        (_bad_json, "can't be loaded"),
    ],
)
def test_broken_checkpoints(
    model_folder: Folders, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    spoil(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        Backbone.load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_no_such_encoder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for name, message in [
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "file", "this is a file"),
        (tmp_path / "empty", "config.json"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            locate_encoder(name)


def test_a_folder_with_the_name_of_a_bundled_encoder_is_told_of(
    model_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inside = locate_encoder("crosszero-mini")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model_folder(), "crosszero-mini")
    assert not caplog.records
    for _ in range(2):
        assert locate_encoder("crosszero-mini") == inside
    assert Reading(encoder="crosszero-mini").folder == []
    assert caplog.text.count("write ./crosszero-mini") == len(caplog.records) == 1
    assert Path(locate_encoder("./crosszero-mini")).samefile(tmp_path / "crosszero-mini")
    assert Reading(encoder="./crosszero-mini").folder == [Path("crosszero-mini")]
    monkeypatch.chdir(Path(inside).parent)
    assert locate_encoder("crosszero-mini") == inside
    assert len(caplog.records) == 1


def test_layer_and_length_out_of_range(model_folder: Folders) -> None:
    with pytest.raises(ConfigError, match="1 to 3"):
        Encoder.load(model_folder(), layer=4).encode(["the"])
    with pytest.raises(ConfigError, match="3 to 64"):
        Encoder.load(model_folder(), max_length=65)


def test_encoder_decoders_are_refused(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    from tests.conftest import make_tokenizer

    tokenizer = make_tokenizer()
    config = T5Config(
        vocab_size=len(tokenizer), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2
    )
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for mlm in (False, True):
        with pytest.raises(CheckpointError, match="an encoder is needed"):
            Backbone.load(tmp_path, mlm=mlm)


def _set(**values: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | values))

    return spoil


def _odd_tokenizer(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["type"] = "Nope"
    (folder / "tokenizer.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "spoil",
    [
        _odd_tokenizer,
        _set(num_attention_heads=0),
        _set(hidden_size="big"),
        _set(model_type="nonsense"),
        _set(vocab_size=3),
    ],
)
def test_configurations_that_make_no_sense(
    model_folder: Folders, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    spoil(folder)
    with pytest.raises(CheckpointError) as caught:
        Backbone.load(folder, mlm=True)
    assert "\n" not in str(caught.value)


def test_one_text_or_many(model_folder: Folders) -> None:
    encoder = Encoder.load(model_folder())
    many = encoder.encode(TEXTS)
    assert encoder.dimension == many.shape[1] == 16
    np.testing.assert_array_equal(encoder.encode(TEXTS[0]), encoder.encode(TEXTS[:1])[0])
    np.testing.assert_array_equal(encoder.encode(tuple(TEXTS)), many)
    np.testing.assert_array_equal(encoder.encode(np.asarray(TEXTS)), many)  # type: ignore[arg-type]
    assert encoder.encode([]).shape == (0, 16)
    with pytest.raises(TypeError, match="text 1 is NoneType"):
        encoder.encode(["the cat", None])  # type: ignore[list-item]
    with pytest.raises(DataError, match=r"text 1: U\+D800 is half of a surrogate pair"):
        encoder.encode(["the cat", "a \ud800"])
    with pytest.raises(DataError, match="half of a surrogate pair"):
        encoder.align("the cat", "a \ud800")
    with pytest.raises(ValueError, match="lists of spans given for 2 texts"):
        encoder.encode_words(["the", "cat"], [[(0, 3)]])


def test_texts_without_tokens_are_counted_once_for_all_blocks(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("crosszero.model.inference.BLOCK", 2)
    with caplog.at_level("WARNING", logger="crosszero"):
        vectors = Encoder.load(model_folder()).encode(["", "the cat", "", "the sea", ""])
    assert [bool(row.any()) for row in vectors] == [False, True, False, True, False]
    assert [record.getMessage()[:17] for record in caplog.records] == ["3 texts are empty"]

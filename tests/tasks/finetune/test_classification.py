"""Sentence pairs: how they are read, that they are learnt, and what is kept."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from crosszero.errors import CheckpointError, ConfigError, DataError, TrainingError
from crosszero.model.backbone import Backbone
from crosszero.samples.gold import read_hashes, write_hashes
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.finetune.classification import Classifier, encode_pairs, fine_tune_classifier
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.finetune.features import cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head
from crosszero.tasks.finetune.loop import _make_arguments, _MiniBatchTrainer, train_best
from crosszero.tasks.finetune.losses import plain_loss
from crosszero.tasks.finetune.tagging import Tagger
from tests.conftest import ARCHITECTURES
from tests.tasks.helpers import write

ModelFolder = Callable[..., Path]
FAST = FineTuneConfig(learning_rate=5e-3, steps=60, max_length=24, eval_every=20, batch_size=16)
FILLERS = ["the", "house", "red", "cat", "temps", "est"]


def make_pairs(count: int, seed: int = 0) -> list[SentencePairExample]:
    """Pairs of sentences whose label hangs on one word of the second."""
    draw = random.Random(seed)
    pairs = []
    for number in range(count):
        key, label = (("good", "yes"), ("bad", "no"))[number % 2]
        first, second = (draw.choices(FILLERS, k=draw.randint(1, 5)) for _ in range(2))
        second.insert(draw.randint(0, len(second)), key)
        pairs.append(SentencePairExample(" ".join(first), " ".join(second), label))
    return pairs


def make_task(folder: Path, config: FineTuneConfig = FAST) -> TaskModel:
    torch.manual_seed(0)
    return add_head(folder, "classification", ["no", "yes"], config)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_simple_task_is_learnt(model_folder: ModelFolder, tmp_path: Path, kind: str) -> None:
    config = FineTuneConfig(
        learning_rate=1e-2, steps=80, max_length=40, eval_every=20, batch_size=16
    )
    train, test = make_pairs(200), make_pairs(40, seed=1)
    folder = model_folder(kind)
    classifier = fine_tune_classifier(folder, train, train[:40], config, out=tmp_path / "out")
    predicted = classifier.predict(test)
    assert sum(p == e.label for p, e in zip(predicted, test, strict=True)) >= 38


def test_a_pair_is_start_first_separator_second_separator(model_folder: ModelFolder) -> None:
    task = make_task(model_folder())
    feature = encode_pairs([SentencePairExample("the cat", "le chat est", "yes")], task)[0]
    tokens = task.tokenizer.convert_ids_to_tokens(feature.ids.tolist())
    assert tokens == ["[CLS]", "the", "cat", "[SEP]", "le", "chat", "est", "[SEP]"]
    assert feature.segments.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert feature.labels == 1


def test_the_longer_sentence_is_cut(model_folder: ModelFolder) -> None:
    task = make_task(model_folder(), FineTuneConfig(max_length=9))
    feature = encode_pairs([SentencePairExample("the " * 20, "le chat", "no")], task)[0]
    tokens = task.tokenizer.convert_ids_to_tokens(feature.ids.tolist())
    assert tokens == ["[CLS]", *["the"] * 4, "[SEP]", "le", "chat", "[SEP]"]


def test_segments_are_given_only_where_the_model_has_them(model_folder: ModelFolder) -> None:
    for kind in ARCHITECTURES:
        task = make_task(model_folder(kind))
        features = encode_pairs(make_pairs(3), task)
        inputs = next(cut_features(features, task)).inputs
        has = getattr(task.model.config, "type_vocab_size", 0) > 1
        assert ("token_type_ids" in inputs) == has, kind
        assert kind != "bert" or has


def test_the_weights_are_those_of_the_encoder(model_folder: ModelFolder) -> None:
    for name in (*map(model_folder, ARCHITECTURES), "crosszero-mini"):
        task = make_task(name)  # type: ignore[arg-type]
        there = task.model.base_model.state_dict()
        weights = Backbone.load(name).base.state_dict()
        shared = [key for key in weights if "pooler" not in key]
        assert len(shared) >= 20
        for key in shared:
            assert there[key].dtype == torch.float32
            assert torch.equal(there[key], weights[key]), key


def test_the_seed_decides_the_weights(model_folder: ModelFolder, tmp_path: Path) -> None:
    pairs, weights = make_pairs(60), []
    for number, seed in enumerate((1, 1, 2)):
        config = FineTuneConfig(learning_rate=1e-3, steps=6, max_length=24, seed=seed)
        torch.manual_seed(number)  # what the caller does does not matter
        fine_tune_classifier(model_folder(), pairs, pairs, config, out=tmp_path / str(number))
        weights.append(load_file(tmp_path / str(number) / "model.safetensors"))
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not torch.equal(weights[0]["classifier.weight"], weights[2]["classifier.weight"])


def test_the_callers_randomness_is_left_alone(model_folder: ModelFolder, tmp_path: Path) -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    fine_tune_classifier(
        model_folder(),
        make_pairs(8),
        make_pairs(8),
        FineTuneConfig(steps=1, max_length=24),
        out=tmp_path / "out",
    )
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()  # type: ignore[index]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.5, 0.7, 0.7, 0.6], 4),  # equal is not better
        ([0.5, 0.7, 0.6, 0.9], 7),  # the final model counts too
        ([0.0, 0.0, 0.0, 0.0], 2),
        ([float("nan"), 0.1, 0.1, 0.1], 4),
    ],
)
def test_the_best_model_is_kept(
    model_folder: ModelFolder, tmp_path: Path, scores: list[float], best: int
) -> None:
    task, out = make_task(model_folder()), tmp_path / "out"
    seen: list[torch.Tensor] = []

    def score() -> float:
        seen.append(task.model.classifier.weight.detach().clone())
        return scores[len(seen) - 1]

    config = FineTuneConfig(learning_rate=1e-2, steps=7, eval_every=2, max_length=24)
    train_best(
        task,
        encode_pairs(make_pairs(64), task),
        loss=plain_loss,
        score=score,
        config=config,
        out=out,
        described={"kind": "classification"},
    )
    written = json.loads((out / "finetune.json").read_text())
    assert written["best_step"] == best
    assert [s["step"] for s in written["scores"]] == [2, 4, 6, 7]
    place = [2, 4, 6, 7].index(best)
    assert torch.equal(load_file(out / "model.safetensors")["classifier.weight"], seen[place])
    assert not torch.equal(seen[place], seen[place - 1])


def test_no_score_is_an_error(model_folder: ModelFolder, tmp_path: Path) -> None:
    task = make_task(model_folder())
    with pytest.raises(TrainingError, match="no score"):
        train_best(
            task,
            encode_pairs(make_pairs(8), task),
            loss=plain_loss,
            score=lambda: float("nan"),
            config=FineTuneConfig(steps=1, max_length=24),
            out=tmp_path / "out",
            described={},
        )


def test_slices_do_not_change_the_gradient(model_folder: ModelFolder, tmp_path: Path) -> None:
    gradients = []
    for budget in (4096, 60):
        config = FineTuneConfig(max_length=24, mini_batch_num_tokens=budget)
        task = make_task(model_folder(dropout=0.0), config)
        features = encode_pairs(make_pairs(11), task)
        arguments = _make_arguments(config, tmp_path / "out")
        trainer = _MiniBatchTrainer(task, features, plain_loss, config, arguments)
        trainer.create_optimizer()
        loss = trainer.training_step(task.model, {"features": features})
        table = task.model.get_input_embeddings().weight.grad  # type: ignore[union-attr]
        gradients.append((loss, table.clone(), task.model.classifier.weight.grad.clone()))
    for whole, cut in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, cut)


def test_training_is_what_plain_torch_does(model_folder: ModelFolder, tmp_path: Path) -> None:
    """All examples in each step, no mini-batches, torch's own gradient of the embeddings."""
    config = FineTuneConfig(
        learning_rate=1e-3, steps=4, batch_size=11, max_length=24, mini_batch_num_tokens=60,
        weight_decay=0.1,
    )  # fmt: skip
    pairs, folder = make_pairs(11), model_folder(dropout=0.0)
    task, plain = make_task(folder, config), make_task(folder, config)
    train_best(
        task, encode_pairs(pairs, task), loss=plain_loss, score=lambda: 1.0, config=config,
        out=tmp_path / "out", described={},
    )  # fmt: skip
    (whole,) = cut_features(encode_pairs(pairs, plain), plain)
    matrices = [p for p in plain.model.parameters() if p.dim() > 1]
    others = [p for p in plain.model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.1, fused=False, foreach=False)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step / config.steps)
        optimizer.zero_grad()
        plain_loss(plain.model.train(), whole.inputs, whole.labels).backward()
        torch.nn.utils.clip_grad_norm_(plain.model.parameters(), config.max_grad_norm)
        optimizer.step()
    before, after = make_task(folder, config).model.state_dict(), task.model.state_dict()
    for name, weight in plain.model.state_dict().items():
        torch.testing.assert_close(after[name], weight, atol=2e-5, rtol=1e-4)
        assert not torch.equal(before[name], weight) or "position" in name


def test_nothing_is_written_elsewhere_and_nothing_is_printed(
    model_folder: ModelFolder,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    fine_tune_classifier(
        model_folder(), make_pairs(40), make_pairs(8), FAST, out=tmp_path / "runs" / "one"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]
    names = {path.name for path in (tmp_path / "runs" / "one").iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "finetune.json"}
    assert all(name.endswith((".json", ".safetensors")) for name in names)
    assert capfd.readouterr() == ("", "")


def test_a_saved_model_predicts_the_same(model_folder: ModelFolder, tmp_path: Path) -> None:
    out, pairs = tmp_path / "out", make_pairs(30)
    classifier = fine_tune_classifier(model_folder(), pairs, pairs, FAST, out=out)
    again = Classifier.load(out)
    assert again.task.labels == ("no", "yes")
    assert again.task.max_length == 24
    assert again.predict(pairs) == classifier.predict(pairs)
    assert again.predict([]) == []
    model = AutoModelForSequenceClassification.from_pretrained(out)
    assert model.config.id2label == {0: "no", 1: "yes"}
    Backbone.load(out)  # an ordinary encoder too
    saved = Tokenizer.from_file(str(out / "tokenizer.json"))
    assert (saved.truncation, saved.padding) == (None, None)  # not those of the last batch


def test_gold_that_an_encoder_was_trained_on_is_remembered(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    """A fine-tuned model is an encoder, too: word alignment must not be measured on that gold."""
    encoder, hashes = model_folder(), frozenset(["a1", "b2"])
    write_hashes(hashes, encoder)
    pairs = make_pairs(30)
    fine_tune_classifier(encoder, pairs, pairs, FAST, out=tmp_path / "out")
    assert read_hashes(tmp_path / "out") == hashes
    fine_tune_classifier(tmp_path / "out", pairs, pairs, FAST, out=tmp_path / "next")
    assert read_hashes(tmp_path / "next") == hashes


def test_a_label_that_cannot_be_learnt_is_told(
    model_folder: ModelFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = find_task("xnli")
    config = task.make_config(steps=1, max_length=32)
    for name, labels in (
        ("all", ["entailment", "contradiction", "neutral"]),
        ("two", ["entailment", "contradiction", "entailment"]),
    ):
        for split in ("train", "dev"):
            lines = [f"king {n}\thouse\t{label}" for n, label in enumerate(labels)]
            write(tmp_path / name / f"xnli/{split}-en.tsv", lines)
        caplog.clear()
        task.fine_tune(model_folder(), tmp_path / name, config, tmp_path / f"{name}-model")
        told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert [line for line in told if "never predicts" in line] == [
            f"{tmp_path}/two/xnli/train-en.tsv has no example of neutral: a model that learns from "
            "it never predicts that"
        ] * (name == "two")


def test_noisy_copies_vote(model_folder: ModelFolder, tmp_path: Path) -> None:
    pairs = make_pairs(30)
    classifier = fine_tune_classifier(model_folder(), pairs, pairs, FAST, out=tmp_path / "out")
    plain = classifier.predict(pairs)
    assert classifier.predict(pairs, votes=3, radius=0.0) == plain
    noisy = classifier.predict(pairs, votes=3, radius=20.0)
    assert noisy == classifier.predict(pairs, votes=3, radius=20.0)
    assert noisy != plain


def test_half_precision_is_taken(model_folder: ModelFolder, tmp_path: Path) -> None:
    weights = []
    for precision in ("fp32", "bf16"):
        config = FineTuneConfig(steps=2, max_length=24, precision=precision)  # type: ignore[arg-type]
        pairs, out = make_pairs(8), tmp_path / precision
        fine_tune_classifier(model_folder(), pairs, pairs, config, out=out)
        weights.append(load_file(out / "model.safetensors")["classifier.weight"])
    assert weights[0].dtype == weights[1].dtype == torch.float32  # the products alone are rounded
    assert not torch.equal(*weights)
    torch.testing.assert_close(*weights, atol=2e-4, rtol=0)


def test_embeddings_can_be_left_as_they_are(model_folder: ModelFolder, tmp_path: Path) -> None:
    before = Backbone.load(model_folder()).base
    for frozen in (True, False):
        config = FineTuneConfig(
            learning_rate=1e-2, steps=3, max_length=24, freeze_embeddings=frozen
        )
        pairs, out = make_pairs(8), tmp_path / str(frozen)
        after = fine_tune_classifier(model_folder(), pairs, pairs, config, out=out).task.model
        one, other = (x.get_input_embeddings().weight for x in (after, before))
        assert torch.equal(one, other) == frozen
        name = "encoder.layer.0.output.dense.weight"
        assert not torch.equal(after.base_model.state_dict()[name], before.state_dict()[name])


def test_precision_is_tried_and_progress_is_told(
    model_folder: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("crosszero.model.precision._is_faster", lambda *_: True)
    monkeypatch.setattr("crosszero.tasks.finetune.loop._PAUSE", 0.0)
    config = FineTuneConfig(steps=3, max_length=24, precision="auto")
    with caplog.at_level(logging.INFO, logger="crosszero"):
        pairs = make_pairs(8)
        fine_tune_classifier(model_folder(), pairs, pairs, config, out=tmp_path / "auto")
    assert re.search(r"step 1 of 3: loss 0\.\d+, 1 min left", caplog.text)
    other = FineTuneConfig(steps=3, max_length=24, precision="bf16")
    fine_tune_classifier(model_folder(), pairs, pairs, other, out=tmp_path / "bf16")
    one, two = (load_file(tmp_path / x / "model.safetensors") for x in ("auto", "bf16"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_loss_that_is_not_finite_stops_the_run(model_folder: ModelFolder, tmp_path: Path) -> None:
    config = FineTuneConfig(learning_rate=1e30, steps=5, max_length=24)
    with pytest.raises(TrainingError, match=r"step \d: the loss is"):
        fine_tune_classifier(
            model_folder(), make_pairs(8), make_pairs(8), config, out=tmp_path / "out"
        )


def test_what_cannot_work_is_told_in_a_line(model_folder: ModelFolder, tmp_path: Path) -> None:
    def run(train: Any, dev: Any, config: FineTuneConfig = FAST, out: str = "new") -> None:
        fine_tune_classifier(model_folder(), train, dev, config, out=tmp_path / out)

    pairs = make_pairs(4)
    with pytest.raises(DataError, match="dev: there are no examples"):
        run(pairs, [])
    with pytest.raises(DataError, match="train: example 5 has no label"):
        run([*pairs, SentencePairExample("a", "the")], pairs)
    with pytest.raises(DataError, match="all examples have the label 'yes'"):
        run(pairs[::2], pairs)
    with pytest.raises(ConfigError, match="takes 3 to 64"):
        run(pairs, pairs, FineTuneConfig())
    with pytest.raises(ConfigError, match="a pair takes 5"):
        run(pairs, pairs, FineTuneConfig(max_length=4))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        run(pairs, pairs, out="full")
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"
    with pytest.raises(CheckpointError, match="was not fine-tuned by crosszero"):
        Classifier.load(model_folder())
    run(pairs, pairs, FineTuneConfig(steps=1, max_length=24))
    with pytest.raises(CheckpointError, match="fine-tuned for classification, not for tagging"):
        Tagger.load(tmp_path / "new")

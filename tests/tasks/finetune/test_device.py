"""Fine-tuning on a device of its own: the CPU's losses and labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosszero.tasks.finetune.classification import Classifier, _encode_training
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.finetune.features import Feature, cut_features
from crosszero.tasks.finetune.heads import TaskModel, add_head
from crosszero.tasks.finetune.losses import Loss, make_loss, plain_loss
from crosszero.tasks.finetune.tagging import Tagger, encode_sentences
from tests.emulated_device import DEVICE, emulated_device

Folders = Callable[..., Path]
PAIRS = [
    SentencePairExample("the king sees", "le roi voit", "yes"),
    SentencePairExample("the red house", "le chat", "no"),
    SentencePairExample("good weather today", "bon temps", "yes"),
]
ROWS = [
    TaggedSentence(("king", "sees"), ("NOUN", "VERB")),
    TaggedSentence(("sea",), ("NOUN",)),
]


def make_task(folder: Path, kind: str, config: FineTuneConfig) -> TaskModel:
    """The same weights each time, without dropout."""
    torch.manual_seed(1)
    labels = ["no", "yes"] if kind == "classification" else ["NOUN", "VERB"]
    return add_head(folder, kind, labels, config)


def take_step(task: TaskModel, features: list[Feature], loss: Loss) -> tuple[float, torch.Tensor]:
    """The loss of all examples, and its gradient."""
    task.model.train()
    torch.manual_seed(2)
    total = 0.0
    for part in cut_features(features, task, budget=40):
        value = loss(task.model, part.inputs, part.labels)
        value.backward()
        total += float(value.detach())
    gradients = [p.grad for p in task.model.parameters() if p.grad is not None]
    return total, torch.cat([gradient.flatten() for gradient in gradients]).cpu()


def compare(task: TaskModel, run: Callable[[TaskModel], Any]) -> list[Any]:
    """What `run` gives on the CPU, then on the device."""
    found = [run(task)]
    task.model.zero_grad()
    with emulated_device():
        moved = replace(task, model=task.model.to(DEVICE))
        found.append(run(moved))
    return found


@pytest.mark.parametrize("robust", ["none", "synonyms", "adversarial", "smoothing", "ear"])
def test_a_classifier_learns_on_a_device_what_it_learns_on_the_cpu(
    robust: str, model_folder: Folders, tmp_path: Path
) -> None:
    table = tmp_path / "synonyms.json"
    table.write_text(json.dumps({"red": ["old", "new"], "king": ["cat"]}))
    config = FineTuneConfig(robust=robust, synonyms=str(table), max_length=32)
    task = make_task(model_folder("bert", dropout=0.0), "classification", config)
    features = _encode_training(PAIRS, task, config)

    def run(task: TaskModel) -> tuple[float, torch.Tensor, list[str]]:
        result = take_step(task, features, make_loss(config, task))
        return *result, Classifier(task).predict(PAIRS), Classifier(task).predict(PAIRS, votes=4)

    (loss, gradient, *labels), (other, moved, *others) = compare(task, run)
    assert loss == pytest.approx(other, abs=1e-5)
    assert np.allclose(gradient, moved, atol=1e-5)
    assert labels == others


def test_a_tagger_learns_on_a_device_what_it_learns_on_the_cpu(model_folder: Folders) -> None:
    config = FineTuneConfig(max_length=32)
    task = make_task(model_folder("bert", dropout=0.0), "tagging", config)
    features = [chunk.feature for chunk in encode_sentences(ROWS, task)]

    def run(task: TaskModel) -> tuple[float, torch.Tensor, list[tuple[str, ...]]]:
        return *take_step(task, features, plain_loss), Tagger(task).predict(ROWS)

    (loss, gradient, tags), (other, moved, others) = compare(task, run)
    assert loss == pytest.approx(other, abs=1e-5)
    assert np.allclose(gradient, moved, atol=1e-5)
    assert tags == others

"""The recipes for word aligners fit their encoders, and what was measured; one runs cut small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.experiment.engine import run_experiment
from crosszero.experiment.recipes import locate_recipe, read_experiment
from crosszero.experiment.settings import ExperimentConfig
from crosszero.model.word_layers import KNOWN
from crosszero.training.train_config import TrainConfig


def read_training(recipe: ExperimentConfig, system: str) -> TrainConfig:
    found = recipe.training(system, 1)
    assert found is not None
    return found


def test_the_recipe_for_any_encoder_is_the_training_that_was_measured() -> None:
    ours, e5 = (read_experiment(locate_recipe(name)) for name in ("aligner", "e5-aligner"))
    trained, measured = read_training(ours, "after"), read_training(e5, "split")
    differ = {"checkpoint_minutes", "checkpoint_every"}
    for name, value in vars(measured).items():
        assert name in differ or getattr(trained, name) == value, name
    assert ours.words == e5.words


@pytest.mark.parametrize(
    ("system", "source"), [("LaBSE", "LaBSE"), ("mBERT", "mBERT"), ("mmBERT", "mmBERT base")]
)
def test_words_are_trained_at_the_layer_that_is_known(system: str, source: str) -> None:
    suite = read_experiment(locate_recipe("aligner-hub"))
    (known,) = (known for known in KNOWN if known.source.startswith(f"{source}:"))
    training = read_training(suite, f"{system}-split")
    assert (training.level, training.layers.sentence) == ("split", "last")
    assert training.layers.word == known.layer
    assert (training.anchor_weight > 0) == (system == "LaBSE")
    assert suite.start_of(system, 1) == suite.start_of(f"{system}-split", 1)
    assert suite.words == read_experiment(locate_recipe("aligner")).words


@pytest.mark.parametrize("name", ["aligner", "aligner-hub"])
def test_a_recipe_for_aligners_runs_cut_small(
    name: str, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Its own settings but for the model, the text and sizes."""
    words = [
        ("cat", "Katze"),
        ("dog", "Hund"),
        ("king", "König"),
        ("house", "Haus"),
        ("sea", "Meer"),
    ]
    pairs = [(f"{a} {c} {e}", f"{b} {d} {f}") for a, b in words for c, d in words for e, f in words]
    for side, code in enumerate(("en", "de")):
        text = "".join(f"{pair[side]}\n" for pair in pairs)
        (tmp_path / f"corpus.{code}").write_text(text, encoding="utf-8")
    changes = [
        f"encoder={model_folder()}", f"out={tmp_path}/out", "prepare.hold_out=20",
        f"bitext=[{{path: [{tmp_path}/corpus.en, {tmp_path}/corpus.de], languages: [en, de]}}]",
        "train.steps=2", "train.batch_size=4", "train.precision=fp32", "page=false",
        "train.max_length=32", "max_length=32",
    ]  # fmt: skip
    if name == "aligner":
        changes.append("train.layers.word=1")
    else:
        systems = {"mBERT": "{}", "mBERT-split": "{train: {layers: {sentence: last, word: 1}}}"}
        changes.append("systems={" + ", ".join(f"{k}: {v}" for k, v in systems.items()) + "}")
    results = run_experiment(read_experiment(locate_recipe(name), changes))
    measured = {(record.system, record.task) for record in results.records}
    assert len(measured) == 4
    assert {task for _, task in measured} == {"sentence-retrieval", "word-retrieval"}

"""Settings: XTREME's numbers, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from crosszero.config import build, to_dict
from crosszero.errors import ConfigError
from crosszero.tasks.finetune.config import FineTuneConfig
from tests.tasks.helpers import find_fine_tuned


def make_config(task: str, **changes: Any) -> FineTuneConfig:
    return find_fine_tuned(task).make_config(**changes)


@pytest.mark.parametrize(
    ("task", "epochs", "every", "seed"),
    [("xnli", 5, 100, 42), ("pawsx", 5, 200, 42), ("udpos", 10, 500, 1), ("panx", 10, 1000, 1)],
)
def test_defaults_are_those_of_xtreme(task: str, epochs: int, every: int, seed: int) -> None:
    config = make_config(task)
    assert (config.epochs, config.eval_every, config.seed) == (epochs, every, seed)
    assert (config.learning_rate, config.batch_size, config.max_length) == (2e-5, 32, 128)
    assert (config.adam_epsilon, config.weight_decay, config.warmup) == (1e-8, 0, 0)
    assert (config.max_grad_norm, config.robust, config.precision) == (1.0, "none", "fp32")


def test_a_setting_can_be_changed() -> None:
    config = make_config("panx", seed=3, epochs=1.0)
    assert (config.seed, config.epochs, config.eval_every) == (3, 1.0, 1000)
    assert build(FineTuneConfig, to_dict(config)) == config


def test_values_are_read_as_yaml_writes_them() -> None:
    config = make_config("xnli", learning_rate="2e-5", epochs=3)
    assert config.learning_rate == 2e-5
    assert isinstance(config.epochs, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": "fast"}, "learning_rate: 'fast' given; a number is needed"),
        ({"epochs": None}, "epochs: None given; a number is needed"),
        ({"batch_size": 1.5}, "batch_size: 1.5 given; a whole number is needed"),
        ({"steps": 2.5}, "steps: 2.5 given; a whole number is needed"),
        ({"seed": True}, "seed: True given; a whole number is needed"),
        ({"ear_radius": 0.5}, "name their file in 'synonyms'"),
        ({"stps": 2}, "unknown setting 'stps': did you mean 'steps'"),
    ],
)
def test_values_of_the_wrong_type_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config("xnli", **values)


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 0.0},
        {"epochs": 0.0},
        {"batch_size": 0},
        {"warmup": 1.0},
        {"seed": -1},
        {"adversarial_steps": 0},
        {"ear_embedding_weight": float("inf")},
        {"ear_layer": 0},
        {"copies": 0},
        {"synonyms": "", "robust": "ear"},
        {"robust": "adversary"},
        {"precision": "fp16"},
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        FineTuneConfig(**values)

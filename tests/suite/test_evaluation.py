"""One encoder on one task: its settings, its data, and the name of the model that is fine-tuned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.errors import ConfigError
from crosszero.files import make_key
from crosszero.finetune import FineTuneConfig
from crosszero.suite.cache import hash_encoder
from crosszero.suite.evaluation import Bench, locate_model, settings_of

Folders = Callable[..., Path]


def test_settings_may_be_text_as_yaml_reads_them(tmp_path: Path) -> None:
    changes = {"learning_rate": "2e-5", "steps": 3}
    bench = Bench(data=tmp_path, out=tmp_path, fine_tune={"xnli": changes}, seed=7)
    assert settings_of("xnli", bench) == FineTuneConfig.for_task("xnli", steps=3, seed=7)
    assert settings_of("panx", bench) == FineTuneConfig.for_task("panx", seed=7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": None}, "epochs: a number is needed, given None"),
        ({"batch_size": 1.5}, "batch_size: a whole number is needed, given 1.5"),
        ({"steps": 2.5}, "steps: a whole number is needed, given 2.5"),
        ({"learning_rate": "2e-x"}, "learning_rate: a number is needed, given '2e-x'"),
        ({"learning_rate": 0}, "learning_rate: 0.0 given; it must be above 0"),
        ({"stps": 2}, "unknown setting 'stps': did you mean 'steps'"),
        ({"robust": ["ear"]}, r"robust: \['ear'\] given"),
    ],
)
def test_settings_of_the_wrong_type_are_told(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    bench = Bench(data=tmp_path, out=tmp_path, fine_tune={"xnli": change})
    with pytest.raises(ConfigError, match=f"fine_tune: xnli: {message}"):
        settings_of("xnli", bench)


def test_a_fine_tuned_model_is_named_by_encoder_settings_and_english_data(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    encoder = model_folder()
    changes = {"epochs": 1, "learning_rate": 1e-3}
    bench = Bench(data=xtreme, out=tmp_path, fine_tune={"panx": changes})
    config = {**dataclasses.asdict(FineTuneConfig.for_task("panx")), **changes}
    assert config["epochs"] == 1
    assert isinstance(config["epochs"], int)  # 1, not 1.0: names of models that are there stay
    files = [xtreme / "panx/train-en.tsv", xtreme / "panx/dev-en.tsv"]
    key = make_key({"encoder": hash_encoder(encoder), "config": config}, files)
    assert locate_model(encoder, "panx", bench) == tmp_path / "models" / f"panx-{key[:16]}"
    other = dataclasses.replace(bench, seed=2)
    assert locate_model(encoder, "panx", other) != locate_model(encoder, "panx", bench)

"""A training that was stopped within a suite; tests/reliability kills whole suites."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.config import build
from crosszero.experiment.engine import run_experiment
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import find_run
from crosszero.training import loop

Folders = Callable[..., Path]


@pytest.fixture
def suite(xtreme: Path, model_folder: Folders, store_folder: Folders, tmp_path: Path) -> Any:
    values = {
        "name": "small",
        "out": str(tmp_path / "killed"),
        "encoder": str(model_folder()),
        "samples": str(store_folder(60)),
        "data": str(xtreme),
        "tasks": ["tatoeba", "pawsx"],
        "seeds": [1],
        "train": {"steps": 10, "checkpoint_every": 3, "log_every": 1, "batch_size": 8,
                  "max_length": 32, "precision": "fp32", "learning_rate": 1e-3},
        "systems": {"CZ": {"train": {}}},
        "fine_tune": {"pawsx": {"steps": 10, "eval_every": 2, "batch_size": 8, "max_length": 32,
                                "learning_rate": 1e-3}},
        "max_length": 32,
        "page": False,
    }  # fmt: skip
    return build(ExperimentConfig, values)


def test_a_training_stopped_before_its_first_checkpoint_begins_again(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = dataclasses.replace(
        suite, tasks=["tatoeba"], train={**suite.train, "steps": 3, "checkpoint_every": 0}
    )

    def stop(run: Any, batch: Any, step: int) -> Any:
        if step == 1:
            raise KeyboardInterrupt
        return take_step(run, batch, step)

    take_step = loop._take_step
    monkeypatch.setattr(loop, "_take_step", stop)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(suite)
    monkeypatch.setattr(loop, "_take_step", take_step)
    assert len(run_experiment(suite).records) == 1
    run = find_run(suite, "CZ", 1)
    assert run is not None
    lines = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines == [1, 2, 3]

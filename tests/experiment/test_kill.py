"""kill -9 in the middle of a suite: started again, it gives the table of an uninterrupted run."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.config import build
from crosszero.experiment.engine import run_experiment
from crosszero.experiment.records import read_record
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


SCRIPT = """
import sys, time
from pathlib import Path
from crosszero.cli import main
from crosszero.tasks.finetune.loop import _Best
from crosszero.training import loop

where, marker, recipe = sys.argv[1:]
take_step, consider = loop._take_step, _Best._consider

def wait_for_death():
    Path(marker).touch()
    time.sleep(600)

def step(run, batch, number, random):
    if where == "training" and number == 7:
        wait_for_death()
    return take_step(run, batch, number, random)

def score(self, number):
    consider(self, number)
    if where == "fine-tuning" and number == 6:
        wait_for_death()

loop._take_step, _Best._consider = step, score
main(["run", recipe])
"""


def test_a_suite_that_was_killed_gives_the_same_table(
    suite: ExperimentConfig, tmp_path: Path
) -> None:
    out = Path(suite.out)
    (tmp_path / "suite.yaml").write_text(json.dumps(dataclasses.asdict(suite)))
    kill_in("training", tmp_path)
    (run,) = out.glob("encoders/CZ-1-*")
    assert list(run.glob("checkpoints/*"))
    assert not (run / "config.json").exists()
    kill_in("fine-tuning", tmp_path)
    (model,) = out.glob("runs/CZ-1/models/*")
    assert (model / "model.safetensors").exists()  # the best so far: not the model to measure
    found = run_experiment(suite).records
    whole = run_experiment(dataclasses.replace(suite, out=str(tmp_path / "whole"))).records
    assert [record.scores for record in found] == [record.scores for record in whole]
    keys = {read_record(path).key for path in (out / "records").iterdir()}
    assert keys == {record.key for record in whole}
    for pattern in ("encoders/*/metrics.jsonl", "runs/CZ-1/models/*/finetune.json"):
        logs = [next(folder.glob(pattern)) for folder in (out, tmp_path / "whole")]
        assert list_numbers(logs[0]) == list_numbers(logs[1])


def list_numbers(path: Path) -> list[float]:
    """The losses of a training, or the scores of a fine-tuning."""
    if path.suffix == ".jsonl":
        return [json.loads(line)["loss"] for line in path.read_text().splitlines()]
    return [row["score"] for row in json.loads(path.read_text())["scores"]]


def kill_in(where: str, folder: Path) -> None:
    """Run the suite in a process of its own and kill it in the middle of something."""
    import torch

    marker = folder / f"in-{where}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),  # other threads, other last digits
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, where, str(marker), str(folder / "suite.yaml")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while not marker.exists():
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()


def test_a_training_stopped_before_its_first_checkpoint_begins_again(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = dataclasses.replace(
        suite, tasks=["tatoeba"], train={**suite.train, "steps": 3, "checkpoint_every": 0}
    )

    def stop(run: Any, batch: Any, step: int, random: Any) -> Any:
        if step == 1:
            raise KeyboardInterrupt
        return take_step(run, batch, step, random)

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

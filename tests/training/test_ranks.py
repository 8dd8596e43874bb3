"""Several processes: two gloo processes do what one does, and end together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from crosszero.errors import CheckpointError, ConfigError
from crosszero.samples.store import SampleStore
from crosszero.training.loop import train
from crosszero.training.metrics import read_metrics
from crosszero.training.ranks import Ranks
from crosszero.training.setup import prepare_run
from crosszero.training.train_config import TrainConfig
from tests.training.rank_worker import CASES, LORA, MESSAGE, TRAIN, WORDS, find_gradients

Folders = Callable[..., Path]


def launch(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that starts processes of one thread each, which find these tests."""
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def pair(
    model_folder: Folders, store_folder: Folders, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """Launch two processes; what they wrote and what they said."""
    out = tmp_path_factory.mktemp("ranks")
    folders = [model_folder(dropout=0.0), model_folder(), store_folder(40)]
    folders += [store_folder(40, multiway=True), out]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "tests.training.rank_worker", *map(str, folders)]
    done = launch(command)
    assert (out / "all was well").exists(), done.stderr
    assert done.returncode != 0
    return out, done.stderr


@pytest.mark.parametrize("name", [*CASES, "one has none"])
def test_two_processes_give_the_gradients_of_one(
    pair: tuple[Path, str], model_folder: Folders, name: str
) -> None:
    found = load_file(pair[0] / f"{name}.safetensors")
    case = CASES.get(name, CASES["cached"])
    expected = find_gradients(model_folder(dropout=0.0), case)
    assert found.keys() == expected.keys()  # what has no gradient in one has none in two
    assert len(found) > 20
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], rtol=1e-9, atol=1e-9)
    if name == "cut off":
        assert found["counts"][1] > 0


def test_two_processes_end_with_the_weights_of_one(
    pair: tuple[Path, str], model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    """As it is by default, with words found anew, and adapters."""
    model = model_folder(dropout=0.0)
    start = load_file(model / "model.safetensors")
    few, many = store_folder(40), store_folder(40, multiway=True)
    runs: dict[str, tuple[Path, dict[str, Any]]] = {
        "twenty": (few, {}),
        "refreshed": (many, {"steps": 4, "refresh_words_every": 3}),
        "words": (few, WORDS),
        "lora": (few, LORA),
    }
    for name, (store, changed) in runs.items():
        config = TrainConfig(**(TRAIN | changed))
        alone = train(model, store, config, out=tmp_path / name, show_progress=False)
        for file in ("model.safetensors", "projection.safetensors"):
            one, two = load_file(alone / file), load_file(pair[0] / name / file)
            for key, value in one.items():
                torch.testing.assert_close(two[key], value, rtol=0, atol=1e-4)
        lines, expected = (
            read_metrics(folder / "metrics.jsonl") for folder in (pair[0] / name, alone)
        )
        assert [line["step"] for line in lines] == list(range(1, config.steps + 1))
        for key in ("loss", "mlm_loss", "gap", "grad_norm", "tokens", "texts", "samples"):
            assert [line[key] for line in lines] == pytest.approx(
                [line[key] for line in expected], abs=1e-3
            )
        moved = load_file(tmp_path / name / "model.safetensors")
        least = {"twenty": 8e-4, "refreshed": 2e-4, "words": 3e-3, "lora": 3e-4}[name]
        assert max(float((moved[key] - start[key]).abs().max()) for key in moved) > least


def test_accelerate_launches_two_processes(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    """The command of docs/guides/scale.md, which without GPUs starts processes on the CPU."""
    model, store = model_folder(dropout=0.0), store_folder(40)
    config = TrainConfig(**(TRAIN | {"steps": 2}))
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += ["--num_processes=2", "--main_process_port=0", "-m", "crosszero", "train"]
    command += [str(store), "--out", str(tmp_path / "two"), "--encoder", str(model)]
    flags = {name: getattr(config, name) for name in (*TRAIN, "steps")}
    command += [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    done = launch(command)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "two" / "training.json").read_text())["processes"] == 2
    train(model, store, config, out=tmp_path / "one", show_progress=False)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=0, atol=1e-4)
    start = load_file(model / "model.safetensors")
    assert max(float((two[key] - start[key]).abs().max()) for key in two) > 1.5e-4


def test_resume_with_as_many_processes_is_bit_for_bit(pair: tuple[Path, str]) -> None:
    """Dropout on; words found anew, for which the first process reads more."""
    for names in (("whole", "killed"), ("words", "words killed")):
        for file in ("model.safetensors", "projection.safetensors"):
            whole, resumed = (pair[0] / name / file for name in names)
            assert whole.read_bytes() == resumed.read_bytes()
    assert json.loads((pair[0] / "whole" / "training.json").read_text())["processes"] == 2


def test_an_error_of_one_process_ends_all_and_is_told_once(pair: tuple[Path, str]) -> None:
    assert pair[1].count(MESSAGE) == 1
    assert "disappeared" not in pair[1]
    assert pair[1].count("Traceback") <= 1  # torchrun's own, about a process that has ended
    assert not (pair[0] / "bad" / "model.safetensors").exists()


def test_resume_with_another_number_of_processes_says_what_changes(
    pair: tuple[Path, str],
    model_folder: Folders,
    store_folder: Folders,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = TrainConfig(**(TRAIN | {"steps": 6, "checkpoint_every": 4}))
    store = SampleStore.open(store_folder(40))
    with caplog.at_level("INFO", logger="crosszero"):
        run = prepare_run(model_folder(), store, config, pair[0] / "killed", resume=True)
    assert run.progress is not None
    assert run.progress.step == 6
    assert "started with 2 processes and continues with 1" in caplog.text


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=9), min_size=1, max_size=30), st.integers(1, 6))
def test_texts_are_dealt_evenly(texts: list[str], count: int) -> None:
    shares = Ranks(count=count).deal(texts)
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(texts)))
    loads = [sum(len(texts[i].encode()) for i in share) for share in shares]
    assert max(loads) - min(loads) <= max(len(text.encode()) for text in texts)
    assert [share.tolist() for share in shares] == [sorted(share.tolist()) for share in shares]


def test_processes_that_were_given_different_things_are_refused(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: dict[str, object] = {"seed": 2}

    def hear(_: Ranks, value: object) -> object:
        return {**value, **first} if isinstance(value, dict) else value

    monkeypatch.setattr(Ranks, "share", hear)
    store = SampleStore.open(store_folder(40))
    config = TrainConfig(**TRAIN)
    with pytest.raises(ConfigError, match="process 1 of 2 has different seed than process 0"):
        prepare_run(
            model_folder(), store, config, tmp_path, resume=False, ranks=Ranks(index=1, count=2)
        )
    first.clear()
    monkeypatch.setattr(Ranks, "share", lambda _, value: value or tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="process 1 does not see this folder"):
        prepare_run(
            model_folder(), store, config, tmp_path, resume=True, ranks=Ranks(index=1, count=2)
        )

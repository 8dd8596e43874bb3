"""Batches made by worker processes: the same ones, in the same order, and their errors."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import crosszero as cz
from crosszero.errors import DataError, TrainingError
from crosszero.samples.store import SampleStore, collect
from crosszero.training.metrics import read_metrics
from tests.training.conftest import make_samples

Folders = Callable[..., Path]
SETTINGS = {
    "batch_size": 4, "max_length": 40, "precision": "fp32", "mini_batch_num_tokens": 100,
    "log_every": 1, "adam_beta2": 0.98, "learning_rate": 1e-3, "words_per_sentence": 2,
}  # fmt: skip


def train(model: Path, store: Path, out: Path, **settings: object) -> Path:
    return cz.train(model, store, out=out, show_progress=False, **(SETTINGS | settings))


@pytest.mark.parametrize("level", ["multi", "split"])
def test_workers_change_no_result(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, level: str
) -> None:
    """Over more than one epoch, resumed in the middle with another number of workers."""
    model, store = model_folder(), store_folder(20)
    common = {"steps": 12, "level": level, "checkpoint_every": 5}
    alone = train(model, store, tmp_path / "alone", num_workers=0, **common)
    fed = train(model, store, tmp_path / "fed", num_workers=2, **common)
    weights = "model.safetensors"
    assert (fed / weights).read_bytes() == (alone / weights).read_bytes()
    shutil.rmtree(fed / "checkpoints" / "step-00000012")
    (fed / "config.json").unlink()
    train(model, store, fed, num_workers=2, resume=True, **common)
    assert (fed / weights).read_bytes() == (alone / weights).read_bytes()


def test_workers_of_one_training_are_gone_before_the_next(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A loader that waits for the garbage collector is ended by a worker that inherits it."""
    for number in range(3):
        train(model_folder(), store_folder(20), tmp_path / str(number), num_workers=2, steps=3)
    assert not multiprocessing.active_children()
    assert "Exception" not in capfd.readouterr().err


def test_a_batch_that_cant_be_used_is_passed_over_alike(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = make_samples(30)
    store = collect([*samples[:1] * 20, *samples], tmp_path / "store").path
    runs = {}
    with caplog.at_level(logging.WARNING, logger="crosszero"):
        for workers in (0, 2):
            out = train(
                model_folder(), store, tmp_path / f"run{workers}", num_workers=workers,
                steps=15, batch_size=2, seed=3, level="sentence",
            )  # fmt: skip
            runs[workers] = [line["loss"] for line in read_metrics(out / "metrics.jsonl")]
    assert "a batch is skipped" in caplog.text
    assert runs[0] == runs[2]


def test_a_damaged_store_is_told_from_a_worker(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: SampleStore, index: int) -> None:
        raise DataError(self.path, f"row group {index} can't be read")

    monkeypatch.setattr(SampleStore, "read_row_group", fail)
    with pytest.raises(DataError, match="row group 0 can't be read"):
        train(model_folder(), store_folder(20), tmp_path / "run", num_workers=2, steps=3)


def test_a_worker_that_is_killed_is_told(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = os.getpid()

    def kill(*_: object, **__: object) -> np.ndarray:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("made by the process itself")

    monkeypatch.setattr("crosszero.training.feeder.build_batch", kill)
    with pytest.raises(TrainingError, match=r"has died .* num_workers: 0"):
        train(model_folder(), store_folder(20), tmp_path / "run", num_workers=2, steps=3)

"""A checkpoint is used whole and as it was saved, or refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crosszero.errors import CheckpointError
from crosszero.training.checkpoint import remove_torn
from crosszero.training.loop import train
from crosszero.training.stream import Position, SampleStream
from crosszero.training.train_config import TrainConfig
from tests.training.conftest import make_samples
from tests.training.test_batch import Listed

Folders = Callable[..., Path]
Tensors = dict[str, Tensor]
Change = Callable[[Path], Any]
NAME = "encoder.bert.encoder.layer.0.output.dense.weight"
KINDS = ("exp_avg", "exp_avg_sq", "step")
P, W, M = "progress.json", "weights.safetensors", "optimizer.safetensors"


@dataclass(frozen=True)
class Whole:
    """A run that has come to its end, and left only the first of its two checkpoints."""

    model: Path
    store: Path
    out: Path

    def train(self, out: Path, *, resume: bool = False) -> None:
        config = TrainConfig(
            batch_size=8, max_length=32, learning_rate=1e-3, precision="fp32", steps=4,
            checkpoint_every=2,
        )  # fmt: skip
        train(self.model, self.store, config, out=out, resume=resume, show_progress=False)

    def go_on(self, out: Path, change: Change, *, old: bool = False) -> None:
        """Resume a copy whose checkpoint was changed; an `old` one has no hashes."""
        shutil.copytree(self.out, out)
        (out / "model.safetensors").unlink()
        checkpoint = out / "checkpoints" / "step-00000002"
        if old:
            in_json(lambda content: [content.pop(name) for name in ("files", "hash")])(checkpoint)
        change(checkpoint)
        self.train(out, resume=True)


@pytest.fixture(scope="module")
def whole(
    model_folder: Folders, store_folder: Folders, tmp_path_factory: pytest.TempPathFactory
) -> Whole:
    made = Whole(model_folder(), store_folder(60), tmp_path_factory.mktemp("whole") / "run")
    made.train(made.out)
    shutil.rmtree(made.out / "checkpoints" / "step-00000004")
    return made


def in_json(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(checkpoint: Path) -> None:
        content = json.loads((checkpoint / P).read_text())
        change(content)
        (checkpoint / P).write_text(json.dumps(content))

    return apply


def having(**values: Any) -> Change:
    return in_json(lambda content: content.update(values))


def with_settings(**values: Any) -> Change:
    return in_json(lambda content: content["settings"].update(values))


def holding(file: str, text: str) -> Change:
    return lambda checkpoint: (checkpoint / file).write_text(text)


def in_tensors(file: str, change: Callable[[Tensors], Any]) -> Change:
    def apply(checkpoint: Path) -> None:
        tensors = load_file(checkpoint / file)
        change(tensors)
        save_file(tensors, checkpoint / file)

    return apply


def without(kinds: tuple[str, ...], names: str = "") -> Change:
    def drop(tensors: Tensors) -> None:
        for key in list(tensors):
            kind, _, name = key.partition(":")
            if kind in kinds and name.startswith(names):
                del tensors[key]

    return in_tensors(M, drop)


def with_more(file: str, key: str) -> Change:
    return in_tensors(file, lambda tensors: tensors.update({key: torch.zeros(2)}))


def with_changed(file: str, key: str, change: Callable[[Tensor], Tensor]) -> Change:
    return in_tensors(file, lambda t: t.update({key: change(t[key]).contiguous()}))


def beginning_with(number: float) -> Callable[[Tensor], Tensor]:
    def put(tensor: Tensor) -> Tensor:
        tensor.view(-1)[0] = number
        return tensor

    return put


FIRST, SECOND, STEP = (f"{kind}:{NAME}" for kind in KINDS)
DAMAGE: dict[str, Change] = {
    "no moments": without(KINDS),
    "moments of one parameter less": without(KINDS, NAME),
    "no second moments": without(("exp_avg_sq",)),
    "no steps": without(("step",)),
    "a moment more": with_more(M, "exp_avg:encoder.x"),
    "a kind more": with_more(M, f"last:{NAME}"),
    "moments in half": with_changed(M, FIRST, Tensor.half),
    "moments of another shape": with_changed(M, FIRST, lambda t: t[:1]),
    "moments turned": with_changed(M, FIRST, lambda t: t.T),
    "moments not finite": with_changed(M, FIRST, beginning_with(float("nan"))),
    "second moments below 0": with_changed(M, SECOND, beginning_with(-1e-9)),
    "step 0": with_changed(M, STEP, torch.zeros_like),
    "step 3": with_changed(M, STEP, lambda t: t + 1),
    "step 1.5": with_changed(M, STEP, lambda t: t - 0.5),
    "whole step": with_changed(M, STEP, Tensor.long),
    "moments gone": lambda checkpoint: (checkpoint / M).unlink(),
    "moments are weights": lambda checkpoint: shutil.copy(checkpoint / W, checkpoint / M),
    "a weight less": in_tensors(W, lambda tensors: tensors.pop(NAME)),
    "a weight more": with_more(W, "encoder.x"),
    "weights in half": with_changed(W, NAME, Tensor.bfloat16),
    "weights wider": with_changed(W, NAME, Tensor.double),
    "weights of another shape": with_changed(W, NAME, lambda t: t[:, :2]),
    "weights not finite": with_changed(W, NAME, beginning_with(float("inf"))),
    "weights no safetensors": holding(W, "x" * 100),
    "weights a pickle": lambda checkpoint: torch.save({}, checkpoint / W),
    "position 0": having(position=[0, 0, 0]),
    "position before": having(position=[0, 0, 1]),
    "position below 0": having(position=[-1, -5, -9]),
    "batch that is not there": having(position=[0, 0, 99]),
    "window that is not there": having(position=[0, 7, 1]),
    "position far away": having(position=[10**12, 0, 1]),
    "position of two": having(position=[0, 2]),
    "position of text": having(position=["0", "0", "2"]),
    "position none": having(position=None),
    "step below 0": having(step=-3),
    "step of another folder": having(step=3),
    "step of text": having(step="2"),
    "step true": having(step=True),
    "total below step": having(total=1),
    "another total": having(total=9),
    "settings a list": having(settings=[]),
    "files a list": having(files=[W]),
    "precision unknown": with_settings(precision="fp8"),
    "pack unknown": with_settings(pack=[1]),
    "no step": in_json(lambda content: content.pop("step")),
    "more than there is": having(more=1),
    "step Infinity": holding(P, '{"step": Infinity, "total": 4, "position": [0, 0, 2]}'),
    "step 1e400": holding(P, '{"step": 1e400, "total": 4, "position": [0, 0, 2]}'),
    "nested": holding(P, "[" * 100_000),
    "a list": holding(P, "[]"),
    "nothing": holding(P, ""),
}
HASHED: dict[str, Change] = {  # nothing but a hash tells these
    "a weight moved": with_changed(W, NAME, beginning_with(0.25)),
    "a moment moved": with_changed(M, FIRST, beginning_with(0.25)),
    "a batch later": having(position=[0, 0, 3]),
    "another precision": with_settings(precision="bf16"),
    "hash of another file": in_json(lambda c: c["files"].update({W: c["files"][M]})),
    "a file less": in_json(lambda content: content["files"].pop(W)),
}


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    whole: Whole, tmp_path: Path, name: str, old: bool
) -> None:
    with pytest.raises(CheckpointError, match="damaged") as caught:
        whole.go_on(tmp_path / "run", DAMAGE[name], old=old)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500 + 2 * len(str(tmp_path))
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("name", HASHED)
def test_hashes_tell_what_has_moved(whole: Whole, tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="damaged"):
        whole.go_on(tmp_path / "run", HASHED[name])


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_a_checkpoint_as_it_was_saved_goes_on(whole: Whole, tmp_path: Path, old: bool) -> None:
    whole.go_on(tmp_path / "run", lambda _: None, old=old)
    for name in ("model.safetensors", "projection.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (whole.out / name).read_bytes()


def test_batches_are_counted_as_they_are_given() -> None:
    """Through three epochs of several windows: exactly the positions that follow a batch."""
    store = Listed(make_samples(103), 12)
    stream = SampleStream(store=store, batch_size=4, level="multi", seed=3, window_rows=30)
    batches = stream.batches()
    seen: dict[Position, int] = {}
    while len(seen) < 2.5 * stream.count_batches():
        seen[next(batches)[1]] = len(seen) + 1
    last = max(seen)
    assert last.epoch == 2
    for epoch in range(3):
        for window in range(7):
            for batch in range(15):
                position = Position(epoch, window, batch)
                if position <= last:
                    assert stream.count_until(position, most=10**6) == seen.get(position)
    assert stream.count_until(last, most=seen[last] - 1) is None
    assert stream.count_until(Position(10**15, 0, 1), most=100) is None


def test_what_a_killed_save_left_is_removed_and_a_replaced_checkpoint_put_back(
    tmp_path: Path,
) -> None:
    old = {number: f".step-{number}.crosszero-old" for number in ("00000008", "00000012")}
    for name in (*old.values(), "step-00000012", ".step-00000016.crosszero-x1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name, "utf-8")
    remove_torn(tmp_path)
    left = {path.name: (path / "weights").read_text("utf-8") for path in tmp_path.iterdir()}
    assert left == {"step-00000008": old["00000008"], "step-00000012": "step-00000012"}

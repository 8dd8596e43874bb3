"""Training on a device of its own: the CPU's results, no two devices in one operator, few waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from transformers import BertModel

from benchmarks.gpu import ways
from crosszero.model.encoder import Encoder
from crosszero.training import setup
from crosszero.training.loop import train
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import TrainConfig
from tests.emulated_device import DEVICE, DeviceTensor, emulated_device

Folders = Callable[..., Path]
WAYS = {name: way for name, way in ways.WAYS.items() if name != "workers"}
STEPS = 3
SAME: dict[str, Any] = {
    "steps": STEPS, "batch_size": 6, "log_every": 1, "checkpoint_every": 2, "precision": "fp32",
    "max_length": 32, "mini_batch_num_tokens": 60, "learning_rate": 1e-3,
}  # fmt: skip


class Device:
    """In place of accelerate, which knows no emulated device."""

    device = DEVICE

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()


@pytest.mark.parametrize("way", WAYS)
def test_a_run_on_a_device_is_that_on_the_cpu(
    way: str,
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = TrainConfig(**(SAME | WAYS[way]))
    encoder, store = model_folder("bert", dropout=0.0), store_folder(60)
    train(encoder, store, config, out=tmp_path / "cpu", show_progress=False)
    monkeypatch.setattr(setup, "Accelerator", Device)
    with emulated_device():
        train(encoder, store, config, out=tmp_path / "device", show_progress=False)
    runs = [tmp_path / name for name in ("cpu", "device")]
    lines = [read_metrics(run / METRICS) for run in runs]
    losses = [[line["loss"] for line in some] for some in lines]
    assert np.allclose(*losses, atol=1e-4)
    texts = ["the weather is good", "le chat"]
    vectors = [
        Encoder.load(tmp_path / name, device="cpu").encode(texts) for name in ("cpu", "device")
    ]
    assert np.allclose(*vectors, atol=1e-3)


def test_the_emulated_device_refuses_what_a_gpu_refuses() -> None:
    with emulated_device() as watch:
        there = torch.ones(3, device=DEVICE)
        assert isinstance(there, DeviceTensor)
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert watch.total == 0
        assert float((there * 2.0 + torch.tensor(1.0)).sum()) == 9
        assert there.cpu().tolist() == [1, 1, 1]
        torch.ones(3).to(DEVICE)
        assert there[there > 0].shape == (3,)
        assert watch.total == 4, watch.waits


@pytest.mark.parametrize("tokens", [60, 4096])
@pytest.mark.parametrize("way", ["plain", "pack", "cache"])
def test_a_step_hardly_waits_for_the_device(
    way: str,
    tokens: int,
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What more steps add, whatever a run does before and behind them."""
    monkeypatch.setattr(setup, "Accelerator", Device)
    encoder, store = model_folder("bert"), store_folder(60)
    waits, passes = Counter[str](), 0
    for steps, sign in ((2, -1), (6, 1)):
        config = TrainConfig(
            **(SAME | WAYS[way])
            | {"steps": steps, "mini_batch_num_tokens": tokens, "checkpoint_every": 0}
        )
        with emulated_device() as watch, count_passes() as count:
            train(encoder, store, config, out=tmp_path / str(steps), show_progress=False)
        for place, number in watch.waits.items():
            waits[place] += sign * number
        passes += sign * len(count)
    assert passes >= 4
    assert waits.total() <= 4 * 4 + 2 * passes, "\n".join(map(str, waits.most_common()))


@contextmanager
def count_passes() -> Iterator[list[int]]:
    """A list that grows with every pass through an encoder."""
    passes: list[int] = []
    forward = BertModel.forward

    def counted(self: BertModel, *args: Any, **options: Any) -> Any:
        passes.append(1)
        return forward(self, *args, **options)

    with mock.patch.object(BertModel, "forward", counted):
        yield passes

"""Each way to train, some steps on the device: as on the CPU, and as without an interruption.

The CPU's runs are those of a second process, which sees no accelerator:

    python -m benchmarks.gpu.ways ENCODER STORE OUT
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from crosszero.errors import MissingExtraError
from crosszero.model.backbone import Backbone
from crosszero.model.options import MINI
from crosszero.training.loop import train
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.run_folder import CHECKPOINTS
from crosszero.training.train_config import LayersConfig, LoraConfig, TrainConfig

_COMMON: dict[str, Any] = {
    "steps": 4, "batch_size": 8, "log_every": 1, "checkpoint_every": 2, "precision": "fp32",
    "max_length": 40, "mini_batch_num_tokens": 400, "adam_beta2": 0.98, "learning_rate": 1e-4,
    "num_workers": 0,
}  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "plain": {"pack": False},
    "workers": {"num_workers": 2},
    "cache": {"gradient_cache": True},
    "pack": {"pack": True},
    "sentence": {"level": "sentence", "mlm_weight": 0.0},
    "split": {
        "level": "split", "words_per_sentence": 4, "anchor_weight": 0.5,
        "layers": LayersConfig(sentence="last", word=2),
    },
    "two passes": {"mask_contrastive_input": False},
    "freeze": {"freeze_embeddings": True},
    "lora": {"lora": LoraConfig(rank=4)},
    "refresh": {"refresh_words_every": 2},
    "info-nce": {"loss": "info-nce", "words_per_sentence": 8},
}  # fmt: skip
# AdamW takes a full step where the gradient is next to nothing, too, and rounding gives its sign.
_SAME_LOSS, _SAME_MOVE = 5e-3, 0.05
_LEAST = 15.0  # seconds that must be left for another one


def check_ways(setting: Setting, journal: Journal) -> None:
    """Train each way on the device, once whole and once interrupted."""
    ours, theirs = setting.folder / "ways", setting.folder / "ways-cpu"
    # It has no dropout, which would differ between a CPU and a GPU; a tiny visit has no GPU.
    encoder = setting.encoder if setting.tiny else MINI
    store = setting.store.path
    command = [sys.executable, "-m", "benchmarks.gpu.ways", *map(str, (encoder, store, theirs))]
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    start = flatten(encoder)
    with subprocess.Popen(command, env=hidden) as reference:
        moves = {}
        for name in WAYS:
            if setting.clock.whole < _LEAST:
                journal.note(f"{name} and what follows: left out, the time is up")
                break
            if not train_way(name, encoder, store, ours / name):
                journal.note(f"{name}: left out, its package is not installed")
                continue
            whole = flatten(ours / name)
            lose_end(ours / name)
            train_way(name, encoder, store, ours / name, resume=True)
            apart = float((flatten(ours / name) - whole).norm())
            moves[name] = apart / float((whole - start).norm())
        if reference.wait():
            raise RuntimeError("the process that trains on the CPU failed; see above")
    for name, move in moves.items():
        losses = [read_losses(out / name) for out in (ours, theirs)]
        apart = float(np.abs(np.subtract(*losses)).max())
        journal.check(f"{name}: losses, against the CPU", apart, _SAME_LOSS)
        journal.check(f"{name}: resumed, share of the way of the weights", move, _SAME_MOVE)


def train_way(
    name: str, encoder: str | Path, store: Path, out: Path, *, resume: bool = False
) -> bool:
    """Train an encoder in one of :data:`WAYS`; tell whether what it needs is installed."""
    config = TrainConfig(**(_COMMON | WAYS[name]))
    try:
        train(encoder, store, config, out=out, resume=resume, show_progress=False)
    except MissingExtraError:
        return False
    return True


def lose_end(out: Path) -> None:
    """Leave of a run what there is when it is killed after its last but one checkpoint."""
    (out / "model.safetensors").unlink()
    shutil.rmtree(max((out / CHECKPOINTS).iterdir()))


def read_losses(out: Path) -> list[float]:
    """The loss of every step."""
    return [line["loss"] for line in read_metrics(out / METRICS)]


def flatten(name: str | Path) -> Tensor:
    """All weights of an encoder as one vector."""
    parameters = Backbone.load(name, mlm=True).parameters()
    return torch.cat([parameter.detach().flatten() for parameter in parameters])


if __name__ == "__main__":
    model, samples, folder = sys.argv[1:]
    for one in WAYS:
        train_way(one, model, Path(samples), Path(folder) / one)

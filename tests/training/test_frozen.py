"""A table of embeddings that is frozen; runs that were begun with settings of other days."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from crosszero.config import build
from crosszero.errors import CheckpointError, ConfigError, DataError
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training import setup
from crosszero.training.loop import train
from crosszero.training.optimizer import clip_gradients, make_optimizer
from crosszero.training.train_config import TrainConfig, read_settings

Folders = Callable[..., Path]
QUICK = {
    "batch_size": 8,
    "max_length": 32,
    "learning_rate": 1e-3,
    "schedule": "linear",
    "precision": "fp32",
    "log_every": 1,
    "checkpoint_every": 4,
    "mlm_weight": 0.0,
}


def run(model: Path, store: Path, out: Path, *, resume: bool = False, **options: Any) -> Path:
    config = TrainConfig(**(QUICK | options))
    return train(model, store, config, out=out, resume=resume, show_progress=False)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_frozen_embeddings_stay_and_cost_nothing(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """With MLM, whose head is tied to the table: its bias learns, the table's bytes do not."""
    kept: list[Tensor | None] = []

    def spy(parameters: list[nn.Parameter], most: float) -> Tensor:
        kept.append(made[0].table.weight.grad)
        return clip_gradients(parameters, most)

    def note(
        backbone: Backbone, head: ProjectionHead, config: TrainConfig
    ) -> torch.optim.Optimizer:
        made.append(backbone)
        optimizers.append(make_optimizer(backbone, head, config))
        return optimizers[0]

    made: list[Backbone] = []
    optimizers: list[torch.optim.Optimizer] = []
    monkeypatch.setattr("crosszero.training.loop.clip_gradients", spy)
    monkeypatch.setattr(setup, "make_optimizer", note)
    options = {"freeze_embeddings": True, "mlm_weight": 0.1, "steps": 4}
    out = run(model_folder(kind), store_folder(60), tmp_path / "run", **options)
    before, after = (Backbone.load(f, mlm=True) for f in (model_folder(kind), out))
    assert torch.equal(before.table.weight, after.table.weight)
    biases = [e.model.get_output_embeddings().bias.detach() for e in (before, after)]
    assert not torch.equal(*biases)
    assert kept == [None] * 4
    shapes = {tuple(p.shape) for p in optimizers[0].state}
    assert tuple(after.table.weight.shape) not in shapes
    run(model_folder(kind), store_folder(60), out, resume=True, **options)
    saved = (out / "checkpoints" / "step-00000004" / "weights.safetensors").stat().st_size
    assert saved < weights_size(out)


def weights_size(folder: Path) -> int:
    return (folder / "model.safetensors").stat().st_size


def test_a_run_goes_on_beside_the_same_frozen_weights_only(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    backbone = Backbone.load(model_folder(), mlm=True)
    from crosszero.model.saving import save_encoder

    save_encoder(backbone, tmp_path / "encoder")
    options = {"freeze_embeddings": True, "steps": 4}
    store = store_folder(60)
    out = run(tmp_path / "encoder", store, tmp_path / "run", **options)
    with torch.no_grad():
        backbone.table.weight[3, 1] += 1e-3
    save_encoder(backbone, tmp_path / "encoder")
    with pytest.raises(CheckpointError, match="started with frozen"):
        run(tmp_path / "encoder", store, out, resume=True, **options)


def test_a_checkpoint_older_than_these_settings_goes_on(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4)
    path = out / "checkpoints" / "step-00000004" / "progress.json"
    content = json.loads(path.read_text())
    del content["files"], content["hash"]  # as older versions wrote it
    for name in ("freeze_embeddings", "lora", "pack", "frozen"):
        del content["settings"][name]
    path.write_text(json.dumps(content))
    before = weights(out)
    run(model_folder(), store_folder(60), out, resume=True, steps=4)
    assert weights(out) == before
    with pytest.raises(
        CheckpointError, match="started with freeze_embeddings: None, but True is given now"
    ):
        run(model_folder(), store_folder(60), out, resume=True, steps=4, freeze_embeddings=True)


def test_a_run_goes_on_whose_settings_had_other_names(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    options = {"steps": 4, "mini_batch_num_tokens": 100}
    out = run(model_folder(), store_folder(60), tmp_path / "run", **options)
    path = out / "checkpoints" / "step-00000004" / "progress.json"
    content = json.loads(path.read_text())
    del content["files"], content["hash"]  # as older versions wrote it
    content["settings"]["slice_tokens"] = content["settings"].pop("mini_batch_num_tokens")
    path.write_text(json.dumps(content))
    before = weights(out)
    run(model_folder(), store_folder(60), out, resume=True, **options)
    assert weights(out) == before
    options["mini_batch_num_tokens"] = 200
    with pytest.raises(
        CheckpointError, match="started with mini_batch_num_tokens: 100, but 200 is given now"
    ):
        run(model_folder(), store_folder(60), out, resume=True, **options)


@pytest.mark.parametrize("before", [False, True])
def test_a_run_that_was_begun_with_another_optimizer(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, before: bool
) -> None:
    """Only where its table was stepped by rows, which is gone, it can't go on."""
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4)
    path = out / "checkpoints" / "step-00000004" / "progress.json"
    content = json.loads(path.read_text())
    del content["files"], content["hash"]  # as older versions wrote it
    content["settings"]["sparse_embeddings"] = before
    path.write_text(json.dumps(content))
    expected = weights(out)
    if before:
        with pytest.raises(CheckpointError, match=r"sparse_embeddings: true.*no longer.*new run"):
            run(model_folder(), store_folder(60), out, resume=True, steps=4)
    else:
        run(model_folder(), store_folder(60), out, resume=True, steps=4)
    assert weights(out) == expected


def test_settings_are_read_by_the_names_of_today(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text('{"loss": "cz-nce", "slice_tokens": 1024, "sparse_embeddings": false}')
    assert read_settings(tmp_path) == {"loss": "cz-nce", "mini_batch_num_tokens": 1024}
    for text in ("[]", "[" * 100_000, '{"loss"'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"training\.json: damaged"):
            read_settings(tmp_path)


def test_a_recipe_is_told_what_became_of_a_setting() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'sparse_embeddings': it was removed"):
        build(TrainConfig, {"sparse_embeddings": True})
    with pytest.raises(
        ConfigError, match="'slice_tokens': it is now called 'mini_batch_num_tokens'"
    ):
        build(TrainConfig, {"slice_tokens": 1024})

"""AdamW over the rows in use, against torch's over all rows; clipping; freezing; resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers.models.gemma3.modeling_gemma3 import Gemma3TextScaledWordEmbedding

from crosszero.errors import CheckpointError, ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training import checkpoint, setup
from crosszero.training.config import TrainConfig
from crosszero.training.frozen import freeze_table, get_table
from crosszero.training.loop import train
from crosszero.training.metrics import read_metrics
from crosszero.training.optimizer import choose_sparse, clip_gradients, make_optimizer
from crosszero.training.rows import RowAdamW
from tests.training.test_lookup import TABLES

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
ROWS, WIDTH = 7, 3


def run(model: Path, store: Path, out: Path, *, resume: bool = False, **options: Any) -> Path:
    config = TrainConfig(**(QUICK | options))
    return train(model, store, config, out=out, resume=resume, show_progress=False)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def make_pair(
    sparse: bool, options: dict[str, Any], scale: float = 1.0
) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(3)
    table = Gemma3TextScaledWordEmbedding(ROWS, WIDTH, 0, embed_scale=scale)
    module = nn.Sequential(table, nn.Linear(WIDTH, 1))
    module.double()
    groups = [{"params": list(module[i].parameters())} for i in (1, 0)]
    kind = torch.optim.AdamW(groups, **options)
    if sparse:
        kind = RowAdamW(groups, module[0], **options)
    return module, kind


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=4), max_size=12),
    gap=st.sampled_from([0, 1, 4, 30, 230]),
    beta2=st.sampled_from([0.95, 0.98, 0.999]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    size=st.sampled_from([1e-9, 1e-6, 1.0]),
    clip=st.sampled_from([0.0, 1e-3]),
    scale=st.sampled_from([1.0, 10.0]),
)
def test_rows_move_as_in_the_dense_optimizer(
    steps: list[list[int]],
    gap: int,
    beta2: float,
    weight_decay: float,
    size: float,
    clip: float,
    scale: float,
) -> None:
    """Any order of rows, long gaps, gradients below eps, a schedule, decay, clipping; float64.

    With lookups that scale what they find, too.
    """
    options = {"lr": 1.0, "betas": (0.9, beta2), "weight_decay": weight_decay}
    batches = [*steps, *([[1]] * gap), [2, 3], *steps]
    tables = []
    for sparse in (False, True):
        module, optimizer = make_pair(sparse, options, scale)
        seen = []
        for number, rows in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = 1e-2 * (1 + math.cos(number / 7)) / 2
            output = module(torch.tensor(rows))
            seen.append(output.detach() / scale)  # the bound below is one of weights
            # No minimum: around one Adam is chaotic, and rounding alone would set both apart.
            (output.sum() * math.cos(number) * size).backward()
            assert module[0].weight.grad.is_sparse == sparse
            clip_gradients(list(module.parameters()), clip)
            optimizer.step()
            optimizer.zero_grad()
        if sparse:
            stale = module[0].weight.detach().clone()
            optimizer.finish()
            assert not module[0].sparse
            if gap > 10 and weight_decay:
                assert not torch.equal(stale, module[0].weight)  # else nothing was put off
        tables.append((torch.cat(seen), module[0].weight.detach(), module[1].weight.detach()))
    for expected, found in zip(*tables, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("beta2", [0.95, 0.999])
def test_a_row_is_made_up_alike_in_any_company(beta2: float) -> None:
    """To the last bit of float64, of which float32 keeps half: processes read different rows."""
    rows, width, done = 150, 13, 700
    torch.manual_seed(0)
    state = {
        "exp_avg": torch.randn(rows, width, dtype=torch.float64),
        "exp_avg_sq": torch.rand(rows, width, dtype=torch.float64) ** 8,
        "last": torch.randint(0, done + 1, (rows,), dtype=torch.int32),
        "rates": torch.rand(done, dtype=torch.float64) * 1e-3,
    }
    weight, order = torch.randn(rows, width, dtype=torch.float64), torch.randperm(rows)
    ends = []
    for size in (rows, 1, 7, 64):
        table = nn.Embedding(rows, width, _weight=weight.clone())
        options = {"lr": 1.0, "betas": (0.9, beta2), "weight_decay": 0.1}
        optimizer = RowAdamW([{"params": [table.weight]}], table, **options)
        own = optimizer.state[table.weight]
        own |= {name: value.clone() for name, value in state.items()}
        for some in order.split(size):
            optimizer.catch_up(some)
        ends.append([table.weight.detach(), *own.values()])
    for end in ends[1:]:
        assert all(map(torch.equal, end, ends[0]))
    assert not torch.equal(ends[0][0], weight)


def test_a_row_that_two_threads_read_is_made_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_up = RowAdamW._make_up

    def dawdle(self: RowAdamW, rows: Tensor, state: dict[str, Tensor]) -> None:
        time.sleep(0.05)  # so that the other thread asks what is behind meanwhile
        make_up(self, rows, state)

    ends = []
    for readers in (1, 2):
        module, optimizer = make_pair(True, {"lr": 0.1, "weight_decay": 0.1})
        for rows in ([1, 2], [3], [3]):
            module(torch.tensor(rows)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        monkeypatch.setattr(RowAdamW, "_make_up", dawdle)
        with torch.no_grad(), ThreadPoolExecutor(readers) as pool:
            found = list(pool.map(module[0], [torch.tensor([1, 2])] * readers))
        monkeypatch.undo()
        ends += [*found, module[0].weight.detach()[1:3].clone()]
    assert all(torch.equal(end, ends[0]) for end in ends)


def test_clipping_counts_a_row_that_came_twice_once() -> None:
    tables = [nn.Embedding(5, 2, sparse=sparse) for sparse in (True, False)]
    tables[1].load_state_dict(tables[0].state_dict())
    norms = []
    for table in tables:
        for rows in ([1, 1, 2], [2, 4]):  # two slices
            (table(torch.tensor(rows)) ** 2).sum().backward()
        other = nn.Parameter(torch.ones(2))
        other.grad = torch.ones(2)
        norms.append(float(clip_gradients([table.weight, other], 0.5)))
    assert norms[0] == pytest.approx(norms[1])
    assert norms[0] > 1
    torch.testing.assert_close(tables[0].weight.grad.to_dense(), tables[1].weight.grad)
    total = torch.cat([tables[0].weight.grad.to_dense().flatten(), other.grad]).norm()
    assert float(total) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_training_ends_as_with_dense_steps_and_resumes_bit_for_bit(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decay: float,
) -> None:
    """Whole, killed, dense: words are refreshed in between, which reads rows out of turn."""
    options = {"steps": 14, "refresh_words_every": 5, "weight_decay": decay}
    model, store = model_folder(), store_folder(40)
    dense = run(model, store, tmp_path / "dense", sparse_embeddings=False, **options)
    whole = run(model, store, tmp_path / "whole", sparse_embeddings=True, **options)
    before, expected, found = (Backbone.load(f, mlm=True) for f in (model, dense, whole))
    tables = [get_table(b).weight.detach() for b in (before, expected, found)]
    assert float((tables[1] - tables[0]).abs().max()) > 5e-3
    torch.testing.assert_close(tables[2], tables[1], rtol=0, atol=1e-5)
    for name, value in expected.state_dict().items():
        # Gradients that are zero but for rounding (keys' biases) become steps of any size in Adam.
        torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=1e-4, msg=name)
    norms = [[x["grad_norm"] for x in read_metrics(f / "metrics.jsonl")] for f in (dense, whole)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-3)

    def kill(*args: Any, **kwargs: Any) -> Path:
        path = checkpoint.save_checkpoint(*args, **kwargs)
        if path.name.endswith("8"):
            raise KeyboardInterrupt
        return path

    out = tmp_path / "killed"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("crosszero.training.loop.save_checkpoint", kill)
        run(model, store, out, sparse_embeddings=True, **options)
    with pytest.raises(CheckpointError, match="begun with sparse_embeddings: True, now False"):
        run(model, store, out, sparse_embeddings=False, resume=True, **options)
    run(model, store, out, resume=True, **options)
    assert weights(out) == weights(whole)


def test_sparse_steps_are_taken_where_they_are_possible(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="crosszero")
    monkeypatch.setattr("crosszero.training.optimizer._SMALL", 1)
    for kind in ("bert", "deberta-v2"):  # which ties its head in its own way
        backbone = Backbone.load(model_folder(kind), mlm=True)
        assert choose_sparse(backbone, TrainConfig(mlm_weight=0.0))
        caplog.clear()
        assert not choose_sparse(backbone, TrainConfig())
        assert "the MLM head is tied" in caplog.text
        assert get_table(backbone).weight.grad is None
        with pytest.raises(ConfigError, match=r"true given, but the MLM head is tied.*auto or fal"):
            choose_sparse(backbone, TrainConfig(sparse_embeddings=True))
    assert not choose_sparse(backbone, TrainConfig(mlm_weight=0.0, sparse_embeddings=False))
    assert not choose_sparse(backbone, TrainConfig(mlm_weight=0.0, adam_beta2=0.5))
    with monkeypatch.context() as elsewhere:  # as a GPU would be
        elsewhere.setattr(
            backbone.base, "get_input_embeddings", lambda: nn.Embedding(9, 3, device="meta")
        )
        assert not choose_sparse(backbone, TrainConfig(mlm_weight=0.0))
    backbone.model.set_output_embeddings(nn.Linear(16, get_table(backbone).num_embeddings))
    freeze_table(backbone)
    assert not choose_sparse(backbone, TrainConfig(mlm_weight=0.0))


@pytest.mark.parametrize("name", TABLES)
def test_sparse_steps_are_taken_where_lookups_give_rows(
    model_folder: Folders, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    backbone = Backbone.load(model_folder("bert"), mlm=True)
    before = get_table(backbone)
    table = TABLES[name](before.num_embeddings, backbone.hidden_size)
    backbone.base.set_input_embeddings(table)
    weight, asked = table.weight.detach().clone(), table.sparse
    config = TrainConfig(mlm_weight=0.0, sparse_embeddings=True)
    if name in ("own", "frequency"):
        with pytest.raises(ConfigError, match=r"true given, but their lookups.*take auto or false"):
            choose_sparse(backbone, config)
    else:
        assert choose_sparse(backbone, config)
    assert table.sparse == asked
    assert table.weight.grad is None
    assert torch.equal(table.weight, weight)


def test_an_untied_head_leaves_the_gradient_sparse(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder("bert"), mlm=True)
    decoder = backbone.model.get_output_embeddings()
    decoder.weight = nn.Parameter(decoder.weight.detach().clone())
    assert choose_sparse(backbone, TrainConfig(sparse_embeddings=True))


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
        kept.append(get_table(made[0]).weight.grad)
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
    assert torch.equal(get_table(before).weight, get_table(after).weight)
    biases = [e.model.get_output_embeddings().bias.detach() for e in (before, after)]
    assert not torch.equal(*biases)
    assert kept == [None] * 4
    shapes = {tuple(p.shape) for p in optimizers[0].state}
    assert tuple(get_table(after).weight.shape) not in shapes
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
        get_table(backbone).weight[3, 1] += 1e-3
    save_encoder(backbone, tmp_path / "encoder")
    with pytest.raises(CheckpointError, match="begun with frozen"):
        run(tmp_path / "encoder", store, out, resume=True, **options)


def test_a_checkpoint_older_than_these_settings_goes_on(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    import json

    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4)
    path = out / "checkpoints" / "step-00000004" / "progress.json"
    content = json.loads(path.read_text())
    for name in ("freeze_embeddings", "sparse_embeddings", "lora", "pack", "frozen"):
        del content["settings"][name]
    path.write_text(json.dumps(content))
    before = weights(out)
    run(model_folder(), store_folder(60), out, resume=True, steps=4)
    assert weights(out) == before
    with pytest.raises(CheckpointError, match="begun with freeze_embeddings: None, now True"):
        run(model_folder(), store_folder(60), out, resume=True, steps=4, freeze_embeddings=True)

"""Lookups that add to the table's gradient in place, against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers.models.gemma3.modeling_gemma3 import Gemma3TextScaledWordEmbedding

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.training.embedding_gradient import add_in_place
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner
from crosszero.training.optimizer import make_optimizer
from crosszero.training.step import compute_losses
from crosszero.training.train_config import TrainConfig
from tests.training.test_step import make_batch

Folders = Callable[..., Path]
ROWS, WIDTH = 7, 3


def gradients(
    in_place: bool, mini_batches: list[list[list[int]]], *, padding: int | None, tied: bool
) -> tuple[Tensor, Tensor | None]:
    torch.manual_seed(3)
    table = nn.Embedding(ROWS, WIDTH, padding_idx=padding).double()
    if in_place:
        add_in_place(table)
    found = [table(torch.tensor(ids)) for ids in mini_batches]
    loss = torch.stack([(x.sin() * torch.arange(1.0, WIDTH + 1)).sum() for x in found]).sum()
    if tied:
        loss = loss + (found[0] @ table.weight.T).exp().sum()
    loss.backward()
    return loss.detach(), table.weight.grad


rectangles = st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, ROWS - 1), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@given(
    mini_batches=st.lists(rectangles, min_size=1, max_size=3),
    padding=st.sampled_from([None, 0, 2]),
    tied=st.booleans(),
)
def test_gradients_are_those_of_torch(
    mini_batches: list[list[list[int]]], padding: int | None, tied: bool
) -> None:
    loss, found = gradients(True, mini_batches, padding=padding, tied=tied)
    expected_loss, expected = gradients(False, mini_batches, padding=padding, tied=tied)
    assert torch.equal(loss, expected_loss)
    assert found is not None
    assert expected is not None
    torch.testing.assert_close(found, expected)


def test_a_second_backward_adds() -> None:
    table = nn.Embedding(ROWS, WIDTH)
    add_in_place(table)
    for _ in range(2):
        table(torch.tensor([1, 1, 4])).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad[:, 0].tolist() == [0, 4, 0, 0, 2, 0, 0]


@pytest.mark.parametrize("in_place", [True, False])
def test_torch_makes_no_gradient_as_large_as_the_table(in_place: bool) -> None:
    table = nn.Embedding(ROWS, WIDTH)
    if in_place:
        add_in_place(table)
    with torch.profiler.profile() as profile:
        table(torch.tensor([1])).sum().backward()
    dense = any("embedding_dense_backward" in event.name for event in profile.events())
    assert dense is not in_place


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
@pytest.mark.parametrize("weight", [0.1, 0.0])
def test_a_step_keeps_its_gradients(model_folder: Folders, kind: str, weight: float) -> None:
    """Several mini-batches, with and without the MLM head that is tied to the table."""
    config = TrainConfig(mlm_weight=weight, mini_batch_num_tokens=30, max_length=64)
    found = []
    for in_place in (False, True):
        backbone = Backbone.load(model_folder(kind, dropout=0.0), mlm=True)
        torch.manual_seed(7)
        head = ProjectionHead(backbone.hidden_size, "multi")
        if in_place:
            make_optimizer(backbone, head, config)
        inputs = make_inputs(backbone, make_batch(), config, np.random.default_rng(5))
        result = compute_losses(Learner(backbone=backbone, head=head, config=config), inputs)
        result.loss.backward()
        found.append({n: p.grad for n, p in backbone.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6)


def test_a_frozen_table_stays_frozen(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder("bert"), mlm=True)
    backbone.table.weight.requires_grad_(False)
    make_optimizer(backbone, ProjectionHead(backbone.hidden_size, "multi"), TrainConfig())
    assert not backbone.table(torch.tensor([1])).requires_grad


def test_where_no_gradient_is_wanted_lookups_are_plain() -> None:
    table = nn.Embedding(ROWS, WIDTH)
    add_in_place(table)
    with torch.no_grad():
        assert not table(torch.tensor([1])).requires_grad
    table.weight.requires_grad_(False)
    assert not table(torch.tensor([1])).requires_grad


class Doubled(nn.Embedding):
    """Lookups of its own, which heed nothing but the weights."""

    def forward(self, ids: Tensor) -> Tensor:
        return 2 * nn.functional.embedding(ids, self.weight)


TABLES: dict[str, Callable[[int, int], nn.Embedding]] = {
    "scaled": lambda rows, width: Gemma3TextScaledWordEmbedding(rows, width, 0, embed_scale=10.0),
    "own": Doubled,
    "norm": lambda rows, width: nn.Embedding(rows, width, max_norm=0.1),
    "frequency": lambda rows, width: nn.Embedding(rows, width, scale_grad_by_freq=True),
    "sparse": lambda rows, width: nn.Embedding(rows, width, sparse=True),
}


@pytest.mark.parametrize("name", TABLES)
def test_lookups_that_are_not_plain_stay_the_architectures(
    model_folder: Folders, name: str
) -> None:
    """Their values, and their gradients in two steps, are those without any optimizer."""
    ends = []
    for touched in (False, True):
        backbone = Backbone.load(model_folder("bert"), mlm=True)
        torch.manual_seed(3)
        table = TABLES[name](backbone.table.num_embeddings, backbone.hidden_size)
        backbone.base.set_input_embeddings(table)
        if touched:
            make_optimizer(backbone, ProjectionHead(backbone.hidden_size, "multi"), TrainConfig())
        for ids in ([[3, 3, 5]], [[5, 1]]):
            output = backbone.table(torch.tensor(ids))
            (output.sin().sum() * len(ids[0])).backward()
        gradient = table.weight.grad
        assert gradient is not None
        ends.append((output.detach(), table.weight.detach(), gradient.to_dense()))
    for expected, found in zip(*ends, strict=True):
        assert torch.equal(found, expected)
    assert bool(ends[0][2].any())


def test_several_optimizers_of_one_encoder_add_once(model_folder: Folders) -> None:
    backbone = Backbone.load(model_folder("bert"), mlm=True)
    head = ProjectionHead(backbone.hidden_size, "multi")
    for _ in range(3):
        make_optimizer(backbone, head, TrainConfig())
    table = backbone.table
    table(torch.tensor([4, 4])).sum().backward()
    assert len(table._forward_hooks) == 1
    assert table.weight.grad is not None
    assert table.weight.grad[:, 0].nonzero().tolist() == [[4]]
    assert float(table.weight.grad[4, 0]) == 2

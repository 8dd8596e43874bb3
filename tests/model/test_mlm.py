"""The output layer filled up to a multiple of 64 rows gives what it gives as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from crosszero.model.backbone import Backbone
from crosszero.model.mlm import MlmHead, fill_up


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("outputs", [1, 63, 64, 101])
def test_values_and_gradients_stay(outputs: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, outputs, bias=bias, dtype=torch.float64)
    rows = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    found = []
    for run in (layer, lambda x: fill_up(layer, x)):
        layer.zero_grad()
        rows.grad = None
        logits = run(rows)
        assert logits.shape == (5, outputs)
        logits.logsumexp(1).sum().backward()
        found.append([logits.detach(), rows.grad, *(p.grad for p in layer.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "modernbert"])
def test_the_head_of_a_model_uses_it_where_it_is_asked_to(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As on a GPU; afterwards the model's layer is as it was."""
    backbone = Backbone.load(model_folder(kind), mlm=True).eval()
    layer = backbone.model.get_output_embeddings()
    assert layer.out_features % 64
    rows = torch.randn(3, backbone.hidden_size)
    head = MlmHead(backbone.model)
    expected = head(rows)
    widths: list[int] = []

    def spy(one: nn.Linear, given: torch.Tensor) -> torch.Tensor:
        widths.append(one.out_features)
        return fill_up(one, given)

    monkeypatch.setattr("crosszero.model.mlm.fill_up", spy)
    with head._filling_up(torch.device("cuda")):
        filled = head._head(inputs_embeds=rows[None]).logits[0]
    assert widths == ([layer.out_features] if layer.out_features % 8 else [])
    torch.testing.assert_close(filled, expected)
    assert "forward" not in vars(layer)

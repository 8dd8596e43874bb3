"""Compiled layers: one graph for all of them, and the losses and gradients of those as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch._dynamo.utils import counters

from crosszero.errors import ConfigError
from crosszero.model.backbone import Backbone
from crosszero.model.compiling import compile_layers
from crosszero.training import forward_pass, setup
from crosszero.training.loop import train
from crosszero.training.metrics import METRICS, read_metrics

TRACED = "eager"  # the graph as inductor would get it; to compile it takes a minute


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "compile_layers", partial(compile_layers, backend=TRACED))
    measure = torch.compile(forward_pass._sum_losses, dynamic=True, backend=TRACED)
    monkeypatch.setattr(forward_pass, "_compile_sum", lambda: measure)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("settings", [{"pack": True}, {"gradient_cache": True}])
def test_a_training_with_compiled_layers_has_the_losses_of_one_without(
    model_folder: Callable[..., Path],
    store_folder: Callable[..., Path],
    tmp_path: Path,
    settings: dict[str, bool],
) -> None:
    losses, weights = [], []
    for compiled in (False, True):
        out = tmp_path / f"{compiled}"
        train(
            model_folder(), store_folder(), out=out, compile=compiled, steps=4, batch_size=6,
            learning_rate=1e-3, log_every=1, precision="fp32", max_length=32,
            show_progress=False, **settings,
        )  # fmt: skip
        losses.append([line["loss"] for line in read_metrics(out / METRICS)])
        weights.append(load_file(out / "model.safetensors"))
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    torch.testing.assert_close(*weights, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "graphs"),  # ModernBERT's first layer, its global and its local ones differ
    [("bert", 1), ("modernbert", 3)],
)
def test_one_graph_serves_all_layers_and_lengths(
    model_folder: Callable[..., Path], kind: str, graphs: int
) -> None:
    torch._dynamo.reset()
    counters.clear()
    backbone = Backbone.load(model_folder(kind))
    shapes = [(2, 5), (3, 9), (4, 7)]
    texts = [torch.randint(5, 20, shape) for shape in shapes]
    with torch.no_grad():
        expected = [backbone(ids, torch.ones_like(ids)).states[-1] for ids in texts]
        compile_layers(backbone, backend=TRACED)
        found = [backbone(ids, torch.ones_like(ids)).states[-1] for ids in texts]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert counters["stats"]["unique_graphs"] == graphs


def test_reading_single_layers_compiles_nothing(model_folder: Callable[..., Path]) -> None:
    backbone = Backbone.load(model_folder())
    compile_layers(backbone, backend=TRACED)
    ids = torch.randint(5, 20, (2, 5))
    torch._dynamo.reset()
    counters.clear()
    with torch.no_grad(), backbone.reading([1, 2]) as read:
        found = read(ids, torch.ones_like(ids))
    assert not counters["stats"]
    with torch.no_grad():  # and afterwards they are compiled as before
        expected = backbone(ids, torch.ones_like(ids)).states
    assert counters["stats"]["unique_graphs"] == 1
    torch.testing.assert_close(found, [expected[1], expected[2]])


def test_layers_that_cannot_be_told_are_not_compiled(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "blocks", None)
    with pytest.raises(ConfigError, match="compile: true given, but the layers of"):
        compile_layers(Backbone.load(model_folder("bert")))

"""The gradient cache: the gradients of the plain step, in the memory of a mini-batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.losses import contrast
from crosszero.model.options import layer_number
from crosszero.training import gradients
from crosszero.training.batch import Batch, build_batch
from crosszero.training.gradients import backpropagate
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner, StartEncoder
from crosszero.training.loop import train
from crosszero.training.step import StepResult, UnusableBatchError, compute_losses
from crosszero.training.stream import Unit
from crosszero.training.train_config import LayersConfig, TrainConfig
from tests.training.conftest import make_samples

Folders = Callable[..., Path]
Gradients = dict[str, torch.Tensor]


def make_batch(lines: int, level: str = "multi", words: int = 2, multiway: bool = False) -> Batch:
    samples = make_samples(lines, multiway=multiway)
    units: list[Unit] = [tuple(samples[i : i + 3]) for i in range(0, 3 * lines, 3)]
    return build_batch(
        units if multiway else [(sample,) for sample in samples],
        TrainConfig(level=level, words_per_sentence=words),
        np.random.default_rng(0),
    )


def load(folder: Path, level: str) -> tuple[Backbone, ProjectionHead]:
    torch.manual_seed(0)
    backbone = Backbone.load(folder, mlm=True).train()
    return backbone, ProjectionHead(backbone.hidden_size, level)


def step(
    backbone: Backbone,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    *,
    cached: bool,
    dropout: int = 3,
) -> tuple[StepResult, Gradients]:
    backbone.zero_grad()
    head.zero_grad()
    torch.manual_seed(dropout)
    random = np.random.default_rng(5)
    start = None
    if config.anchor_weight:
        start = StartEncoder(backbone, layer_number(config.layers.sentence))
    learner = Learner(backbone=backbone, head=head, config=config, start=start)
    inputs = make_inputs(backbone, batch, config, random)
    if cached:
        result = backpropagate(learner, inputs)
    else:
        result = compute_losses(learner, inputs)
        result.loss.backward()
    named = [*backbone.named_parameters(), *head.named_parameters()]
    return result, {name: p.grad.clone() for name, p in named if p.grad is not None}


@pytest.fixture(scope="module")
def doubles(model_folder: Folders) -> dict[str, tuple[Backbone, ProjectionHead]]:
    """With dropout, in float64."""
    levels = ("multi", "sentence", "split")
    made = {level: load(model_folder(dropout=0.2), level) for level in levels}
    for backbone, head in made.values():
        backbone.double()
        head.double()
    return made


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.integers(2, 11),
    words=st.integers(1, 3),
    budget=st.integers(8, 150),
    entries=st.integers(1, 400),
    multiway=st.booleans(),
    choices=st.fixed_dictionaries(
        {
            "level": st.sampled_from(["multi", "sentence", "split"]),
            "layers": st.sampled_from([LayersConfig(), LayersConfig(sentence="last", word=1)]),
            "anchor_weight": st.sampled_from([0.0, 0.7]),
            "word_weight": st.sampled_from([0.5, 2.0]),
            "loss": st.sampled_from(["cz-nce", "info-nce"]),
            "mask_contrastive_input": st.booleans(),
            "mlm_weight": st.sampled_from([0.0, 0.3]),
            "max_length": st.sampled_from([4, 64]),
        }
    ),
)
def test_gradients_are_those_of_the_plain_step(
    doubles: dict[str, tuple[Backbone, ProjectionHead]],
    lines: int,
    words: int,
    budget: int,
    entries: int,
    multiway: bool,
    choices: dict[str, Any],
) -> None:
    assume(choices["level"] != "split" or words > 1)
    config = TrainConfig(
        mini_batch_num_tokens=budget, precision="fp32", words_per_sentence=words, **choices
    )
    encoder, head = doubles[config.level]
    batch = make_batch(lines, config.level, words, multiway)
    try:
        plain, expected = step(encoder, head, batch, config, cached=False)
    except UnusableBatchError:
        assume(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradients, "_ENTRIES", entries)
        cached, found = step(encoder, head, batch, config, cached=True)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(cached.loss, plain.loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(cached.drift, plain.drift)
    assert (float(plain.drift.detach()) > 0) == (config.anchor_weight > 0)
    torch.testing.assert_close(cached.contrast.gap, plain.contrast.gap)
    torch.testing.assert_close(cached.contrast.accuracy, plain.contrast.accuracy)
    assert (cached.mlm is None) == (config.mlm_weight == 0)


def test_float32_gradients_agree_and_dropout_is_replayed(model_folder: Folders) -> None:
    backbone, head = load(model_folder(dropout=0.2), "multi")
    batch = make_batch(13, words=3)
    config = TrainConfig(mini_batch_num_tokens=45, precision="fp32", max_length=64, mlm_weight=1.0)
    _, expected = step(backbone, head, batch, config, cached=False)
    _, found = step(backbone, head, batch, config, cached=True)
    _, other = step(backbone, head, batch, config, cached=True, dropout=4)
    assert len(found) > 40
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-5)
    changed = [name for name in found if (other[name] - found[name]).abs().max() > 1e-4]
    assert len(changed) > 30  # what is compared above depends on the dropout masks


def test_bf16_gradients_flow_through_the_second_pass(model_folder: Folders) -> None:
    """Weights that autocast cast without a graph must not be used with one."""
    backbone, head = load(model_folder(dropout=0.0), "multi")
    batch = make_batch(9)
    exact = TrainConfig(mini_batch_num_tokens=45, precision="fp32", max_length=64)
    _, expected = step(backbone, head, batch, exact, cached=False)
    config = TrainConfig(mini_batch_num_tokens=45, precision="bf16", max_length=64)
    _, found = step(backbone, head, batch, config, cached=True)
    assert found.keys() == expected.keys()
    flat = [torch.cat([g[name].flatten() for name in found]) for g in (found, expected)]
    assert torch.nn.functional.cosine_similarity(*flat, dim=0) > 0.98


class _Held:
    """A tensor that a graph keeps; counts itself while it lives."""

    live = peak = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self.size = tensor.numel() * tensor.element_size()
        _Held.live += self.size
        _Held.peak = max(_Held.peak, _Held.live)

    def __del__(self) -> None:
        _Held.live -= self.size


def test_memory_does_not_grow_with_the_batch(model_folder: Folders) -> None:
    backbone, head = load(model_folder(dropout=0.1), "multi")
    config = TrainConfig(mini_batch_num_tokens=100, precision="fp32", max_length=64)
    weights = {p.untyped_storage().data_ptr() for p in backbone.parameters()}
    peaks = {}

    def pack(tensor: torch.Tensor) -> Any:
        own = tensor.untyped_storage().data_ptr() in weights
        return tensor if own else _Held(tensor)

    for cached in (True, False):
        for lines in (10, 80):
            _Held.live = _Held.peak = 0
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: getattr(x, "tensor", x)):
                step(backbone, head, make_batch(lines, words=1), config, cached=cached)
            peaks[cached, lines] = _Held.peak
    assert peaks[True, 80] < 1.3 * peaks[True, 10]
    assert peaks[False, 80] > 4 * peaks[False, 10]
    assert peaks[True, 80] < 0.2 * peaks[False, 80]


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(2, 9),
    entries=st.integers(1, 500),
    loss=st.sampled_from(["cz-nce", "info-nce"]),
    data=st.data(),
)
def test_blocks_of_similarities_change_nothing(
    n: int, entries: int, loss: Any, data: st.DataObject
) -> None:
    groups = torch.tensor(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    assume(len(groups.unique()) > 1)
    random = torch.Generator().manual_seed(n * entries)
    x, y = (torch.randn(n, 5, dtype=torch.float64, generator=random) for _ in range(2))
    results = []
    for bound in (None, entries):
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        found = contrast(a, b, loss=loss, groups=groups, entries=bound)
        found.loss.backward()
        results.append((found.loss, found.accuracy, found.gap, a.grad, b.grad, found.anchors))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


def test_training_with_the_cache_ends_with_the_same_weights(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    """And a run that ran out of memory can go on with it."""
    common = {"batch_size": 8, "steps": 4, "learning_rate": 1e-4, "max_length": 32}
    common |= {"precision": "fp32", "mini_batch_num_tokens": 60, "checkpoint_every": 2}
    ends = []
    for cached in (False, True):
        out = tmp_path / str(cached)
        config = TrainConfig(**common, gradient_cache=cached)
        train(model_folder(), store_folder(40), config, out=out, show_progress=False)
        ends.append(Backbone.load(out, mlm=True).state_dict())
    start = Backbone.load(model_folder(), mlm=True).state_dict()
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=0, atol=1e-5)
    assert max(float((ends[0][n] - start[n]).abs().max()) for n in start) > 2e-4
    (tmp_path / "False" / "model.safetensors").unlink()
    changed = TrainConfig(**common, gradient_cache=True)
    train(
        model_folder(), store_folder(40), changed, out=tmp_path / "False", resume=True,
        show_progress=False,
    )  # fmt: skip

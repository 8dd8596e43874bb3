"""Losses and gradients on the device: against the CPU, with the gradient cache, packed, in bf16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import CPU, Setting
from benchmarks.steps import make_batch
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.options import Precision
from crosszero.model.packing import choose_form
from crosszero.training.auto_settings import decide
from crosszero.training.batch import Batch
from crosszero.training.gradients import compute_gradients
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig

_PAIRS, _WORDS = 8, 2
BASE = TrainConfig(precision="fp32", max_length=64, mini_batch_num_tokens=400, pack=False)
# The largest sums have some thousand terms, each exact to 6e-8; a cosine is divided by 0.07.
_SAME_LOSS, _SAME_GRADIENT = 1e-4, 1e-3
# bf16 keeps 8 bits. In one step the directions of fp32 and bf16 hardly differ.
_NEAR_LOSS, _NEAR_DIRECTION = 0.05, 0.01
_REPLAYED: dict[Precision, float] = {"fp32": 1e-3, "bf16": 0.05}


class Gradients(NamedTuple):
    """What one step gives.

    Attributes:
        contrastive, mlm: the losses.
        gradients: of every parameter that has one.
    """

    contrastive: float
    mlm: float
    gradients: dict[str, Tensor]


def check_training(setting: Setting, journal: Journal) -> None:
    """Run all checks of a step."""
    batch = make_batch(setting.read_rows(_PAIRS), _WORDS)
    backbone = setting.load_backbone(CPU)  # weights drawn on a GPU would be others
    run = make_runner(backbone, batch)
    expected = run(BASE)
    moved = {name: one.to(setting.device) for name, one in expected.gradients.items()}
    expected = expected._replace(gradients=moved)
    backbone.to(setting.device)
    found = run(BASE)
    _check_same(journal, "fp32 on the device, against the CPU", found, expected)
    half = replace(BASE, precision="bf16")
    check_near(journal, "bf16, against fp32", run(half), found)
    for config in (BASE, half):
        _check_cache(journal, config.precision, run, config)
    packed = decide(backbone, replace(half, pack=True), None)
    journal.note(f"packed in the form {choose_form(backbone)}")
    check_near(journal, "bf16, packed, against fp32", run(packed), found)
    _check_cache(journal, "bf16, packed", run, packed)


def make_runner(backbone: Backbone, batch: Batch) -> Callable[..., Gradients]:
    torch.manual_seed(2)
    head = ProjectionHead(backbone.hidden_size, "multi")

    def run(config: TrainConfig, *, dropout: bool = False) -> Gradients:
        backbone.train(dropout)
        head.to(backbone.device)
        return take_gradients(backbone, head, batch, config)

    return run


def take_gradients(
    backbone: Backbone,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    ranks: Ranks = ALONE,
) -> Gradients:
    """Take the gradients of a batch; the same random numbers each time."""
    torch.manual_seed(5)
    inputs = make_inputs(backbone, batch, config, np.random.default_rng(7), ranks)
    learner = Learner(backbone=backbone, head=head, config=config, ranks=ranks)
    result = compute_gradients(learner, inputs)
    named = [*backbone.named_parameters(), *head.named_parameters(prefix="head")]
    ranks.add_gradients([parameter for _, parameter in named], torch.zeros(1))
    found = {name: p.grad.float() for name, p in named if p.grad is not None}
    for _, parameter in named:
        parameter.grad = None
    mlm = torch.zeros(()) if result.mlm is None else result.mlm
    return Gradients(float(result.contrast.loss.detach()), float(mlm.detach()), found)


def _check_same(journal: Journal, what: str, found: Gradients, expected: Gradients) -> None:
    _check_losses(journal, what, found, expected, _SAME_LOSS)
    journal.check(f"{what}: gradient", measure_worst(found, expected), _SAME_GRADIENT)


def check_near(journal: Journal, what: str, found: Gradients, expected: Gradients) -> None:
    _check_losses(journal, what, found, expected, _NEAR_LOSS)
    journal.check(f"{what}: direction", 1 - measure_cosine(found, expected), _NEAR_DIRECTION)


def _check_losses(
    journal: Journal, what: str, found: Gradients, expected: Gradients, limit: float
) -> None:
    apart = abs(found.contrastive - expected.contrastive)
    journal.check(f"{what}: contrastive loss", apart, limit)
    journal.check(f"{what}: MLM loss", abs(found.mlm - expected.mlm), limit)


def _check_cache(
    journal: Journal, what: str, run: Callable[..., Gradients], config: TrainConfig
) -> None:
    """The gradient cache must replay dropout: another one would give another gradient."""
    plain = run(config, dropout=True)
    again = run(config, dropout=True)
    cached = run(replace(config, gradient_cache=True), dropout=True)
    other = run(config)
    limit = _REPLAYED[config.precision]
    journal.check(f"gradient cache, {what}", measure_worst(cached, plain), limit)
    journal.check(f"the same step twice, {what}", measure_worst(again, plain), limit)
    journal.row(f"without dropout, {what}", gradient=measure_worst(other, plain))


def measure_worst(found: Gradients, expected: Gradients) -> float:
    """Largest relative distance of a parameter's gradient.

    One that is nearly nothing, as that of the biases of keys, is held against the others.
    """
    theirs = expected.gradients
    if found.gradients.keys() != theirs.keys():
        return float("nan")
    norms = {name: float(one.norm()) for name, one in theirs.items()}
    least = 0.01 * (sum(norm**2 for norm in norms.values()) / len(norms)) ** 0.5
    return max(
        float((one - theirs[name]).norm()) / max(norms[name], least)
        for name, one in found.gradients.items()
    )


def measure_cosine(found: Gradients, expected: Gradients) -> float:
    """Cosine of all gradients as one vector."""
    pairs = [(one, expected.gradients[name]) for name, one in found.gradients.items()]
    dot = sum(float((a * b).sum()) for a, b in pairs)
    lengths = [sum(float((part**2).sum()) for part in side) for side in zip(*pairs, strict=True)]
    return dot / float(np.sqrt(lengths[0] * lengths[1]))

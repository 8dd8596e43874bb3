"""Gradients of a batch of any size in the memory of one mini-batch.

A contrastive loss ties all texts of a batch together, so a plain step holds the activations of all
of them. They meet only in the anchors' vectors, though, and those are small. Hence three steps:

1. Encode every mini-batch without a graph, and keep the anchors' vectors, and the state of the
   random numbers that each mini-batch began with.
2. Compute the loss from the vectors, and its gradient with respect to them (the cache). The matrix
   of similarities is computed in blocks of rows, since it grows with the square of the batch.
3. Encode every mini-batch again, with the same random numbers, hence the same dropout, and
   back-propagate its part of the cache, together with its part of the MLM loss, whose logits
   therefore exist for one mini-batch at a time too.

The gradients are those of the plain step, for one more forward pass: a third more computation.

Source:
    Gao et al. 2021, arXiv 2101.06983, section 3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from crosszero.memory import release_memory
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.precision import autocast
from crosszero.training.batch import Batch
from crosszero.training.forward_pass import cut_texts, encode_mini_batch, join, predict
from crosszero.training.inputs import Inputs, Integers, Masked, make_inputs
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.start_encoder import StartEncoder
from crosszero.training.step import StepResult, compare, describe
from crosszero.training.train_config import TrainConfig

_ENTRIES = 2**21  # similarities computed at a time: 8 MB a copy in fp32


def backpropagate(
    backbone: Backbone,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    random: np.random.Generator,
    ranks: Ranks = ALONE,
    start: StartEncoder | None = None,
) -> StepResult:
    """Add the gradients of all losses to the parameters, a mini-batch at a time.

    Arguments, errors and gradients are those of :func:`crosszero.training.step.compute_losses`;
    `mini_batch_num_tokens` decides how much memory is needed. Not to be called under autocast:
    `config.precision` is applied to each forward pass by itself, because autocast would hand the
    weights that it cast in the first pass, without a graph, to the second.

    Returns:
        The result of the step; its losses have no graph.
    """
    device = next(backbone.parameters()).device
    inputs = make_inputs(backbone, batch, config, random, ranks)
    mini_batches = cut_texts(inputs, config.mini_batch_num_tokens)
    masked = inputs.masked
    read = masked if config.mask_contrastive_input else None
    mlm = torch.zeros((), device=device)
    if masked is not None and read is None:
        for members in mini_batches:  # texts do not meet in the MLM loss: there is nothing to cache
            mlm = mlm + _encode_again(backbone, inputs, members, masked, None, config)[0]

    states, parts = [], []
    for members in mini_batches:
        states.append(_RandomState(device))
        with torch.no_grad(), autocast(config.precision, device):
            part = encode_mini_batch(backbone, members, inputs, read, config)
        parts.append(replace(part, hidden=None))
    vectors = join(parts, head, backbone).vectors.requires_grad_()
    del parts
    with autocast(config.precision, device):
        compared = compare(head, vectors, inputs, config, ranks, entries=_ENTRIES)
        loss = compared.weigh(config)
    loss.backward()

    drift = torch.zeros((), device=device)
    for members, state in zip(mini_batches, states, strict=True):
        state.restore()
        cache = vectors.grad
        more = _encode_again(backbone, inputs, members, read, cache, config, start)
        mlm, drift = mlm + more[0], drift + more[1]
    return describe(inputs, compared.detach(), None if masked is None else mlm, drift, config)


def _encode_again(
    backbone: Backbone,
    inputs: Inputs,
    members: Integers,
    masked: Masked | None,
    cache: Tensor | None,
    config: TrainConfig,
    start: StartEncoder | None = None,
) -> tuple[Tensor, Tensor]:
    """Back-propagate a mini-batch's part of all losses; gives its MLM loss and its drift."""
    device = next(backbone.parameters()).device
    with autocast(config.precision, device):
        part = encode_mini_batch(backbone, members, inputs, masked, config, start)
        mlm = torch.zeros((), device=device) if masked is None else predict(backbone, part, masked)
    loss = config.mlm_weight * mlm + config.anchor_weight * part.drift
    if cache is not None:
        loss = loss + (part.vectors * cache[torch.from_numpy(part.anchors).to(device)]).sum()
    loss.backward()
    parts = mlm.detach(), part.drift.detach()
    del loss, part, mlm
    if device.type == "cpu":  # each mini-batch has another shape
        release_memory()
    return parts


class _RandomState:
    """Where torch's random numbers stand, on the CPU and on the encoder's device."""

    def __init__(self, device: torch.device) -> None:
        self._cpu = torch.get_rng_state()
        self._module = None if device.type == "cpu" else torch.get_device_module(device)
        self._own = self._module.get_rng_state() if self._module else None

    def restore(self) -> None:
        torch.set_rng_state(self._cpu)
        if self._module:
            self._module.set_rng_state(self._own)

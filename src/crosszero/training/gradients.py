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

import torch
from torch import Tensor

from crosszero.memory import release_memory
from crosszero.model.precision import autocast
from crosszero.model.transfer import send
from crosszero.training.forward_pass import encode_mini_batch, join, predict
from crosszero.training.inputs import Inputs
from crosszero.training.learner import Learner
from crosszero.training.mini_batch import MiniBatch
from crosszero.training.step import StepResult, compare, compute_losses, describe

_ENTRIES, _ENTRIES_GPU = 2**21, 2**27  # similarities at a time: 8 or 512 MB a copy in fp32


def compute_gradients(learner: Learner, inputs: Inputs) -> StepResult:
    """Add the gradients of a batch to the parameters, with the cache or without, as is set."""
    config = learner.config
    if config.gradient_cache:
        return backpropagate(learner, inputs)
    with autocast(config.precision, learner.backbone.device):
        result = compute_losses(learner, inputs)
    result.loss.backward()
    return result


def backpropagate(learner: Learner, inputs: Inputs) -> StepResult:
    """Add the gradients of all losses to the parameters, a mini-batch at a time.

    The gradients are those of :func:`crosszero.training.step.compute_losses`; the size of the
    mini-batches decides how much memory is needed. Not to be called under autocast: the precision
    is applied to each forward pass by itself, because autocast would hand the weights that it cast
    in the first pass, without a graph, to the second.

    Returns:
        The result of the step; its losses have no graph.
    """
    config, device = learner.config, learner.backbone.device
    masked = inputs.masked and config.mask_contrastive_input
    mlm = torch.zeros((), device=device)
    if inputs.masked and not masked:
        for mini_batch in inputs.mini_batches:  # texts do not meet in the MLM loss: no cache
            mlm = mlm + _encode_again(learner, inputs, mini_batch, None, masked=True)[0]

    states, parts = [], []
    for mini_batch in inputs.mini_batches:
        states.append(_RandomState(device))
        with torch.no_grad(), autocast(config.precision, device):
            part = encode_mini_batch(learner, mini_batch, masked=masked)
        parts.append(replace(part, masked=None))
    vectors = join(learner, parts).vectors.requires_grad_()
    del parts
    with autocast(config.precision, device):
        entries = _ENTRIES if device.type == "cpu" else _ENTRIES_GPU
        compared = compare(learner, vectors, inputs, entries=entries)
        loss = compared.weigh(config)
    loss.backward()

    drift = torch.zeros((), device=device)
    for mini_batch, state in zip(inputs.mini_batches, states, strict=True):
        state.restore()
        more = _encode_again(learner, inputs, mini_batch, vectors.grad, masked=masked)
        mlm, drift = mlm + more[0], drift + more[1]
    return describe(compared.detach(), mlm if inputs.masked else None, drift, config)


def _encode_again(
    learner: Learner, inputs: Inputs, mini_batch: MiniBatch, cache: Tensor | None, *, masked: bool
) -> tuple[Tensor, Tensor]:
    """Back-propagate a mini-batch's part of all losses; gives its MLM loss and its drift.

    Without a `cache` that is the part of the MLM loss alone.
    """
    config, device = learner.config, learner.backbone.device
    with autocast(config.precision, device):
        anchored = cache is not None
        part = encode_mini_batch(learner, mini_batch, masked=masked, anchored=anchored)
        mlm = predict(learner, part) if masked else torch.zeros((), device=device)
    drift = part.drift / inputs.texts
    loss = config.mlm_weight * mlm + config.anchor_weight * drift
    if cache is not None:
        own = send({"anchors": part.anchors}, device)["anchors"]
        loss = loss + (part.vectors * cache[own]).sum()
    loss.backward()
    parts = mlm.detach(), drift.detach()
    del loss, part, mlm, drift
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

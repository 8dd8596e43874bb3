"""Adversarial training: learn from the worst embeddings near the true ones (arXiv 2104.08645)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import PreTrainedModel

from crosszero.tasks.finetune.losses import measure_cross_entropy
from crosszero.tasks.finetune.robust.ball import dropout_off, project


def adversarial_loss(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    labels: Tensor,
    rest: Mapping[str, Tensor],
    *,
    movable: Tensor,
    radius: float,
    steps: int,
    step_size: float,
) -> Tensor:
    """Cross-entropy at the worst embeddings that :func:`find_worst` finds, and there alone.

    Returns:
        A scalar, the mean over the batch.

    Source:
        arXiv 2104.08645, adversarial training: the model is fitted to the greatest loss in the
        ball. Chosen here, where its text was not at hand: a ball for each word rather than for the
        sentence, no term for the unmoved embeddings, dropout off in the search.
    """
    shift = find_worst(
        model,
        inputs_embeds,
        labels,
        rest,
        movable=movable,
        radius=radius,
        steps=steps,
        step_size=step_size,
    )
    return measure_cross_entropy(model(inputs_embeds=inputs_embeds + shift, **rest).logits, labels)


def find_worst(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    labels: Tensor,
    rest: Mapping[str, Tensor],
    *,
    movable: Tensor,
    radius: float,
    steps: int,
    step_size: float,
) -> Tensor:
    """Search the shift of the embeddings with the greatest loss, by projected gradient ascent.

    Each step moves every word along its own gradient by the same length, which is the best one can
    do in a product of balls if the loss is linear. The search starts at the embeddings themselves.

    Args:
        steps: forward and backward passes to spend.
        step_size: length of a step, as a share of the radius.

    Returns:
        (batch, tokens, H), at most `radius` long at each token and 0 where it can't be moved,
        without gradient. Gradients of the model are left alone.
    """
    start = inputs_embeds.detach()
    shift = torch.zeros_like(start)
    with dropout_off(model), torch.enable_grad():
        for _ in range(steps):
            shift.requires_grad_()
            logits = model(inputs_embeds=start + shift, **rest).logits
            # A sum, so that the size of the batch does not drive gradients towards 0.
            loss = cross_entropy(logits.float(), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, shift)
            moved = shift.detach() + step_size * radius * normalize(gradient, dim=-1)
            shift = project(moved, radius) * movable.unsqueeze(-1)
    return shift

"""Randomised smoothing: learn, and if wanted predict, in random noise (arXiv 2104.08645)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from transformers import PreTrainedModel

from crosszero.tasks.finetune.losses import measure_cross_entropy
from crosszero.tasks.finetune.robust.ball import sample_ball


def smoothing_loss(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    labels: Tensor,
    rest: Mapping[str, Tensor],
    *,
    movable: Tensor,
    radius: float,
) -> Tensor:
    """Cross-entropy at embeddings with random noise, drawn anew at every call.

    Returns:
        A scalar, the mean over the batch.

    Source:
        arXiv 2104.08645, randomised smoothing by random perturbation. Chosen here, where its text
        was not at hand: noise uniform in a ball for each word, one draw a step. The paper's other
        way, synonyms from a dictionary, is left out: it needs one.
    """
    noisy = inputs_embeds + _draw(inputs_embeds, movable, radius, None)
    return measure_cross_entropy(model(inputs_embeds=noisy, **rest).logits, labels)


def vote_noisy(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    rest: Mapping[str, Tensor],
    *,
    movable: Tensor,
    radius: float,
    votes: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Count the labels that the model gives to noisy copies of each example.

    Args:
        votes: number of copies.
        generator: source of the noise; without one it is torch's own.

    Returns:
        (batch, labels) whole numbers that add up to `votes` in each row. The smoothed model's
        prediction is the greatest.
    """
    counts = torch.zeros(0)
    for _ in range(votes):
        noisy = inputs_embeds + _draw(inputs_embeds, movable, radius, generator)
        logits = model(inputs_embeds=noisy, **rest).logits
        ballot = one_hot(logits.argmax(-1), logits.shape[-1])
        counts = counts + ballot if len(counts) else ballot
    return counts


def _draw(
    like: Tensor, movable: Tensor, radius: float, generator: torch.Generator | None
) -> Tensor:
    return sample_ball(like.detach(), radius, generator) * movable.unsqueeze(-1)

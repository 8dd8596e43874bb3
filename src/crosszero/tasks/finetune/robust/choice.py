"""From settings to the loss: embeddings, movable tokens and radius are worked out here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.losses import Loss, plain_loss
from crosszero.tasks.finetune.robust.adversarial import adversarial_loss
from crosszero.tasks.finetune.robust.ball import find_movable, measure_scale
from crosszero.tasks.finetune.robust.ear import measure_ear, push_embeddings
from crosszero.tasks.finetune.robust.smoothing import smoothing_loss, vote_noisy


def make_loss(config: FineTuneConfig, model: PreTrainedModel, special: Sequence[int]) -> Loss:
    """Choose the loss of a classification.

    Args:
        config: says which, and its settings.
        model: its embeddings as they are now, at the start, set the scale of the radii.
        special: numbers of the special tokens, which are not moved.

    Returns:
        A function of model, inputs, each (batch, tokens), and labels (batch,): the mean loss.
    """
    if config.robust == "none":
        return plain_loss
    scale = measure_scale(model)

    def loss(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        embeddings, movable, rest = _open(model, inputs, special)
        if config.robust == "adversarial":
            return adversarial_loss(
                model,
                embeddings,
                labels,
                rest,
                movable=movable,
                radius=config.adversarial_radius * scale,
                steps=config.adversarial_steps,
                step_size=config.adversarial_step_size,
            )
        if config.robust == "smoothing":
            radius = config.smoothing_radius * scale
            return smoothing_loss(model, embeddings, labels, rest, movable=movable, radius=radius)
        shift = push_embeddings(
            model,
            embeddings,
            rest,
            movable=movable,
            radius=config.ear_radius * scale,
            steps=config.ear_steps,
        )
        terms = measure_ear(model, embeddings, embeddings + shift, labels, rest)
        pull = config.ear_attention_weight * terms.attention
        return terms.task + pull + config.ear_target_weight * terms.target

    return loss


def vote(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    special: Sequence[int],
    votes: int,
    radius: float,
    generator: torch.Generator,
) -> Tensor:
    """Count the labels that noisy copies of each example get.

    Args:
        model: in evaluation mode.
        inputs: each (batch, tokens).
        special: numbers of the special tokens, which are not moved.
        votes: number of copies.
        radius: of the noise, a length.
        generator: source of the noise.

    Returns:
        (batch, labels) whole numbers that add up to `votes` in each row.
    """
    embeddings, movable, rest = _open(model, inputs, special)
    return vote_noisy(
        model,
        embeddings,
        rest,
        movable=movable,
        radius=radius,
        votes=votes,
        generator=generator,
    )


def _open(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], special: Sequence[int]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Embeddings, movable tokens, and the inputs other than tokens."""
    rest = dict(inputs)
    ids = rest.pop("input_ids")
    movable = find_movable(ids, rest["attention_mask"], special)
    embeddings = cast(nn.Embedding, model.get_input_embeddings())(ids)
    return embeddings, movable, rest

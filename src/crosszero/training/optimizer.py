"""AdamW, fused where possible, with rates of their own for head and embeddings; their schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.options import layer_number
from crosszero.model.precision import autocast
from crosszero.training.embedding_gradient import add_in_place
from crosszero.training.learner import Learner
from crosszero.training.train_config import TrainConfig


def make_optimizer(
    backbone: Backbone, head: ProjectionHead, config: TrainConfig
) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices only, head and token embeddings at their own rates.

    On a CPU, lookups in the table of embeddings add their gradients in place from now on.

    `backbone` and `head` are on their device; what does not require a gradient is left out.
    """
    rate = config.learning_rate
    embeddings = backbone.table
    table = list(embeddings.parameters())
    inside = {id(p) for p in table}
    groups: list[dict[str, Any]] = []
    for parameters, own_rate in (
        ([p for p in backbone.parameters() if id(p) not in inside], rate),
        (table, config.embedding_learning_rate or rate),
        (list(head.parameters()), config.head_learning_rate or rate),
    ):
        for matrices in (True, False):
            chosen = [p for p in parameters if p.requires_grad and (p.dim() > 1) == matrices]
            decay = config.weight_decay if matrices else 0.0
            if chosen:
                groups.append({"params": chosen, "base_lr": own_rate, "weight_decay": decay})
    device = backbone.device.type
    if device == "cpu":
        add_in_place(embeddings)
    return torch.optim.AdamW(
        groups,
        lr=rate,
        betas=(0.9, config.adam_beta2),
        fused=device in ("cpu", "cuda"),  # several times faster; others may lack it
    )


def find_reached(learner: Learner) -> list[nn.Parameter]:
    """Parameters to which the losses give a gradient, told by a pass over two tokens."""
    backbone, head, config = learner.backbone, learner.head, learner.config
    like = next(backbone.parameters())
    device = like.device
    ids = torch.from_numpy(backbone.ordinary_ids[None, :2]).to(device)
    with autocast(config.precision, device):
        states = backbone(ids, torch.ones_like(ids))
        layers = (layer_number(config.layers.sentence), layer_number(config.layers.word))
        pooled = [states.read(layer).sum() for layer in layers]
        loss = pooled[0] + pooled[1] + head(like.new_zeros(1, head.width)).sum()
        if config.mlm_weight > 0 and backbone.mlm_head is not None:
            loss = loss + backbone.mlm_head(states.read(-1)[0]).sum()
    loss.backward()
    parameters = [*backbone.parameters(), *head.parameters()]
    found = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter in parameters:
        parameter.grad = None
    return found


def clip_gradients(parameters: Iterable[nn.Parameter], most: float) -> Tensor:
    """Scale gradients down to a norm; 0 leaves them. Gives the norm before."""
    return torch.nn.utils.clip_grad_norm_(parameters, most or math.inf)


def learning_rate_factor(step: int, total: int, config: TrainConfig) -> float:
    """Factor of the highest learning rate at a step, from 0 to `total` - 1.

    A function of the step alone, so that resuming needs no state.

    Example:
        >>> config = TrainConfig(schedule="multistep", milestones=(0.5,), decay=0.1)
        >>> [learning_rate_factor(step, 4, config) for step in range(4)]
        [1.0, 1.0, 0.1, 0.1]
    """
    warm = math.ceil(config.warmup * total)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = (step - warm) / max(1, total - warm)
    if config.schedule == "linear":
        return 1 - done
    if config.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if config.schedule == "multistep":
        return config.decay ** sum(step / total >= milestone for milestone in config.milestones)
    return 1.0

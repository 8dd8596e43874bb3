"""EAR: embedding-push, attention-pull and robust target (arXiv 2210.09934).

Written from the abstract; docs/method.md says what the authors do differently. Embeddings are
pushed off the English ones to "virtual multilingual" ones; attention of the original and of the
pushed sentence is pulled together, so that the push does not change the meaning; and the two
predictions are kept equal. The abstract leaves the rest open; the choices here are:

* The push moves every word by the same length, the radius: as far from English as a ball allows.
  Its direction starts at random and is turned towards where the prediction changes most.
* Attention is compared by the squared distance between the rows of its weights.
* Predictions are compared by the Kullback-Leibler divergence, in both directions.
* The label itself is learnt at the original sentence.
* Both passes draw the same dropout, so that the terms measure the push alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, normalize
from transformers import PreTrainedModel

from crosszero.errors import ConfigError
from crosszero.tasks.finetune.losses import measure_cross_entropy
from crosszero.tasks.finetune.robust.ball import dropout_off, sample_directions


class EarTerms(NamedTuple):
    """The parts of the loss, scalars.

    Attributes:
        task: cross-entropy at the original embeddings, in nats.
        attention: 0 if both sentences attend alike, at most 2.
        target: divergence of the predictions, in nats, 0 if they are equal.
    """

    task: Tensor
    attention: Tensor
    target: Tensor


def push_embeddings(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    rest: Mapping[str, Tensor],
    *,
    movable: Tensor,
    radius: float,
    steps: int,
) -> Tensor:
    """Find virtual multilingual embeddings: the embedding-push.

    Args:
        steps: of gradient ascent that turn the direction; each costs a forward and a backward
            pass. At the original the divergence is 0 and so is its gradient: hence the random
            start.

    Returns:
        (batch, tokens, H), the shift: `radius` long where it may be, else 0; without gradient.
    """
    start = inputs_embeds.detach()
    movable = movable.unsqueeze(-1)
    shift = radius * sample_directions(start) * movable
    with dropout_off(model):
        if steps:
            with torch.no_grad():
                original = model(inputs_embeds=start, **rest).logits
        for _ in range(steps):
            with torch.enable_grad():
                shift.requires_grad_()
                logits = model(inputs_embeds=start + shift, **rest).logits
                divergence = measure_divergence(original, logits) * len(logits)
                (gradient,) = torch.autograd.grad(divergence, shift)
            turned = normalize(shift.detach() + radius * normalize(gradient, dim=-1), dim=-1)
            shift = radius * turned * movable
    return shift


def measure_ear(
    model: PreTrainedModel,
    inputs_embeds: Tensor,
    pushed_embeds: Tensor,
    labels: Tensor,
    rest: Mapping[str, Tensor],
) -> EarTerms:
    """Measure the three terms for a batch and its pushed embeddings.

    The model has to be loaded with ``attn_implementation="eager"``, to give its attention weights.
    Gradients flow to both embeddings.

    Returns:
        The terms, means over the batch; attention also over layers, heads and tokens.

    Raises:
        ConfigError: the model does not give its attention weights.
    """
    device = inputs_embeds.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        original = model(inputs_embeds=inputs_embeds, output_attentions=True, **rest)
    pushed = model(inputs_embeds=pushed_embeds, output_attentions=True, **rest)
    pairs = list(zip(original.attentions or (), pushed.attentions or (), strict=True))
    if not pairs or any(a is None for pair in pairs for a in pair):
        raise ConfigError(
            f"{type(model).__name__} gives no attention weights: load it with "
            'attn_implementation="eager"'
        )
    mask = rest["attention_mask"].to(inputs_embeds.dtype)
    apart = [measure_attention(a, b, mask) for a, b in pairs]
    return EarTerms(
        task=measure_cross_entropy(original.logits, labels),
        attention=torch.stack(apart).mean(),
        target=measure_divergence(original.logits, pushed.logits),
    )


def measure_attention(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Squared distance of attention rows, mean over heads, real tokens and batch.

    Args:
        first, second: (batch, heads, tokens, tokens), rows add up to 1 (apart from dropout).
        mask: (batch, tokens), 0 for padding, whose rows do not count.
    """
    apart = (first.float() - second.float()).square().sum(-1).mean(1)  # (batch, tokens)
    return ((apart * mask).sum(-1) / mask.sum(-1)).mean()


def measure_divergence(first: Tensor, second: Tensor) -> Tensor:
    """Mean of the Kullback-Leibler divergences of (batch, labels) logits in both directions."""
    p, q = log_softmax(first.float(), -1), log_softmax(second.float(), -1)
    there = kl_div(q, p, log_target=True, reduction="batchmean")
    back = kl_div(p, q, log_target=True, reduction="batchmean")
    return (there + back) / 2

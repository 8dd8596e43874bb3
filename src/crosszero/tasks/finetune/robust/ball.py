"""Embeddings moved inside an L2 ball around each sub-token's: to the worst place, or at random.

Special tokens, which all languages share, and padding stay where they are. Radii are given as
shares of the mean length of the encoder's token embeddings at the start, so that one setting fits
encoders of any scale. Source: arXiv 2104.08645. Its authors released the code of neither; chosen
here: a ball for each sub-token rather than for the sentence, noise uniform in it, no term for the
unmoved embeddings, dropout off in the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot
from transformers import PreTrainedModel


class Embedded(NamedTuple):
    """What goes through a model, with embeddings in place of token numbers.

    Attributes:
        embeddings: (batch, tokens, H).
        movable: (batch, tokens) bool, whether a token is neither padding nor special.
        rest: what else the model takes, each (batch, tokens).
    """

    embeddings: Tensor
    movable: Tensor
    rest: dict[str, Tensor]

    @classmethod
    def of(
        cls, model: PreTrainedModel, inputs: Mapping[str, Tensor], special: Sequence[int]
    ) -> Embedded:
        """Look up the embeddings; `special` are the numbers of the special tokens."""
        rest = dict(inputs)
        ids = rest.pop("input_ids")
        fixed = torch.tensor(list(special), device=ids.device, dtype=ids.dtype)
        movable = rest["attention_mask"].bool() & ~torch.isin(ids, fixed)
        return cls(cast(nn.Embedding, model.get_input_embeddings())(ids), movable, rest)

    def run(self, model: PreTrainedModel, shift: Tensor | float = 0.0) -> Tensor:
        """Logits (batch, labels) where the movable tokens are shifted."""
        shift = shift * self.movable.unsqueeze(-1)
        logits: Tensor = model(inputs_embeds=self.embeddings + shift, **self.rest).logits
        return logits


def find_worst(
    model: PreTrainedModel,
    batch: Embedded,
    labels: Tensor,
    *,
    radius: float,
    steps: int,
    step_size: float,
) -> Tensor:
    """Search the shift of the embeddings with the greatest loss, by projected gradient ascent.

    Each step moves every word along its own gradient by the same length, which is the best one can
    do in a product of balls if the loss is linear. The search starts at the embeddings themselves.

    Args:
        model, batch, labels: labels are (batch,).
        radius: of the balls, a length.
        steps: forward and backward passes to spend.
        step_size: length of a step, as a share of the radius.

    Returns:
        (batch, tokens, H), at most `radius` long at each token and 0 where it can't be moved,
        without gradient. Gradients of the model are left alone.
    """
    batch = batch._replace(embeddings=batch.embeddings.detach())
    shift = torch.zeros_like(batch.embeddings)
    with _dropout_off(model), torch.enable_grad():
        for _ in range(steps):
            shift.requires_grad_()
            # A sum, so that the size of the batch does not drive gradients towards 0.
            loss = cross_entropy(batch.run(model, shift).float(), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, shift)
            moved = shift.detach() + step_size * radius * normalize(gradient, dim=-1)
            shift = project(moved, radius) * batch.movable.unsqueeze(-1)
    return shift


def vote(
    model: PreTrainedModel,
    batch: Embedded,
    *,
    radius: float,
    votes: int,
    generator: torch.Generator,
) -> Tensor:
    """Count the labels that `votes` noisy copies of each example get, as (batch, labels)."""
    counts = torch.zeros(0)
    for _ in range(votes):
        logits = batch.run(model, sample_ball(batch.embeddings, radius, generator))
        ballot = one_hot(logits.argmax(-1), logits.shape[-1])
        counts = counts + ballot if len(counts) else ballot
    return counts


def measure_scale(model: PreTrainedModel) -> float:
    """Mean length of the model's token embeddings, by which radii are measured."""
    table = cast(nn.Embedding, model.get_input_embeddings()).weight
    return float(table.detach().float().norm(dim=-1).mean())


def project(shift: Tensor, radius: float) -> Tensor:
    """Bring each vector of (..., H) that is longer than `radius` back to that length.

    Example:
        >>> project(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    lengths = shift.norm(dim=-1, keepdim=True)
    factors: Tensor = (radius / lengths.clamp(min=1e-30)).clamp(max=1.0)
    return shift * factors


def sample_ball(like: Tensor, radius: float, generator: torch.Generator | None = None) -> Tensor:
    """Vectors (..., H), uniform in the ball; in many dimensions nearly all lie at its surface."""
    options: dict[str, Any] = {"device": like.device, "dtype": like.dtype}
    noise = torch.randn(like.shape, generator=generator, **options)
    draw = torch.rand(like.shape[:-1], generator=generator, **options)
    share = draw.pow(1 / like.shape[-1]).unsqueeze(-1)
    return project(normalize(noise, dim=-1) * share * radius, radius)


@contextmanager
def _dropout_off(model: PreTrainedModel) -> Iterator[None]:
    """Run in evaluation mode: a direction shall be searched in the model, not in its noise."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)

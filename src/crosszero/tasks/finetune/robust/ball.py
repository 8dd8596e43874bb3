"""Geometry of the neighbourhood: one L2 ball around each word's embedding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import PreTrainedModel


def find_movable(input_ids: Tensor, attention_mask: Tensor, special: Sequence[int]) -> Tensor:
    """Tell which tokens may be moved: neither padding nor special.

    Args:
        input_ids, attention_mask: (batch, tokens).
        special: numbers of the special tokens.

    Returns:
        (batch, tokens) bool.

    Example:
        >>> ids = torch.tensor([[2, 7, 8, 3, 0]])
        >>> find_movable(ids, (ids > 0).long(), [0, 2, 3]).tolist()
        [[False, True, True, False, False]]
    """
    fixed = torch.tensor(list(special), device=input_ids.device, dtype=input_ids.dtype)
    return attention_mask.bool() & ~torch.isin(input_ids, fixed)


def measure_scale(model: PreTrainedModel) -> float:
    """Mean length of the model's token embeddings, by which radii are measured."""
    table = cast(nn.Embedding, model.get_input_embeddings()).weight
    return float(table.detach().float().norm(dim=-1).mean())


def project(shift: Tensor, radius: float) -> Tensor:
    """Bring each vector that is longer than `radius` back to that length.

    Args:
        shift: (..., H).

    Example:
        >>> project(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    lengths = shift.norm(dim=-1, keepdim=True)
    factors: Tensor = (radius / lengths.clamp(min=1e-30)).clamp(max=1.0)
    return shift * factors


def sample_directions(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Unit vectors (..., H) that point anywhere; without `generator` torch's own is drawn from."""
    noise = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
    return normalize(noise, dim=-1)


def sample_ball(like: Tensor, radius: float, generator: torch.Generator | None = None) -> Tensor:
    """Vectors (..., H), uniform in the ball.

    In many dimensions nearly all of a ball lies near its surface, and so do these.
    """
    draw = torch.rand(like.shape[:-1], generator=generator, device=like.device, dtype=like.dtype)
    share = draw.pow(1 / like.shape[-1]).unsqueeze(-1)
    return project(sample_directions(like, generator) * share * radius, radius)


@contextmanager
def dropout_off(model: PreTrainedModel) -> Iterator[None]:
    """Run in evaluation mode: a direction shall be searched in the model, not in its noise."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)

"""Masked language modelling: which tokens are hidden, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .tokenizer import SPECIALS

MASK = SPECIALS.index("[MASK]")
IGNORED = -100
"""A label that the loss leaves out."""


@dataclass(frozen=True)
class Masked:
    """Disturbed ids (shape as the input), the flat places to predict, the ids that stood there."""

    ids: Tensor
    places: Tensor
    labels: Tensor


def hide_tokens(ids: Tensor, *, share: float, generator: torch.Generator) -> Masked:
    """Put [MASK] on `share` of the batch's ordinary tokens, for measuring.

    Specials (ids below 5, padding among them) are never chosen.
    """
    flat = ids.flatten()
    ordinary = (flat >= len(SPECIALS)).nonzero().squeeze(1)
    count = max(1, int(share * len(ordinary)))
    chosen = ordinary[torch.randperm(len(ordinary), generator=generator)[:count]]
    places = chosen.sort().values
    disturbed = flat.clone()
    disturbed[places] = MASK
    return Masked(ids=disturbed.view_as(ids), places=places, labels=flat[places])


def hide_in_rows(
    ids: Tensor, *, share: float, as_mask: float, as_random: float, size: int
) -> Masked:
    """Hide `share` of each row's ordinary tokens, for training: shapes do not depend on the text.

    Every row gets as many places as a row full of ordinary tokens needs; labels of those that it
    has too many are :data:`IGNORED`. So a GPU is never waited for. A hidden token becomes [MASK],
    a random one, or stays; specials are never chosen and never put in.
    """
    ordinary = ids >= len(SPECIALS)
    order = torch.rand(ids.shape, device=ids.device).masked_fill(~ordinary, -1.0)
    most = math.ceil(share * ids.shape[1])
    chosen = order.topk(most, dim=1).indices
    wanted = (share * ordinary.sum(dim=1, keepdim=True)).round()
    used = torch.arange(most, device=ids.device) < wanted
    old = ids.gather(1, chosen)
    kind = torch.rand(old.shape, device=ids.device)
    noise = torch.randint(len(SPECIALS), size, old.shape, device=ids.device)
    put = torch.where(kind < as_mask, MASK, torch.where(kind < as_mask + as_random, noise, old))
    disturbed = ids.scatter(1, chosen, torch.where(used, put, old))
    rows = torch.arange(len(ids), device=ids.device).unsqueeze(1)
    return Masked(
        ids=disturbed,
        places=(chosen + rows * ids.shape[1]).flatten(),
        labels=torch.where(used, old, IGNORED).flatten(),
    )

"""Masked language modelling: which tokens are hidden, and how."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .tokenizer import SPECIALS

MASK = SPECIALS.index("[MASK]")


@dataclass(frozen=True)
class Masked:
    """Disturbed ids (shape as the input), the flat places to predict, the ids that stood there."""

    ids: torch.Tensor
    places: torch.Tensor
    labels: torch.Tensor


def hide_tokens(
    ids: torch.Tensor,
    *,
    share: float,
    as_mask: float,
    as_random: float,
    size: int,
    generator: torch.Generator,
) -> Masked:
    """Choose `share` of the batch's ordinary tokens; each: [MASK], a random token, or as it was.

    Specials (ids below 5, padding among them) are never chosen and never put in.
    """
    flat = ids.flatten()
    ordinary = (flat >= len(SPECIALS)).nonzero().squeeze(1)
    count = max(1, int(share * len(ordinary)))
    chosen = ordinary[torch.randperm(len(ordinary), generator=generator)[:count]]
    places = chosen.sort().values
    kind = torch.rand(count, generator=generator)
    noise = torch.randint(len(SPECIALS), size, (count,), generator=generator)
    labels = flat[places]
    put = torch.where(kind < as_mask, torch.full_like(labels, MASK), labels)
    put = torch.where((kind >= as_mask) & (kind < as_mask + as_random), noise, put)
    disturbed = flat.clone()
    disturbed[places] = put
    return Masked(ids=disturbed.view_as(ids), places=places, labels=labels)

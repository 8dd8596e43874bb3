"""One training step of the paper's procedure, written plainly: our reading of docs/method.md.

Four passes over a batch (two languages x masked language modelling and contrast), every text padded
to 128 tokens, the vocabulary layer on all positions, one word in each encoding of a sentence pair.
As in the authors' code the contrastive passes read the masked text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead

LENGTH, TEMPERATURE, ALPHA = 128, 0.07, 0.1


@dataclass(frozen=True)
class Side:
    """One language of a batch of word positioned samples.

    Attributes:
        ids: token numbers of each text, masked.
        labels: for each token its number before masking where it is to be predicted, else -100.
        words: first token of each sample's word and one past its last.
    """

    ids: Sequence[Sequence[int]]
    labels: Sequence[Sequence[int]]
    words: Sequence[tuple[int, int]]


def paper_losses(
    backbone: Backbone, head: ProjectionHead, source: Side, target: Side
) -> tuple[Tensor, Tensor]:
    """Contrastive loss (CZ-NCE, both directions) and MLM loss (mean over the two languages)."""
    x, y = (_embed(backbone, head, side) for side in (source, target))
    return cross_zero(x, y), (_predict(backbone, source) + _predict(backbone, target)) / 2


def cross_zero(x: Tensor, y: Tensor) -> Tensor:
    """CZ-NCE of the anchors of both sides (docs/method.md)."""
    x, y = functional.normalize(x, dim=1), functional.normalize(y, dim=1)
    own = torch.eye(len(x), dtype=torch.bool, device=x.device)
    losses = []
    for one, other in ((x, y), (y, x)):
        same, across = one @ one.T / TEMPERATURE, one @ other.T / TEMPERATURE
        negatives = torch.cat([part.masked_fill(own, -torch.inf) for part in (same, across)], dim=1)
        losses.append(torch.logsumexp(negatives, dim=1) - across.diagonal())
    return torch.cat(losses).mean()


def count_tokens(side: Side) -> int:
    """Tokens of a side that are not padding."""
    return sum(len(row) for row in side.ids)


def _embed(backbone: Backbone, head: ProjectionHead, side: Side) -> Tensor:
    ids, mask = _pad(backbone, side.ids)
    states = backbone.base(
        input_ids=ids, attention_mask=mask, output_hidden_states=True
    ).hidden_states
    hidden = states[1] + states[-1]  # (batch, 128, H)
    weights = mask[:, :, None].float()
    sentences = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
    words = torch.stack([hidden[i, a:b].mean(dim=0) for i, (a, b) in enumerate(side.words)])
    cce: Tensor = head(torch.cat([sentences, words], dim=1))
    return cce


def _predict(backbone: Backbone, side: Side) -> Tensor:
    ids, mask = _pad(backbone, side.ids)
    labels = torch.full((len(ids), LENGTH), -100)
    for i, row in enumerate(side.labels):
        labels[i, : len(row)] = torch.as_tensor(row)
    logits = backbone.model(input_ids=ids, attention_mask=mask).logits  # (batch, 128, vocabulary)
    targets = labels.flatten().to(logits.device)
    return functional.cross_entropy(logits.flatten(0, 1).float(), targets)


def _pad(backbone: Backbone, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    ids = torch.full((len(rows), LENGTH), backbone.tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.as_tensor(row)
        mask[i, : len(row)] = 1
    device = backbone.device
    return ids.to(device), mask.to(device)

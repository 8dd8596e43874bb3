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
    """CZ-NCE, anchor by anchor (docs/method.md)."""
    x, y = functional.normalize(x, dim=1), functional.normalize(y, dim=1)
    losses = []
    for one, other in ((x, y), (y, x)):
        same, across = one @ one.T / TEMPERATURE, one @ other.T / TEMPERATURE
        for i in range(len(x)):
            others = torch.arange(len(x)) != i
            negatives = torch.cat([same[i][others], across[i][others]])
            losses.append(torch.logsumexp(negatives, dim=0) - across[i, i])
    return torch.stack(losses).mean()


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
    return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())


def _pad(backbone: Backbone, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    ids = torch.full((len(rows), LENGTH), backbone.tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.as_tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask

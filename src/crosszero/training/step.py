"""One training step: a batch in, the two losses out.

One pass over the (masked) texts serves both losses, as in the authors' code, where masking happens
in place and the contrastive branch reads the masked sentence too (METHOD section 3). With
``mask_contrastive_input: false`` the contrastive loss reads the text unmasked, in a second pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from crosszero.errors import TrainingError
from crosszero.model.encoder import Encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.losses import Contrast, contrast
from crosszero.model.mlm import IGNORED, mask_tokens
from crosszero.model.pooling import pool_sentences, pool_spans
from crosszero.model.slices import cut_slices, pad
from crosszero.model.spans import Tokens, locate_span
from crosszero.training.batch import Batch
from crosszero.training.config import TrainConfig


class UnusableBatchError(TrainingError):
    """A batch that can't be contrasted: a single meaning, or no word within `max_length`."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Losses with their graph, and what to report.

    Attributes:
        loss: contrastive loss + alpha x MLM loss.
        contrast: contrastive loss, accuracy, gap.
        mlm: MLM loss, the mean over the languages of the batch; ``None`` without MLM.
        texts: texts encoded.
        tokens: tokens encoded, padding left out.
        samples: pairs in the contrastive loss.
        cut_samples: samples left out because `max_length` cut a word off.
    """

    loss: Tensor
    contrast: Contrast
    mlm: Tensor | None
    texts: int
    tokens: int
    samples: int
    cut_samples: int


@dataclass(frozen=True)
class _Anchors:
    """Token spans of the anchors and the samples over them that survived `max_length`."""

    texts: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    left: Tensor
    right: Tensor
    groups: Tensor
    cut: int


@dataclass(frozen=True)
class _Encoded:
    """Anchor vectors (m, width), last hidden states of the tokens to predict, order of texts."""

    anchors: Tensor
    predicted: Tensor | None
    order: NDArray[np.int64]


def compute_losses(
    encoder: Encoder,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    random: np.random.Generator,
) -> StepResult:
    """Encode a batch and compute both losses.

    Args:
        encoder: in training mode, on its device; with its MLM head where `mlm_weight` is above 0.
        head: projection of the anchors.
        batch: texts and samples.
        config: gives the loss, the temperature, the masking and the slices.
        random: decides which tokens are masked.

    Raises:
        UnusableBatchError: all samples mean the same, or fewer than two are left after texts were
            cut to `max_length`.

    Source:
        METHOD sections 2 and 3.
    """
    tokens = encoder.tokenize(batch.texts, config.max_length)
    anchors = _locate(batch, tokens)
    if len(anchors.left) < 2 and anchors.cut:
        raise UnusableBatchError(
            f"max_length {config.max_length} cuts off the words of {anchors.cut} of "
            f"{len(batch.left)} samples; raise max_length (first of them: {batch.origins[0]})"
        )
    if len(set(anchors.groups.tolist())) < 2:
        raise UnusableBatchError(
            f"all {len(batch.left)} samples mean the same, so that there is no negative (first of "
            f"them: {batch.origins[0]}); prepare with --deduplicate or raise batch_size"
        )
    plain = [t.ids for t in tokens]
    mlm = None
    if config.mlm_weight > 0:
        masked, labels = _mask(encoder, tokens, config, random)
        encoded = _encode(encoder, masked, anchors, labels, config, head.level)
        mlm = _mlm_loss(encoder, encoded, labels, batch.languages)
    if config.mlm_weight == 0 or not config.mask_contrastive_input:
        encoded = _encode(encoder, plain, anchors, None, config, head.level)
    projected = head(encoded.anchors)
    result = contrast(
        projected[anchors.left.to(projected.device)],
        projected[anchors.right.to(projected.device)],
        loss=config.loss,
        temperature=config.temperature,
        groups=anchors.groups,
    )
    return StepResult(
        loss=result.loss if mlm is None else result.loss + config.mlm_weight * mlm,
        contrast=result,
        mlm=mlm,
        texts=len(tokens),
        tokens=sum(map(len, tokens)),
        samples=len(anchors.left),
        cut_samples=anchors.cut,
    )


def _locate(batch: Batch, tokens: Sequence[Tokens]) -> _Anchors:
    spans: list[tuple[int, int] | None] = [
        (0, 1) if end == 0 else locate_span(tokens[text], start, end)
        for text, start, end in batch.anchors
    ]
    kept = [
        i
        for i, (left, right) in enumerate(zip(batch.left, batch.right, strict=True))
        if spans[left] is not None and spans[right] is not None
    ]
    bounds = np.asarray([span or (0, 1) for span in spans], dtype=np.int64).reshape(-1, 2)
    return _Anchors(
        texts=np.asarray([text for text, _, _ in batch.anchors], dtype=np.int64),
        starts=bounds[:, 0],
        ends=bounds[:, 1],
        left=torch.tensor([batch.left[i] for i in kept], dtype=torch.long),
        right=torch.tensor([batch.right[i] for i in kept], dtype=torch.long),
        groups=torch.tensor([batch.groups[i] for i in kept], dtype=torch.long),
        cut=len(batch.left) - len(kept),
    )


def _mask(
    encoder: Encoder, tokens: Sequence[Tokens], config: TrainConfig, random: np.random.Generator
) -> tuple[list[list[int]], list[NDArray[np.int64]]]:
    flat = np.concatenate([np.asarray(t.ids, dtype=np.int64) for t in tokens])
    special = np.concatenate([t.special for t in tokens])
    mask_id = encoder.tokenizer.mask_token_id
    masked, labels = mask_tokens(
        flat,
        special,
        probability=config.mlm_probability,
        mask_id=int(mask_id),
        ordinary=encoder.ordinary_ids,
        random=random,
    )
    borders = np.cumsum([len(t) for t in tokens])[:-1]
    return (
        [part.tolist() for part in np.split(masked, borders)],
        np.split(labels, borders),
    )


def _encode(
    encoder: Encoder,
    ids: Sequence[Sequence[int]],
    anchors: _Anchors,
    labels: Sequence[NDArray[np.int64]] | None,
    config: TrainConfig,
    level: str,
) -> _Encoded:
    device = next(encoder.parameters()).device
    slices = cut_slices([len(row) for row in ids], config.slice_tokens)
    sentences, words, word_order, rows = [], [], [], []
    for members in slices:
        input_ids, mask = pad([ids[i] for i in members], encoder.tokenizer.pad_token_id)
        mask = mask.to(device)
        hidden = encoder(input_ids.to(device), mask)
        sentences.append(pool_sentences(hidden.pooled, mask))
        if level == "multi":
            place = np.full(len(ids), -1)
            place[members] = np.arange(len(members))
            inside = np.flatnonzero(place[anchors.texts] >= 0)
            word_order.append(inside)
            words.append(
                pool_spans(
                    hidden.pooled,
                    torch.from_numpy(place[anchors.texts[inside]]).to(device),
                    torch.from_numpy(anchors.starts[inside]).to(device),
                    torch.from_numpy(anchors.ends[inside]).to(device),
                )
            )
        if labels is not None:
            row = [np.full(int(np.sum(labels[i] != IGNORED)), k) for k, i in enumerate(members)]
            column = [np.flatnonzero(labels[i] != IGNORED) for i in members]
            rows.append(
                hidden.last[
                    torch.from_numpy(np.concatenate(row)).to(device),
                    torch.from_numpy(np.concatenate(column)).to(device),
                ]
            )
    order = np.concatenate(slices)
    sentence = torch.cat(sentences)[torch.from_numpy(np.argsort(order)).to(device)]
    texts = torch.from_numpy(anchors.texts).to(device)
    if level == "multi":
        back = torch.from_numpy(np.argsort(np.concatenate(word_order))).to(device)
        vectors = torch.cat([sentence[texts], torch.cat(words)[back]], dim=-1)
    else:
        vectors = sentence[texts]
    return _Encoded(vectors, torch.cat(rows) if rows else None, order)


def _mlm_loss(
    encoder: Encoder,
    encoded: _Encoded,
    labels: Sequence[NDArray[np.int64]],
    languages: Sequence[str],
) -> Tensor:
    """Mean over the languages of the mean cross-entropy of their masked tokens."""
    rows = encoded.predicted
    if encoder.mlm_head is None or rows is None:
        raise ValueError("the encoder was loaded without its MLM head")
    wanted = [labels[i][labels[i] != IGNORED] for i in encoded.order]
    targets = torch.from_numpy(np.concatenate(wanted)).to(rows.device)
    names = {name: i for i, name in enumerate(dict.fromkeys(languages))}
    owner = np.repeat([names[languages[i]] for i in encoded.order], [len(w) for w in wanted])
    counts = np.bincount(owner, minlength=len(names))
    present = int(np.count_nonzero(counts))
    if not present:
        return rows.sum() * 0.0  # a few very short texts: nothing was masked
    weights = torch.from_numpy(1.0 / (counts[owner] * present)).float().to(rows.device)
    logits = encoder.mlm_head(rows).float()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return (losses * weights).sum()

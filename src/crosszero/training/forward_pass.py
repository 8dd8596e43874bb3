"""Mini-batches through the encoder: vectors of the anchors, and hidden states for MLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.mini_batches import cut_mini_batches
from crosszero.model.mlm import IGNORED
from crosszero.model.options import layer_number
from crosszero.model.packing import lay_out
from crosszero.model.pooling import pool_spans
from crosszero.training.inputs import Inputs, Integers, Masked
from crosszero.training.start_encoder import StartEncoder
from crosszero.training.train_config import TrainConfig


@dataclass(frozen=True)
class Encoded:
    """One or more mini-batches, encoded.

    Attributes:
        anchors: (k,) which of the rank's anchors stand in them.
        vectors: (k, width) those anchors: [sentence ; word], or the sentence alone.
        texts: which of the rank's texts stand in them, in order.
        hidden: (t, H) last hidden states of the masked tokens of `texts`; ``None`` without MLM.
        drift: part of `texts` in the mean squared distance of the batch's texts from where the
            start encoder has them; 0 without one.
    """

    anchors: Integers
    vectors: Tensor
    texts: Integers
    hidden: Tensor | None
    drift: Tensor


def encode_mini_batch(
    backbone: Backbone,
    members: Integers,
    inputs: Inputs,
    masked: Masked | None,
    config: TrainConfig,
    start: StartEncoder | None = None,
) -> Encoded:
    """Run some texts through the encoder, and pool their anchors.

    Args:
        members: texts of the mini-batch; at least one.
        inputs: all texts of the rank and their anchors.
        masked: read these, and give the hidden states of the tokens to predict; ``None`` reads the
            texts as they stand.
        config: gives the level and the layers that are pooled.
        start: measures the drift.
    """
    device = next(backbone.parameters()).device
    ids = inputs.ids if masked is None else masked.ids
    texts = lay_out(backbone, [ids[i] for i in members])
    states = texts.encode(backbone)
    place = np.full(len(ids), -1)
    place[members] = np.arange(len(members))
    of = place[inputs.anchor_texts]  # text of each anchor, as it is counted in the mini-batch
    inside = np.flatnonzero(of >= 0)
    of = of[inside]
    sentences = texts.pool(states.read(layer_number(config.layers.sentence)))
    drift = sentences.new_zeros(())
    if start is not None:
        drift = start.measure(sentences, [inputs.ids[i] for i in members]) / inputs.texts
    vectors = sentences[torch.from_numpy(of).to(device)]
    if config.level != "sentence":
        bounds = (inputs.starts[inside], inputs.ends[inside])
        starts, ends = (torch.from_numpy(texts.starts[of] + side).to(device) for side in bounds)
        rows = torch.from_numpy(texts.rows[of]).to(device)
        words = states.read(layer_number(config.layers.word))
        vectors = torch.cat([vectors, pool_spans(words, rows, starts, ends)], dim=-1)
    hidden = None
    if masked is not None:
        columns = [np.flatnonzero(masked.labels[i] != IGNORED) for i in members]
        row = np.repeat(texts.rows, [len(column) for column in columns])
        column = np.concatenate([c + start for c, start in zip(columns, texts.starts, strict=True)])
        hidden = states.last[torch.from_numpy(row).to(device), torch.from_numpy(column).to(device)]
    return Encoded(inside, vectors, members, hidden, drift)


def cut_texts(inputs: Inputs, num_tokens: int) -> list[Integers]:
    """The rank's texts by length; see :func:`crosszero.model.mini_batches.cut_mini_batches`."""
    return cut_mini_batches([len(row) for row in inputs.ids], num_tokens)


def join(parts: Sequence[Encoded], head: ProjectionHead, backbone: Backbone) -> Encoded:
    """All mini-batches as one, its anchors in the rank's order.

    Args:
        parts: mini-batches that hold every text of the rank once.
        head, backbone: give the form of the vectors on a rank that has no text.
    """
    if not parts:
        nothing, like = np.empty(0, dtype=np.int64), next(backbone.parameters())
        vectors = like.new_zeros(0, head.width)
        return Encoded(nothing, vectors, nothing, None, vectors.sum())
    anchors = np.concatenate([part.anchors for part in parts])
    vectors = torch.cat([part.vectors for part in parts])
    back = torch.from_numpy(np.argsort(anchors)).to(vectors.device)
    hidden = [part.hidden for part in parts if part.hidden is not None]
    return Encoded(
        np.arange(len(anchors)),
        vectors[back],
        np.concatenate([part.texts for part in parts]),
        torch.cat(hidden) if hidden else None,
        torch.stack([part.drift for part in parts]).sum(),
    )


def predict(backbone: Backbone, encoded: Encoded, masked: Masked) -> Tensor:
    """The part of the MLM loss that the encoded texts make up: mean over languages, then tokens."""
    if backbone.mlm_head is None:
        raise ValueError("the encoder was loaded without its MLM head")
    if encoded.hidden is None:  # a rank without texts
        return torch.zeros((), device=encoded.vectors.device)
    if not len(encoded.hidden):
        return encoded.hidden.sum() * 0.0  # a few very short texts: nothing was masked
    device = encoded.hidden.device
    labels = np.concatenate([masked.labels[i] for i in encoded.texts])
    targets = torch.from_numpy(labels[labels != IGNORED]).to(device)
    weights = torch.from_numpy(np.concatenate([masked.weights[i] for i in encoded.texts]))
    logits = backbone.mlm_head(encoded.hidden)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return (losses * weights.to(losses)).sum()

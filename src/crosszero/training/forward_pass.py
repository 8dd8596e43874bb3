"""Mini-batches through the encoder: vectors of the anchors, and hidden states for MLM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from crosszero.model.options import layer_number
from crosszero.model.packing import PlacedTexts
from crosszero.model.pooling import pool_tokens
from crosszero.model.ragged import Integers
from crosszero.model.transfer import send
from crosszero.training.learner import Learner
from crosszero.training.mini_batch import MiniBatch

_LOGITS = 2**29  # that exist at a time on a CPU
# Of a GPU's memory: four copies of a logit and its gradient, in a quarter of it.
_BYTES_A_LOGIT = 64


@dataclass(frozen=True)
class Encoded:
    """One or more mini-batches, encoded.

    Attributes:
        anchors: (k,) which of the rank's anchors stand in them.
        vectors: (k, width) those anchors: [sentence ; word], or the sentence alone.
        masked: of the masked tokens of all texts; ``None`` without MLM.
        drift: sum of the squared distances of the texts from where the start encoder has them; 0
            without one.
    """

    anchors: Integers
    vectors: Tensor
    masked: MaskedTokens | None
    drift: Tensor


class MaskedTokens(NamedTuple):
    """Tokens to predict: last hidden states (t, H), their numbers (t,) and weights (t,)."""

    hidden: Tensor
    targets: Tensor
    weights: Tensor


def encode_mini_batch(
    learner: Learner, mini_batch: MiniBatch, *, masked: bool, anchored: bool = False
) -> Encoded:
    """Run a mini-batch through the encoder, and pool its anchors.

    Args:
        masked: read the texts masked, and give the hidden states of the tokens to predict; else
            they are read as they stand.
        anchored: measure the drift, if there is a start encoder.
    """
    config, layout = learner.config, mini_batch.layout
    sent = send(mini_batch.arrays, learner.backbone.device)
    texts = PlacedTexts(layout=layout, ids=sent["masked" if masked else "ids"], sent=sent)
    states = texts.encode(learner.backbone)
    sentences = texts.pool(states.read(layer_number(config.layers.sentence)))
    drift = sentences.new_zeros(())
    if anchored and learner.start is not None:
        drift = learner.start.measure(sentences, replace(texts, ids=sent["ids"]))
    vectors = sentences[sent["texts"]]
    if config.level != "sentence":
        words = states.read(layer_number(config.layers.word))
        where = (sent[f"word_{name}"] for name in ("tokens", "owners", "counts"))
        vectors = torch.cat([vectors, pool_tokens(words, *where)], dim=-1)
    tokens = None
    if masked:
        hidden = states.read(-1).flatten(0, 1)[sent["mlm_tokens"]]
        tokens = MaskedTokens(hidden, sent["targets"], sent["weights"])
    return Encoded(mini_batch.anchors, vectors, tokens, drift)


def join(learner: Learner, parts: Sequence[Encoded]) -> Encoded:
    """All mini-batches, which hold every text of the rank once, as one, in the rank's order."""
    if not parts:
        nothing, like = np.empty(0, dtype=np.int64), next(learner.backbone.parameters())
        vectors = like.new_zeros(0, learner.head.width)
        return Encoded(nothing, vectors, None, vectors.sum())
    anchors = np.concatenate([part.anchors for part in parts])
    vectors = torch.cat([part.vectors for part in parts])
    back = send({"back": np.argsort(anchors)}, vectors.device)["back"]
    tokens = [part.masked for part in parts if part.masked is not None]
    masked = MaskedTokens(*map(torch.cat, zip(*tokens, strict=True))) if tokens else None
    drift = torch.stack([part.drift for part in parts]).sum()
    return Encoded(np.arange(len(anchors)), vectors[back], masked, drift)


def predict(learner: Learner, encoded: Encoded) -> Tensor:
    """The part of the MLM loss that the encoded texts make up: mean over languages, then tokens."""
    backbone = learner.backbone
    if backbone.mlm_head is None:
        raise ValueError("the encoder was loaded without its MLM head")
    if encoded.masked is None:  # a rank without texts
        return torch.zeros((), device=encoded.vectors.device)
    hidden, targets, weights = encoded.masked
    if not len(hidden):
        return hidden.sum() * 0.0  # very short texts: none masked
    rows = max(1, _count_logits(hidden.device) // int(backbone.table.num_embeddings))
    if len(hidden) <= rows:
        return _predict_rows(learner, hidden, targets, weights)
    parts = zip(hidden.split(rows), targets.split(rows), weights.split(rows), strict=True)
    losses = [checkpoint(_predict_rows, learner, *part, use_reentrant=False) for part in parts]
    return torch.stack(losses).sum()


def _count_logits(device: torch.device) -> int:
    """How many may exist at a time; beyond that they are computed in parts, and then once more."""
    if device.type != "cuda":
        return _LOGITS
    return torch.cuda.get_device_properties(device).total_memory // _BYTES_A_LOGIT


def _predict_rows(learner: Learner, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the losses of some tokens."""
    assert learner.backbone.mlm_head is not None
    logits = learner.backbone.mlm_head(hidden)
    measure = _compile_sum() if learner.config.compile else _sum_losses
    return measure(logits, targets, weights)


@cache
def _compile_sum() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return torch.compile(_sum_losses, dynamic=True)


def _sum_losses(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return (losses * weights.to(losses)).sum()

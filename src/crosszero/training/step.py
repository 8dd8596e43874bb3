"""One training step: a batch in, the losses out.

One pass over the (masked) texts serves both losses, as in the authors' code, where masking happens
in place and the contrastive branch reads the masked sentence too (docs/method.md). With
``mask_contrastive_input: false`` the contrastive loss reads the text unmasked, in a second pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from crosszero.model.losses import Contrast, contrast, has_negatives
from crosszero.model.transfer import send
from crosszero.training.forward_pass import Encoded, encode_mini_batch, join, predict
from crosszero.training.inputs import Inputs
from crosszero.training.inputs import UnusableBatchError as UnusableBatchError
from crosszero.training.learner import Learner
from crosszero.training.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Losses with their graph, and what to report.

    Attributes:
        loss: all losses by their weights.
        contrast: contrastive loss, accuracy, gap, of the whole batch; of its sentences with level
            ``split``.
        words: the same of words within their sentence pair; ``None`` but with level ``split``, and
            where no sentence pair of the batch has two words.
        mlm: MLM loss, the mean over the languages of the batch; ``None`` without MLM. With several
            processes the part of it that this one's texts make up, here and in `loss`.
        drift: mean squared distance of the sentences from where the encoder had them before
            training, likewise; 0 where it does not count.
    """

    loss: Tensor
    contrast: Contrast
    words: Contrast | None
    mlm: Tensor | None
    drift: Tensor


def compute_losses(learner: Learner, inputs: Inputs) -> StepResult:
    """Encode a batch, made ready by :func:`~crosszero.training.inputs.make_inputs`; its losses.

    Source:
        docs/method.md, Model and Losses.
    """
    config = learner.config
    mlm, contrasted = None, inputs.masked and config.mask_contrastive_input

    def encode(*, masked: bool) -> Encoded:
        parts = [
            encode_mini_batch(learner, mini_batch, masked=masked, anchored=masked == contrasted)
            for mini_batch in inputs.mini_batches
        ]
        return join(learner, parts)

    if inputs.masked:
        encoded = encode(masked=True)
        mlm = predict(learner, encoded)
    if not contrasted:
        encoded = encode(masked=False)
    compared = compare(learner, encoded.vectors, inputs)
    return describe(compared, mlm, encoded.drift / inputs.texts, config)


def compare(
    learner: Learner, vectors: Tensor, inputs: Inputs, *, entries: int | None = None
) -> Compared:
    """Contrastive losses of the whole batch from the anchors of this rank and of the others.

    Args:
        vectors: (m, width) anchors of this rank, in its order.
        inputs: which anchors are samples, and which rank has the others.
        entries: see :func:`crosszero.model.losses.contrast`.
    """
    head, config, ranks = learner.head, learner.config, learner.ranks
    projected = head(vectors)
    sent = send(
        {"order": inputs.order, "left": inputs.left, "right": inputs.right}, projected.device
    )
    if not ranks.alone:  # as wide as the loss makes them: not every backend knows bf16
        wide = torch.promote_types(projected.dtype, torch.float32)
        projected = ranks.gather(projected.to(wide), inputs.sizes)[sent["order"]]
    left, right = projected[sent["left"]], projected[sent["right"]]
    measure = partial(contrast, loss=config.loss, temperature=config.temperature, entries=entries)
    groups, pairs, meanings = map(torch.from_numpy, (inputs.groups, inputs.pairs, inputs.meanings))
    if config.level != "split":
        return Compared(measure(left, right, groups=groups), None)
    width = head.width // 2
    first = np.unique(inputs.pairs, return_index=True)[1]
    at = send({"first": first}, projected.device)["first"]
    sentences = measure(left[at, :width], right[at, :width], groups=meanings[first])
    words = None
    if has_negatives(groups, pairs):
        words = measure(left[:, width:], right[:, width:], groups=groups, within=pairs)
    return Compared(sentences, words)


class Compared(NamedTuple):
    """What :func:`compare` gives: both are as in :class:`StepResult`."""

    contrast: Contrast
    words: Contrast | None

    def weigh(self, config: TrainConfig) -> Tensor:
        """Both losses as one."""
        if self.words is None:
            return self.contrast.loss
        return self.contrast.loss + config.word_weight * self.words.loss

    def detach(self) -> Compared:
        """The same without graphs."""
        contrast, words = self.contrast, self.words
        return Compared(
            replace(contrast, loss=contrast.loss.detach()),
            words and replace(words, loss=words.loss.detach()),
        )


def describe(
    compared: Compared, mlm: Tensor | None, drift: Tensor, config: TrainConfig
) -> StepResult:
    """All losses as one."""
    loss = compared.weigh(config)
    if mlm is not None:
        loss = loss + config.mlm_weight * mlm
    if config.anchor_weight:
        loss = loss + config.anchor_weight * drift
    return StepResult(loss=loss, **compared._asdict(), mlm=mlm, drift=drift)

"""One training step: a batch in, the two losses out.

One pass over the (masked) texts serves both losses, as in the authors' code, where masking happens
in place and the contrastive branch reads the masked sentence too (docs/method.md). With
``mask_contrastive_input: false`` the contrastive loss reads the text unmasked, in a second pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.losses import Contrast, contrast
from crosszero.training.batch import Batch
from crosszero.training.forward_pass import Encoded, cut_texts, encode_mini_batch, join, predict
from crosszero.training.inputs import Inputs, Masked, make_inputs
from crosszero.training.inputs import UnusableBatchError as UnusableBatchError
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Losses with their graph, and what to report.

    Attributes:
        loss: contrastive loss + alpha x MLM loss.
        contrast: contrastive loss, accuracy, gap, of the whole batch.
        mlm: MLM loss, the mean over the languages of the batch; ``None`` without MLM. With several
            processes the part of it that this one's texts make up, here and in `loss`.
        inputs: what was encoded; its numbers are those of the whole batch.
    """

    loss: Tensor
    contrast: Contrast
    mlm: Tensor | None
    inputs: Inputs


def compute_losses(
    backbone: Backbone,
    head: ProjectionHead,
    batch: Batch,
    config: TrainConfig,
    random: np.random.Generator,
    ranks: Ranks = ALONE,
) -> StepResult:
    """Encode a batch and compute both losses.

    Args:
        backbone: in training mode, on its device; with its MLM head where `mlm_weight` is above 0.
        head: projection of the anchors.
        batch, random: the same on each rank; the latter decides which tokens are masked.
        config: gives the loss, the temperature, the masking and the mini-batches.
        ranks: the processes that encode the batch together. Each back-propagates its own loss; the
            gradients are to be added up.

    Raises:
        UnusableBatchError: see :func:`~crosszero.training.inputs.make_inputs`.

    Source:
        docs/method.md, Model and Losses.
    """
    inputs = make_inputs(backbone, batch, config, random, ranks)
    mini_batches = cut_texts(inputs, config.mini_batch_num_tokens)

    def encode(read: Masked | None) -> Encoded:
        parts = [encode_mini_batch(backbone, m, inputs, read, head.level) for m in mini_batches]
        return join(parts, head)

    masked, mlm = inputs.masked, None
    if masked is not None:
        encoded = encode(masked)
        mlm = predict(backbone, encoded, masked)
    if masked is None or not config.mask_contrastive_input:
        encoded = encode(None)
    compared = compare(head, encoded.vectors, inputs, config, ranks)
    return describe(inputs, compared, mlm, config)


def compare(
    head: ProjectionHead,
    vectors: Tensor,
    inputs: Inputs,
    config: TrainConfig,
    ranks: Ranks,
    *,
    entries: int | None = None,
) -> Contrast:
    """Contrastive loss of the whole batch from the anchors of this rank and of the others.

    Args:
        head, config: project and contrast the anchors.
        vectors: (m, width) anchors of this rank, in its order.
        inputs: which anchors are samples, and which rank has the others.
        ranks: where the other anchors come from.
        entries: see :func:`crosszero.model.losses.contrast`.
    """
    projected = head(vectors)
    if ranks.count > 1:  # as wide as the loss makes them: not every backend knows bf16
        wide = torch.promote_types(projected.dtype, torch.float32)
        projected = ranks.gather(projected.to(wide), inputs.sizes)
        projected = projected[inputs.order.to(projected.device)]
    return contrast(
        projected[inputs.left.to(projected.device)],
        projected[inputs.right.to(projected.device)],
        loss=config.loss,
        temperature=config.temperature,
        groups=inputs.groups,
        entries=entries,
    )


def describe(
    inputs: Inputs, compared: Contrast, mlm: Tensor | None, config: TrainConfig
) -> StepResult:
    """Both losses as one."""
    loss = compared.loss if mlm is None else compared.loss + config.mlm_weight * mlm
    return StepResult(loss=loss, contrast=compared, mlm=mlm, inputs=inputs)

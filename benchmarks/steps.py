"""The training steps that are compared, and how much arithmetic they need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import convert_outputs_to_fp32
from torch import Tensor

from benchmarks.encoders import list_matrices
from benchmarks.paper import LENGTH, Side, count_tokens, paper_losses
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.loading import quiet_transformers
from crosszero.model.mlm import mask_tokens
from crosszero.model.options import Precision
from crosszero.model.precision import autocast
from crosszero.model.ragged import spread
from crosszero.samples.sample import Sample
from crosszero.training.auto_settings import decide
from crosszero.training.batch import Batch, build_batch
from crosszero.training.forward_pass import encode_mini_batch, join
from crosszero.training.inputs import Inputs, make_inputs
from crosszero.training.learner import Learner
from crosszero.training.optimizer import clip_gradients, make_optimizer
from crosszero.training.step import compute_losses
from crosszero.training.train_config import TrainConfig

_MASKED = TrainConfig().mlm_probability


def make_batch(samples: Sequence[Sample], words: int) -> Batch:
    """The batch that training makes of these rows; with 0 `words` one of sentences."""
    config = TrainConfig(level="multi" if words else "sentence", words_per_sentence=max(1, words))
    return build_batch([(sample,) for sample in samples], config, np.random.default_rng(0))


class OurStep:
    """crosszero's step as its training loop takes it.

    Args:
        backbone: is trained.
        words: most words of a sentence pair; 0 for sentence vectors without MLM.
        precision: of the forward pass, ``fp32`` or ``bf16``.
    """

    def __init__(self, backbone: Backbone, *, words: int, precision: Precision) -> None:
        self._backbone, self._words = backbone, words
        level = "multi" if words else "sentence"
        config = TrainConfig(
            level=level,
            loss="cz-nce" if words else "info-nce",
            mlm_weight=0.1 if words else 0.0,
            max_length=LENGTH,
            precision=precision,
        )
        config = decide(backbone, config, None)
        self.precision = precision
        self._device = backbone.device
        head = ProjectionHead(backbone.hidden_size, level).to(self._device)
        self._learner = Learner(backbone=backbone, head=head, config=config)
        self._optimizer = make_optimizer(backbone, head, config)
        self.samples: list[int] = []
        self.tokens: list[int] = []
        self.flops: list[float] = []

    def pool(self, rows: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        """Vectors of both texts of each row, as :meth:`run` pools them; (rows, width) each."""
        inputs = self._read(make_batch(rows, self._words))
        with autocast(self.precision, self._device):
            parts = [
                encode_mini_batch(self._learner, part, masked=inputs.masked)
                for part in inputs.mini_batches
            ]
        vectors = join(self._learner, parts).vectors
        return vectors[inputs.left], vectors[inputs.right]

    def run(self, rows: Sequence[Sample]) -> None:
        """Take one step."""
        batch = make_batch(rows, self._words)
        with autocast(self.precision, self._device):
            inputs = self._read(batch)
            result = compute_losses(self._learner, inputs)
        result.loss.backward()
        finish_step(self._optimizer)
        self.samples.append(len(inputs.left))
        self.tokens.append(inputs.tokens)
        lengths = self._backbone.tokenize(batch.texts, LENGTH).ids.lengths.tolist()
        masked = _MASKED * (sum(lengths) - 2 * len(lengths)) if self._words else 0
        anchors = len(batch.anchors)
        head = self._learner.head
        self.flops.append(count_flops(self._backbone, head, lengths, masked, anchors))

    def _read(self, batch: Batch) -> Inputs:
        return make_inputs(self._backbone, batch, self._learner.config, np.random.default_rng(0))

    @property
    def executed(self) -> list[float]:
        """Operations of each step, padding left out."""
        return self.flops


class PaperStep:
    """The paper's procedure, with torch's plain Adam.

    Args:
        backbone: as it was loaded, of the same weights as crosszero's: an encoder that
            :class:`OurStep` trains adds up the gradient of its embeddings in crosszero's way.
        precision: of the forward passes; the authors' is fp32.
    """

    def __init__(self, backbone: Backbone, *, precision: Precision = "fp32") -> None:
        self._backbone, self.precision = backbone, precision
        self._device = backbone.device
        self._head = ProjectionHead(backbone.hidden_size, "multi").to(self._device)
        parameters = [*backbone.parameters(), *self._head.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=2e-6)
        self.samples: list[int] = []
        self.tokens: list[int] = []
        self.flops: list[float] = []
        self.executed: list[float] = []  # operations: four passes, all positions

    def run(self, rows: Sequence[Sample]) -> None:
        """Take one step."""
        batch = make_batch(rows, 1)
        source, target = read_sides(self._backbone, batch, np.random.default_rng(0))
        with autocast(self.precision, self._device):
            contrastive, mlm = paper_losses(self._backbone, self._head, source, target)
        (contrastive + 0.1 * mlm).backward()
        finish_step(self._optimizer)
        self.samples.append(len(source.ids))
        self.tokens.append(count_tokens(source) + count_tokens(target))
        lengths = [len(row) for side in (source, target) for row in side.ids]
        masked = _MASKED * (sum(lengths) - 2 * len(lengths))
        self.flops.append(count_flops(self._backbone, self._head, lengths, masked, len(lengths)))
        passes = [LENGTH] * 2 * len(lengths)
        positions = LENGTH * len(lengths)
        self.executed.append(
            count_flops(self._backbone, self._head, passes, positions, len(lengths))
        )


class RankingStep:
    """sentence-transformers with its MultipleNegativesRankingLoss and a fused AdamW.

    Args:
        folder: of the encoder.
        device: where it is trained.
        precision: of the forward passes, by autocast within the model, as its trainer does it: the
            cached loss calls the model in the backward pass, too.
        mini_batch: sentences of a pass of the cached loss; 0 for the loss without a cache.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        precision: Precision = "fp32",
        mini_batch: int = 0,
    ) -> None:
        from sentence_transformers import SentenceTransformer, losses

        self.precision, self._device = precision, torch.device(device)
        with quiet_transformers():
            self.model = SentenceTransformer(str(folder), device=str(self._device))
        self.model.max_seq_length = LENGTH
        if precision == "bf16":
            cast = torch.autocast(self._device.type, dtype=torch.bfloat16)
            self.model.forward = convert_outputs_to_fp32(cast(self.model.forward))
        self.loss = losses.MultipleNegativesRankingLoss(self.model)
        if mini_batch:
            self.loss = losses.CachedMultipleNegativesRankingLoss(
                self.model, mini_batch_size=mini_batch
            )
        fused = self._device.type in ("cpu", "cuda")
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=2e-6, weight_decay=0.0, fused=fused
        )
        self.tokens: list[int] = []

    def compute(self, rows: Sequence[Sample]) -> Tensor:
        """The loss of a batch."""
        features = [
            self.model.preprocess([getattr(row, side) for row in rows])
            for side in ("source", "target")
        ]
        self.tokens.append(sum(int(f["attention_mask"].sum()) for f in features))
        moved = [{k: self._move(value) for k, value in one.items()} for one in features]
        loss: Tensor = self.loss(moved, None)
        return loss

    def _move(self, value: Any) -> Any:
        return value.to(self._device) if isinstance(value, Tensor) else value

    def run(self, rows: Sequence[Sample]) -> None:
        """Take one step."""
        self.compute(rows).backward()
        finish_step(self._optimizer)


def read_sides(backbone: Backbone, batch: Batch, random: np.random.Generator) -> tuple[Side, Side]:
    """Cut a batch of samples into the two sides that the paper's procedure reads.

    Masks are drawn as crosszero draws them, from the same numbers, so that both see one text. A
    sample whose word was cut off is left out, as in crosszero.
    """
    tokens = backbone.tokenize(batch.texts, LENGTH)
    special = np.ones(len(tokens.ids.values), bool)
    special[spread(tokens.ids.starts + tokens.first, tokens.inner)] = False
    masked, labels = mask_tokens(
        tokens.ids.values,
        special,
        probability=_MASKED,
        mask_id=int(backbone.tokenizer.mask_token_id),
        ordinary=backbone.ordinary_ids,
        random=random,
    )
    borders = np.cumsum(tokens.ids.lengths)[:-1]
    rows = list(zip(np.split(masked, borders), np.split(labels, borders), strict=True))
    places = [(first, last) for first, last in tokens.locate(batch.anchors).tolist()]
    kept = [
        (left, right)
        for left, right in zip(batch.left, batch.right, strict=True)
        if places[left][1] and places[right][1]
    ]
    sides = []
    for chosen in zip(*kept, strict=True):
        texts = [rows[batch.anchors[anchor][0]] for anchor in chosen]
        words = [places[anchor] for anchor in chosen]
        sides.append(Side([t[0] for t in texts], [t[1] for t in texts], words))
    return sides[0], sides[1]


def count_flops(
    backbone: Backbone, head: ProjectionHead, lengths: Sequence[int], masked: float, anchors: int
) -> float:
    """Floating point operations that a step needs: no padding, no second reading.

    Forward and backward, 6 for each weight of a matrix and token; attention; the vocabulary layer
    on masked tokens; the projection of the anchors.
    """
    size, layers = backbone.hidden_size, backbone.layers
    matrices = sum(p.numel() for p in list_matrices(backbone))
    vocabulary = int(backbone.model.config.vocab_size) * size + size * size
    projection = sum(p.numel() for p in head.parameters() if p.dim() == 2)
    attention = 12 * layers * size * sum(length**2 for length in lengths)
    return (
        6.0 * matrices * sum(lengths)
        + attention
        + 6.0 * vocabulary * masked
        + 6.0 * projection * anchors
    )


def finish_step(optimizer: torch.optim.Optimizer) -> None:
    """Norm of the gradient, weights, and gradients away: the same for all sides."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    clip_gradients(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

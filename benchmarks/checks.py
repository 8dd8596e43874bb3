"""Checks that the training steps that are compared do the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.paper import LENGTH, count_tokens, paper_losses
from benchmarks.record import Record
from benchmarks.steps import OurStep, RankingStep, make_batch, read_sides
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.options import Precision
from crosszero.model.precision import autocast
from crosszero.samples.sample import Sample
from crosszero.training.inputs import make_inputs
from crosszero.training.learner import Learner
from crosszero.training.step import compute_losses
from crosszero.training.train_config import TrainConfig

# bf16 has 8 bits, of which a contrastive loss keeps fewer: cosines are divided by 0.07.
_SAME_LOSS: dict[Precision, float] = {"fp32": 2e-3, "bf16": 0.05}


def check_losses(
    record: Record, backbone: Backbone, rows: Sequence[Sample], *, words: int, precision: Precision
) -> None:
    """Require that crosszero's losses are the paper's, on the same tokens, without dropout.

    Args:
        record: takes the differences.
        backbone: of both sides.
        rows: a batch.
        words: most words of a sentence pair; one word is tried as well.
        precision: of crosszero's side; the paper's is fp32.
    """
    torch.manual_seed(0)
    head = ProjectionHead(backbone.hidden_size, "multi").eval()
    backbone.eval()
    for count in (1, words):
        batch = make_batch(rows, count)
        with torch.no_grad():
            config = TrainConfig(max_length=LENGTH, words_per_sentence=count)
            learner = Learner(backbone=backbone, head=head, config=config)
            inputs = make_inputs(backbone, batch, config, np.random.default_rng(0))
            with autocast(precision, backbone.device):
                ours = compute_losses(learner, inputs)
            source, target = read_sides(backbone, batch, np.random.default_rng(0))
            contrastive, mlm = paper_losses(backbone, head, source, target)
        name = f"{backbone.name}, {count} words, {precision}: "
        record.check(name + "samples", abs(len(inputs.left) - len(source.ids)), 0)
        record.check(
            name + "contrastive loss, against the paper's procedure",
            abs(float(ours.contrast.loss) - float(contrastive)),
            _SAME_LOSS[precision],
        )
        if count == 1:  # with more, the paper reads a sentence as often as it has words
            record.check(
                name + "tokens",
                abs(inputs.tokens - count_tokens(source) - count_tokens(target)),
                0,
            )
            apart = abs(float(ours.mlm) - float(mlm)) if ours.mlm is not None else math.nan
            limit = _SAME_LOSS[precision]
            record.check(name + "MLM loss, against the paper's procedure", apart, limit)


def check_vectors(
    record: Record, name: str, ours: OurStep, ranking: RankingStep, rows: Sequence[Sample]
) -> None:
    """Require that the ranking loss of crosszero's vectors is that of sentence-transformers.

    The two libraries train with losses of different form, so the vectors that crosszero's step
    pools are put into the loss of sentence-transformers.

    Args:
        record: takes the differences.
        name: of the encoder.
        ours, ranking: the sides, without dropout.
        rows: a batch.
    """
    with torch.no_grad():
        theirs = float(ranking.compute(rows))
        sides = ours.pool(rows)
        own = float(ranking.loss.compute_loss_from_embeddings(list(sides), None))
    ranking.tokens.clear()
    record.check(f"{name}: rows without a vector", sum(abs(len(s) - len(rows)) for s in sides), 0)
    record.check(f"{name}: ranking loss of both libraries' vectors", abs(own - theirs), 1e-3)

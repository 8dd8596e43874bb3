"""Checks that the training steps that are compared do the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.paper import LENGTH, count_tokens, paper_losses
from benchmarks.record import Record
from benchmarks.steps import RankingStep, make_batch, read_sides
from crosszero.model.encoder import Encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.vectors import encode_sentences
from crosszero.samples.sample import Sample
from crosszero.training.config import TrainConfig
from crosszero.training.step import compute_losses


def check_losses(record: Record, encoder: Encoder, rows: Sequence[Sample], *, words: int) -> None:
    """Require that crosszero's losses are the paper's, on the same tokens, without dropout."""
    torch.manual_seed(0)
    head = ProjectionHead(encoder.hidden_size, "multi").eval()
    encoder.eval()
    for count in (1, words):
        batch = make_batch(rows, count)
        with torch.no_grad():
            config = TrainConfig(max_length=LENGTH, words_per_sentence=count)
            ours = compute_losses(encoder, head, batch, config, np.random.default_rng(0))
            source, target = read_sides(encoder, batch, np.random.default_rng(0))
            contrastive, mlm = paper_losses(encoder, head, source, target)
        name = f"{encoder.name}, {count} words: "
        record.check(name + "samples", abs(ours.samples - len(source.ids)), 0)
        record.check(
            name + "contrastive loss, against the paper's procedure",
            abs(float(ours.contrast.loss) - float(contrastive)),
            2e-3,
        )
        if count == 1:  # with more, the paper reads a sentence as often as it has words
            record.check(
                name + "tokens", abs(ours.tokens - count_tokens(source) - count_tokens(target)), 0
            )
            apart = abs(float(ours.mlm) - float(mlm)) if ours.mlm is not None else math.nan
            record.check(name + "MLM loss, against the paper's procedure", apart, 2e-3)


def check_vectors(
    record: Record, encoder: Encoder, ranking: RankingStep, rows: Sequence[Sample]
) -> None:
    """Require that the ranking loss of crosszero's vectors is that of sentence-transformers.

    The two libraries train with losses of different form, so the vectors of one are put into the
    loss of the other.
    """
    ranking.model.eval()
    encoder.eval()
    with torch.no_grad():
        theirs = float(ranking.compute(rows))
        sides = [
            torch.from_numpy(
                encode_sentences(encoder, [getattr(r, side) for r in rows], max_length=LENGTH)
            )
            for side in ("source", "target")
        ]
        ours = float(ranking.loss.compute_loss_from_embeddings(sides, None))
    ranking.tokens.clear()
    name = f"{encoder.name}: ranking loss of both libraries' vectors"
    record.check(name, abs(ours - theirs), 1e-3)

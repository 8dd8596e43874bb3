"""What learns in a training, and the encoder as it was before.

Training for words moves all layers, and with them sentences that lay together before. Keeping near
the start is the best single remedy known ("SALT", docs/method.md, Later findings).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.packing import PlacedTexts
from crosszero.training.ranks import ALONE, Ranks
from crosszero.training.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Learner:
    """All that a step needs beside its batch.

    Attributes:
        backbone: in training mode, on its device; with its MLM head where `mlm_weight` is above 0.
        head: projection of the anchors.
        config: as resolved: what was "auto" is decided.
        ranks: the processes that encode a batch together. Each back-propagates its own loss; the
            gradients are to be added up.
        start: the encoder before training, where `anchor_weight` is above 0.
    """

    backbone: Backbone
    head: ProjectionHead
    config: TrainConfig
    ranks: Ranks = ALONE
    start: StartEncoder | None = None


class StartEncoder:
    """A frozen copy of an encoder, which the anchor term pulls the vectors of sentences to.

    Args:
        backbone: before its first step; a table of embeddings that is frozen is shared.
        layer: that vectors of sentences are read from, as in :meth:`Hidden.read`.
    """

    def __init__(self, backbone: Backbone, layer: int | None) -> None:
        shared = {id(p): p for p in backbone.parameters() if not p.requires_grad}
        self._backbone = copy.deepcopy(backbone, shared).eval().requires_grad_(False)
        self._layer = layer

    def measure(self, sentences: Tensor, texts: PlacedTexts) -> Tensor:
        """Give the sum of the squared distances between unit vectors now and at the start.

        Args:
            sentences: (n, H) vectors now, with their graph.
            texts: the n sentences, unmasked.
        """
        with torch.no_grad():
            before = texts.pool(texts.encode(self._backbone).read(self._layer))
        apart = functional.normalize(sentences, dim=-1) - functional.normalize(before, dim=-1)
        return apart.square().sum()

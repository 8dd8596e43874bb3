"""The projection behind the CCE: the concatenated contextual embedding of a word in its sentence.

Paper, section 2.2: ``c = Linear(ReLU(Linear([s ; w])))`` with s the vector of the sentence and w
that of the word, both of width H; the two layers have width 2H. The sentence-only systems of the
ablation (info-snt, CZ-snt) project s alone with width H.

The head serves the contrastive loss only: after training the encoder is used without it, and it is
saved beside the encoder so that training can go on.
"""

from __future__ import annotations

from torch import Tensor, nn

from crosszero.model.names import Level


class ProjectionHead(nn.Module):
    """Two linear layers with a ReLU between them.

    Args:
        hidden_size: H, the width of the encoder.
        level: ``"multi"`` for [s ; w] of width 2H, ``"sentence"`` for s of width H.

    Example:
        >>> import torch
        >>> ProjectionHead(8, "multi")(torch.zeros(3, 16)).shape
        torch.Size([3, 16])
    """

    def __init__(self, hidden_size: int, level: Level) -> None:
        super().__init__()
        width = hidden_size * (2 if level == "multi" else 1)
        self.level = level
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, vectors: Tensor) -> Tensor:  # (m, width) -> (m, width)
        projected: Tensor = self.outer(self.inner(vectors).relu())
        return projected

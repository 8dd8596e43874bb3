"""The projection behind the CCE: the concatenated contextual embedding of a word in its sentence.

Paper, section 2.2: ``c = Linear(ReLU(Linear([s ; w])))`` with s the vector of the sentence and w
that of the word, both of width H; the two layers have width 2H. The sentence-only systems of the
ablation (info-snt, CZ-snt) project s alone with width H.

The head serves the contrastive loss only: after training the encoder is used without it, and it is
saved beside the encoder so that training can continue.

A random head learns to undo what keeps the languages apart, so the encoder does not have to, and
gains less. A head that starts as the identity leaves that work to the encoder. docs/results-mini.md
compares the two; the paper starts at random.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crosszero.model.options import HeadStart, Level

_SHIFT = 3.0  # hidden states have a standard deviation near 1: few lie below -3


class ProjectionHead(nn.Module):
    """Two linear layers with a ReLU between them.

    Args:
        hidden_size: H, the width of the encoder.
        level: ``multi`` for [s ; w] of width 2H, ``sentence`` for s of width H; with ``split`` the
            vectors are contrasted as they are, and the head is empty.
        start: ``random`` (paper), or ``identity``: relu(x + 3) - 3, which is x wherever x > -3.

    Example:
        >>> import torch
        >>> ProjectionHead(8, "multi")(torch.zeros(3, 16)).shape
        torch.Size([3, 16])
    """

    def __init__(self, hidden_size: int, level: Level, start: HeadStart = "random") -> None:
        super().__init__()
        self.width = width = hidden_size * (1 if level == "sentence" else 2)
        self.level = level
        if level == "split":
            return
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        if start == "identity":
            with torch.no_grad():
                for linear, bias in ((self.inner, _SHIFT), (self.outer, -_SHIFT)):
                    linear.weight.copy_(torch.eye(width))
                    linear.bias.fill_(bias)

    def forward(self, vectors: Tensor) -> Tensor:  # (m, width) -> (m, width)
        if self.level == "split":
            return vectors
        projected: Tensor = self.outer(self.inner(vectors).relu())
        return projected

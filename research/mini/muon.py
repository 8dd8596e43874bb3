"""Muon: momentum whose every matrix is made nearly orthogonal before it is applied.

All directions of a weight matrix then learn at one pace, which takes far fewer tokens than AdamW
for hidden matrices. torch has an implementation that computes in bfloat16; on CPUs without
bfloat16 instructions that is several times slower than float32, so this one computes in the
gradient's own type, and treats stacked projections (query, key, value; the two halves of a gated
layer) as the separate matrices that they are. Newton-Schulz iteration and its coefficients:
Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalize(matrices: torch.Tensor) -> torch.Tensor:
    """Matrices (n, rows, columns) with all singular values moved near 1."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.mT
        inner = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, inner, x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for groups of matrices; `parts` of a group: how many are stacked in each weight."""

    def __init__(self, params: Iterable[dict[str, Any]], *, lr: float, weight_decay: float) -> None:
        defaults = {"lr": lr, "momentum": 0.95, "weight_decay": weight_decay, "parts": 1}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every group; all weights of a group must have one shape."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            for weight in weights:
                if "momentum" not in self.state[weight]:
                    self.state[weight]["momentum"] = torch.zeros_like(weight)
            momenta = [self.state[weight]["momentum"] for weight in weights]
            gradients = [weight.grad for weight in weights]
            # All weights in one call: a GPU takes longer to start a small kernel than to run it.
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, momenta, group["momentum"])
            parts = [part for update in updates for part in update.chunk(group["parts"], dim=0)]
            turned = orthogonalize(torch.stack(parts))
            # Tall matrices get larger steps, so that each output moves alike.
            rate = group["lr"] * max(1.0, turned.shape[1] / turned.shape[2]) ** 0.5
            moves = turned.reshape(len(weights), *weights[0].shape).unbind()
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, moves, alpha=-rate)

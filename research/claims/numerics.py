"""What can be said about the two losses without training anything: gradients and rounding.

Claims 11 and 12 of the ledger: CZ-NCE and InfoNCE pull in the same direction, and CZ-NCE loses
fewer digits as the positive wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from crosszero.model.options import LossName

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_TINY = 1e-300
_SEED, _TEMPERATURE = 1, 0.07
_NEGATIVES = 14  # of each anchor: those of 8 pairs


class IdentityError(NamedTuple):
    """How far the gradients are from the identity.

    Attributes:
        worst: largest relative error over batches and anchors.
        cosine: smallest cosine between the two gradients of one anchor.
        shrink: smallest and largest ratio of their lengths, which is 1 - p+.
    """

    worst: float
    cosine: float
    shrink: tuple[float, float]


class Rounding(NamedTuple):
    """Relative errors of one loss in one number format against float64.

    Attributes:
        loss: ``cz-nce`` or ``info-nce``.
        form: ``textbook`` (the paper's formula, term by term) or ``stable`` (this library's).
        format: ``fp32``, ``bf16`` or ``fp16``.
        margin: similarity of the positive minus that of the negatives, divided by the temperature.
        value: median relative error of the loss; one that is not finite has an infinite error.
        gradient: that of its gradient in the similarities (Euclidean).
        lost_value: share of losses that are not finite.
        lost_gradient: share of gradients that are not finite.
    """

    loss: LossName
    form: str
    format: str
    margin: float
    value: float
    gradient: float
    lost_value: float
    lost_gradient: float


def measure_identity(*, batches: int = 100, pairs: int = 16, width: int = 32) -> IdentityError:
    """Hold grad L_info(x_i) = (1 - p+_i) grad L_CZ(x_i) against automatic differentiation.

    Both gradients are taken of the batch's loss, for one anchor at a time, in float64.

    Args:
        batches: random batches.
        pairs: n pairs in each; y is x plus noise, so that p+ takes all values.
        width: of the vectors.

    Example:
        >>> measure_identity(batches=2, pairs=4).worst < 1e-9
        True

    Source:
        docs/method.md, Losses.
    """
    random = torch.Generator().manual_seed(_SEED)
    worst, cosine, least, most = 0.0, 1.0, 1.0, 0.0
    for _ in range(batches):
        x = torch.randn(pairs, width, generator=random, dtype=torch.float64)
        noise = torch.randn(pairs, width, generator=random, dtype=torch.float64)
        y = x + noise * torch.rand(pairs, 1, generator=random, dtype=torch.float64) * 6
        anchors = torch.nn.functional.normalize(torch.cat([x, y]), dim=-1)
        for i in range(2 * pairs):
            similarities = (anchors @ anchors[i] / _TEMPERATURE).requires_grad_()
            partner = (i + pairs) % (2 * pairs)
            cz, info = (
                _gradient(similarities, i, partner, loss) for loss in ("cz-nce", "info-nce")
            )
            rest = torch.arange(2 * pairs) != i
            share = torch.softmax(similarities[rest], 0)[partner - (partner > i)].item()
            size = cz.norm().item()
            worst = max(worst, (info - (1 - share) * cz).norm().item() / max(_TINY, info.norm()))
            if info.norm() > _TINY:
                cosine = min(cosine, float(cz @ info / (cz.norm() * info.norm())))
            ratio = info.norm().item() / size
            least, most = min(least, ratio), max(most, ratio)
    return IdentityError(float(worst), cosine, (least, most))


def _gradient(similarities: Tensor, anchor: int, partner: int, loss: str) -> Tensor:
    """Gradient of the loss of one anchor in its similarities."""
    keep = torch.ones_like(similarities, dtype=torch.bool)
    keep[[anchor, partner]] = False
    log_phi = torch.logsumexp(similarities[keep], 0) - similarities[partner]
    value = log_phi if loss == "cz-nce" else torch.nn.functional.softplus(log_phi)
    (gradient,) = torch.autograd.grad(value, similarities)
    return gradient


def measure_rounding(margins: Sequence[float], *, draws: int = 200) -> list[Rounding]:
    """Measure both losses in three number formats as the positive wins.

    Similarities (divided by the temperature) are drawn, rounded to the format and given to both: to
    float64, which is the reference, and to the formula in the format itself. So only what the
    formula loses is counted, not what the rounding of the input loses.

    Args:
        margins: positive minus mean of the negatives, each from 0 up.
        draws: anchors for each margin.

    Returns:
        For each loss, form, format and margin the median errors over the draws, and how many
        results are not finite.

    Example:
        >>> [row.value > 0.1 for row in measure_rounding([30.0], draws=20)
        ...  if (row.loss, row.form, row.format) == ("info-nce", "textbook", "fp32")]
        [True]
    """
    random = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(draws, _NEGATIVES, generator=random, dtype=torch.float64)
    found: list[Rounding] = []
    for name, dtype in FORMATS.items():
        for margin in margins:
            positive = torch.full((draws, 1), margin / 2, dtype=torch.float64)
            drawn = torch.cat([positive, noise - margin / 2], dim=1).to(dtype)
            for loss in ("cz-nce", "info-nce"):
                exact = _evaluate(drawn.double(), loss, "stable")
                for form in ("textbook", "stable"):
                    value, gradient = _evaluate(drawn, loss, form)
                    error, lost = _measure_error(value[:, None], exact[0][:, None])
                    apart, gone = _measure_error(gradient, exact[1])
                    found.append(Rounding(loss, form, name, margin, error, apart, lost, gone))
    return found


def _measure_error(found: Tensor, exact: Tensor) -> tuple[float, float]:
    """Median relative error of rows (draws, any), and the share of rows that are not finite."""
    finite = found.isfinite().all(dim=1)
    errors = (found.double() - exact).norm(dim=1) / exact.norm(dim=1).clamp_min(_TINY)
    errors = torch.where(finite, errors, math.inf)
    return float(errors.median()), 1 - float(finite.double().mean())


def _evaluate(similarities: Tensor, loss: str, form: str) -> tuple[Tensor, Tensor]:
    """Loss (draws,) and gradient (draws, 1 + negatives), column 0 being the positive."""
    given = similarities.detach().clone().requires_grad_()
    positive, negative = given[:, 0], given[:, 1:]
    if form == "stable":
        log_phi = torch.logsumexp(negative, 1) - positive
        values = (
            log_phi if loss == "cz-nce" else torch.logaddexp(log_phi, torch.zeros_like(log_phi))
        )
    else:
        below = negative.exp().sum(1)
        if loss == "info-nce":
            below = below + positive.exp()
        values = -(positive.exp() / below).log()
    (gradient,) = torch.autograd.grad(values.sum(), given)
    return values.detach(), gradient

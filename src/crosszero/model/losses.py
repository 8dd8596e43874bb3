"""The two contrastive losses, InfoNCE and CZ-NCE, on one masked log-sum-exp.

For n pairs (x_i, y_i) and sim(a, b) = cos(a, b) / temperature, the positive of x_i is y_i and its
negatives are all x_j and all y_j with j != i (2n - 2 of them); the same for y_i. With s+ the
similarity of the positive and N the log-sum-exp over the negatives:

    CZ-NCE   L = N - s+                = log(phi)         (paper, section 2.3)
    InfoNCE  L = log(1 + exp(N - s+))  = softplus(log(phi))

so InfoNCE is the softplus of CZ-NCE: per anchor its gradient is that of CZ-NCE times 1 - p+, where
p+ is the softmax probability of the positive. It vanishes as the positive wins; CZ-NCE's does not,
and CZ-NCE's value crosses zero and has no lower bound. So the share of anchors that find their
positive and the similarity gap are returned beside the loss.

Written as log(sum(exp(.))), both overflow in fp32 at temperature 0.01. Here similarities and the
log-sum-exp are computed in fp32 whatever autocast says (float64 stays float64).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple, assert_never

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from crosszero.model.options import LossName
from crosszero.model.ragged import Integers
from crosszero.model.transfer import send


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What one batch of pairs gives.

    Attributes:
        loss: scalar with gradient, the mean over all anchors of both directions.
        accuracy: share of anchors whose positive is more similar than every negative, in [0, 1].
        gap: mean cosine of the positives minus mean cosine of the negatives, in [-2, 2].
        anchors: number of anchors that had at least one negative.
    """

    loss: Tensor
    accuracy: Tensor
    gap: Tensor
    anchors: int


def info_nce(
    x: Tensor, y: Tensor, *, temperature: float = 0.07, groups: Tensor | None = None
) -> Tensor:
    """InfoNCE over both directions, with the negatives of both sides.

    ``L(x_i) = -log(e^{s+} / (e^{s+} + sum_j e^{s-_j}))``, always above 0.

    Args:
        x: (n, d) vectors of the first side; need not be normalised.
        y: (n, d) vectors of the second side, row i translates row i of `x`.
        temperature: divides the cosines. Smaller makes the nearest negatives count more.
        groups: (n,) integers; pairs with the same number have the same meaning and are never each
            other's negatives. ``None``: every pair is its own group.

    Returns:
        Scalar: the mean of L over the anchors x_i and y_i.

    Raises:
        ValueError: shapes do not fit, or no anchor has a negative.

    Example:
        >>> x = torch.eye(4, dtype=torch.float64)
        >>> round(float(info_nce(x, x, temperature=1.0)), 4)       # log(1 + 6 / e)
        1.1654

    Source:
        docs/method.md, Losses; arXiv 2202.13083, section 2.3.
    """
    return contrast(x, y, loss="info-nce", temperature=temperature, groups=groups).loss


def cz_nce(
    x: Tensor, y: Tensor, *, temperature: float = 0.07, groups: Tensor | None = None
) -> Tensor:
    """CZ-NCE ("cross-zero"): InfoNCE without the positive in the denominator.

    ``L(x_i) = -log(e^{s+} / sum_j e^{s-_j})``, positive or negative, unbounded below.
    Arguments, result and errors are those of :func:`info_nce`.

    Example:
        >>> x = torch.eye(4, dtype=torch.float64)
        >>> round(float(cz_nce(x, x, temperature=1.0)), 4)         # log(6) - 1
        0.7918

    Source:
        arXiv 2202.13083, section 2.3.
    """
    return contrast(x, y, loss="cz-nce", temperature=temperature, groups=groups).loss


def contrast(
    x: Tensor,
    y: Tensor,
    *,
    loss: LossName = "cz-nce",
    temperature: float = 0.07,
    groups: Tensor | None = None,
    within: Tensor | None = None,
    entries: int | None = None,
) -> Contrast:
    """Either loss with its statistics, from one similarity matrix.

    Arguments and errors are those of :func:`info_nce`; `loss` names the loss.

    Args:
        within: (n,) integers; only pairs with the same number are each other's negatives, such as
            the words of one sentence pair. ``None``: all of the batch.
        entries: bounds the memory: about this many of the (2n)^2 similarities exist at a time, in
            blocks of rows (there is no second derivative then). ``None`` holds them all.
    """
    _check(x, y, temperature, groups)
    with torch.autocast(device_type=x.device.type, enabled=False):
        wide = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
        anchors = functional.normalize(torch.cat([x.to(wide), y.to(wide)]), dim=-1)  # (2n, d)
        n = len(x)
        # Where negatives are is told apart on the CPU: to ask a GPU would mean to wait for it.
        ids = np.arange(n) if groups is None else groups.cpu().numpy()
        own = np.zeros_like(ids) if within is None else within.cpu().numpy()
        counts = np.tile(_count_negatives(ids, own), 2)  # of each anchor
        if not counts.any():
            raise ValueError(
                f"no anchor of the {n} pairs has a negative: all candidates are in the anchor's "
                "own group; use a larger or more varied batch"
            )
        used = np.flatnonzero(counts)
        kinds = send({"kinds": np.tile(np.stack([ids, own]), 2)}, x.device)["kinds"]
        rows = 2 * n if entries is None else max(1, min(2 * n, entries // (2 * n)))
        blocks = [
            _Rows(slice(start, end), _leave_out(used, start, end, x.device))
            for start, end in pairwise([*range(0, 2 * n, rows), 2 * n])
        ]
        compare = partial(_compare_rows, kinds=kinds, loss=loss, temperature=temperature)
        if len(blocks) == 1:
            values, positives, hits, total = compare(anchors, blocks[0])
            value = values.mean()
        else:
            value, positives, hits, total = _compare_blocks(anchors, blocks, len(used), compare)
        return Contrast(
            loss=value,
            accuracy=hits.to(wide).mean(),
            gap=positives.mean() - total / int(counts.sum()),
            anchors=len(used),
        )


def has_negatives(groups: Tensor, within: Tensor) -> bool:
    """Tell whether any pair has a negative: one of another group with the same `within`, (n,) each.

    Example:
        >>> has_negatives(torch.tensor([1, 2, 2]), torch.tensor([5, 6, 6]))
        False
    """
    return bool(_count_negatives(groups.numpy(), within.numpy()).any())


def _count_negatives(groups: Integers, within: Integers) -> Integers:
    """For each pair the negatives of one of its anchors: two for each pair it is not alike."""
    _, place, near = np.unique(within, return_inverse=True, return_counts=True)
    _, kind, alike = np.unique(
        np.stack([groups, within]), axis=1, return_inverse=True, return_counts=True
    )
    return 2 * (near[place] - alike[kind.reshape(-1)])


Found = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of anchors that have a negative the losses, positives and hits; the sum of all negatives."""


class _Rows(NamedTuple):
    """Some anchors, and which of these have a negative; ``None`` for all."""

    block: slice
    used: Tensor | None


def _leave_out(used: Integers, start: int, end: int, device: torch.device) -> Tensor | None:
    inside = used[(used >= start) & (used < end)] - start
    if len(inside) == end - start:
        return None
    return send({"inside": inside}, device)["inside"]


def _compare_blocks(
    anchors: Tensor, blocks: Sequence[_Rows], used: int, compare: Callable[..., Found]
) -> Found:
    """All anchors against all, in blocks of rows; the mean of the losses in place of the losses.

    The gradient of a block is computed with it. The value is therefore given that of a linear
    function of the anchors. What outlives a block is allocated before the first one: small tensors
    kept between large ones that are freed would tear holes into the memory that nothing fits.
    """
    kept = anchors.new_empty(3, used)  # value, positive, hit of each anchor
    sums = anchors.new_zeros(())
    gradient, done = torch.zeros_like(anchors), 0
    for part in blocks:
        with torch.enable_grad():
            leaf = anchors.detach().requires_grad_()
            values, positives, hits, total = compare(leaf, part)
        gradient += torch.autograd.grad(values.sum(), leaf)[0]
        end = done + len(values)
        for row, column in zip(kept, (values, positives, hits), strict=True):
            row[done:end] = column.detach()
        sums += total
        done = end
    linear = (anchors * (gradient / done)).sum()
    value = kept[0].mean() + (linear - linear.detach())
    return value, kept[1], kept[2], sums


def _compare_rows(
    anchors: Tensor, part: _Rows, *, kinds: Tensor, loss: LossName, temperature: float
) -> Found:
    """Some anchors against all."""
    block = part.block
    cosines = anchors[block] @ anchors.T  # (rows, 2n)
    alike = kinds[:, block, None] == kinds[:, None, :]
    same = alike[0] | ~alike[1]  # self, positive, duplicates, those elsewhere: never a negative
    partners = torch.arange(len(anchors), device=kinds.device).roll(len(anchors) // 2)[block]
    positive = cosines.gather(1, partners[:, None])[:, 0]
    negatives = cosines.masked_fill(same, -torch.inf)
    if part.used is not None:
        positive, negatives = positive[part.used], negatives[part.used]
    log_phi = torch.logsumexp(negatives / temperature, dim=1) - positive / temperature
    if loss == "cz-nce":
        values = log_phi
    elif loss == "info-nce":
        # logaddexp(0, z) keeps all digits where log(1 + exp(z)) and torch's thresholded softplus
        # lose them.
        values = torch.logaddexp(log_phi, log_phi.new_zeros(()))
    else:
        assert_never(loss)
    with torch.no_grad():
        hits = positive > negatives.max(dim=1).values
        total = cosines.masked_fill(same, 0).sum()
    return values, positive.detach(), hits, total


def _check(x: Tensor, y: Tensor, temperature: float, groups: Tensor | None) -> None:
    if x.dim() != 2 or x.shape != y.shape:
        raise ValueError(
            f"shapes {tuple(x.shape)} and {tuple(y.shape)} given; two matrices of the same shape "
            "(n, d) are needed"
        )
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, given {temperature}")
    if groups is not None and groups.shape != (len(x),):
        raise ValueError(
            f"groups must have shape ({len(x)},), one number for each pair, given "
            f"{tuple(groups.shape)}"
        )

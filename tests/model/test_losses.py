"""Every identity of docs/method.md, Losses, against a slow reading written here."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from crosszero.model.losses import contrast, cz_nce, info_nce

SHAPES = st.tuples(st.integers(2, 7), st.integers(2, 6), st.integers(0, 2**31))
TEMPERATURES = st.sampled_from([0.01, 0.07, 0.5, 1.0])


def draw(n: int, d: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, n, d, generator=generator, dtype=torch.float64))  # type: ignore


def slow_anchors(
    x: Tensor, y: Tensor, temperature: float, groups: list[int], within: list[int] | None = None
) -> list[tuple]:
    """For each anchor: similarity of its positive and list of those of its negatives."""

    def sim(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b) / (a.norm() * b.norm()) / temperature

    anchors = []
    for this, other in ((x, y), (y, x)):
        for i in range(len(x)):
            strangers = [j for j in range(len(x)) if groups[j] != groups[i]]
            strangers = [j for j in strangers if within is None or within[j] == within[i]]
            negatives = [sim(this[i], this[j]) for j in strangers]
            negatives += [sim(this[i], other[j]) for j in strangers]
            anchors.append((sim(this[i], other[i]), negatives))
    return anchors


def slow_loss(
    x: Tensor,
    y: Tensor,
    temperature: float,
    groups: list[int],
    loss: str,
    within: list[int] | None = None,
) -> Tensor:
    terms = []
    for positive, negatives in slow_anchors(x, y, temperature, groups, within):
        if not negatives:
            continue
        top = max(float(v) for v in [positive, *negatives])
        total = sum(torch.exp(v - top) for v in negatives)
        if loss == "info-nce":
            total = total + torch.exp(positive - top)
        terms.append(torch.log(total) + top - positive)
    return sum(terms) / len(terms)


@settings(deadline=None, max_examples=40)
@given(SHAPES, TEMPERATURES)
def test_losses_equal_the_definition(shape: tuple[int, int, int], temperature: float) -> None:
    x, y = draw(*shape)
    for name, function in (("cz-nce", cz_nce), ("info-nce", info_nce)):
        expected = slow_loss(x, y, temperature, list(range(len(x))), name)
        found = function(x, y, temperature=temperature)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.data())
def test_duplicates_are_not_negatives(shape: tuple[int, int, int], data: st.DataObject) -> None:
    x, y = draw(*shape)
    groups = data.draw(st.lists(st.integers(0, 2), min_size=len(x), max_size=len(x)))
    if len(set(groups)) == 1:
        with pytest.raises(ValueError, match="no anchor"):
            cz_nce(x, y, groups=torch.tensor(groups))
        return
    for name in ("cz-nce", "info-nce"):
        result = contrast(x, y, loss=name, temperature=0.07, groups=torch.tensor(groups))
        expected = slow_loss(x, y, 0.07, groups, name)
        torch.testing.assert_close(result.loss, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.data())
def test_negatives_can_be_kept_to_some_pairs(
    shape: tuple[int, int, int], data: st.DataObject
) -> None:
    x, y = draw(*shape)
    numbers = st.lists(st.integers(0, 2), min_size=len(x), max_size=len(x))
    groups, within = data.draw(numbers), data.draw(numbers)
    counts = [len(n) for _, n in slow_anchors(x, y, 0.1, groups, within)]
    for entries in (None, 2 * len(x)):
        arguments = {
            "groups": torch.tensor(groups),
            "within": torch.tensor(within),
            "temperature": 0.1,
            "entries": entries,
        }
        if not any(counts):
            with pytest.raises(ValueError, match="has a negative"):
                contrast(x, y, **arguments)
            continue
        for loss in ("cz-nce", "info-nce"):
            found = contrast(x, y, loss=loss, **arguments)
            expected = slow_loss(x, y, 0.1, groups, loss, within)
            torch.testing.assert_close(found.loss, expected, rtol=1e-9, atol=1e-9)
            assert found.anchors == sum(count > 0 for count in counts)


def test_a_pair_without_negatives_does_not_spoil_the_mean() -> None:
    # Two groups of very different size: each anchor still has negatives; all finite.
    x, y = draw(5, 3, 1)
    loss = cz_nce(x, y, groups=torch.tensor([0, 0, 0, 0, 1]))
    assert torch.isfinite(loss)


@settings(deadline=None, max_examples=30)
@given(SHAPES, TEMPERATURES)
def test_gradient_of_log_phi_is_that_of_phi_over_its_value(
    shape: tuple[int, int, int], temperature: float
) -> None:
    """grad L_CZ = grad log(phi) = grad(phi / stop_gradient(phi)), anchor by anchor."""
    x, y = draw(*shape)
    x.requires_grad_()
    y.requires_grad_()
    ratios = []
    for positive, negatives in slow_anchors(x, y, temperature, list(range(len(x)))):
        log_phi = torch.logsumexp(torch.stack(negatives) - positive, 0)
        phi = torch.exp(log_phi - log_phi.detach())  # phi / stop_gradient(phi)
        ratios.append(phi)
    expected = torch.autograd.grad(sum(ratios) / len(ratios), (x, y))
    found = torch.autograd.grad(cz_nce(x, y, temperature=temperature), (x, y))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


@settings(deadline=None, max_examples=30)
@given(SHAPES)
def test_info_gradient_is_one_minus_p_times_cz_gradient(shape: tuple[int, int, int]) -> None:
    """Per anchor, for the first one: grad L_info = (1 - p+) grad L_CZ, p+ of the positive."""
    x, y = draw(*shape)
    x.requires_grad_()
    y.requires_grad_()
    positive, negatives = slow_anchors(x, y, 0.5, list(range(len(x))))[0]
    logits = torch.stack([positive, *negatives])
    p = torch.softmax(logits, 0)[0]
    cz = torch.logsumexp(logits[1:], 0) - positive
    info = torch.logsumexp(logits, 0) - positive
    cz_gradients = torch.autograd.grad(cz, (x, y), retain_graph=True)
    info_gradients = torch.autograd.grad(info, (x, y))
    for a, b in zip(info_gradients, cz_gradients, strict=True):
        torch.testing.assert_close(a, (1 - p.detach()) * b, rtol=1e-7, atol=1e-9)
    # The same on our functions: info is softplus(cz) for each anchor, so with one anchor only
    # (two pairs, x side = y side by symmetry) the ratio of gradients is 1 - p+.
    z = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(shape[2]))
    z.requires_grad_()
    cz_value = cz_nce(z, z, temperature=0.5)
    torch.testing.assert_close(
        info_nce(z, z, temperature=0.5), torch.nn.functional.softplus(cz_value)
    )
    (a,) = torch.autograd.grad(info_nce(z, z, temperature=0.5), z)
    (b,) = torch.autograd.grad(cz_value, z)
    share = 1 - 1 / (1 + math.exp(float(cz_value.detach())))
    torch.testing.assert_close(a, share * b, rtol=1e-7, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(SHAPES, TEMPERATURES)
def test_bounds(shape: tuple[int, int, int], temperature: float) -> None:
    x, y = draw(*shape)
    assert info_nce(x, y, temperature=temperature) >= 0
    assert cz_nce(x, y, temperature=temperature) < info_nce(x, y, temperature=temperature) + 1e-12


def test_cz_crosses_zero_and_info_stays_above_it() -> None:
    x = torch.eye(8, dtype=torch.float64)
    # Positives win by 1/temperature: phi = 14 e^(-1/t)
    assert float(cz_nce(x, x, temperature=0.01)) == pytest.approx(math.log(14) - 100)
    assert 0 < float(info_nce(x, x, temperature=0.05)) < 1e-6
    assert float(cz_nce(x, x, temperature=10.0)) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_small_temperature_is_finite_in_every_format(dtype: torch.dtype) -> None:
    x, y = (t.to(dtype).requires_grad_() for t in draw(6, 4, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cz_nce(x, y, temperature=0.01)
    assert loss.dtype == torch.float32
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    exact = cz_nce(x.detach().double(), y.detach().double(), temperature=0.01)
    torch.testing.assert_close(loss.double(), exact, rtol=1e-4, atol=1e-3)


def test_the_plain_form_would_overflow() -> None:
    """The reason for the log-sum-exp: exp of 1 / 0.01 is infinite in fp32."""
    x = torch.eye(3)
    phi = torch.exp(torch.tensor(1 / 0.01))
    assert torch.isinf(phi)
    assert torch.isfinite(cz_nce(x, x, temperature=0.01))


def test_statistics() -> None:
    x = torch.eye(4, dtype=torch.float64)
    found = contrast(x, x)
    assert float(found.accuracy) == 1.0
    assert float(found.gap) == pytest.approx(1.0)
    assert found.anchors == 8
    rolled = contrast(x, x.roll(1, 0))
    assert float(rolled.accuracy) == 0.0
    assert float(rolled.gap) == pytest.approx(-1 / 3 * 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "above 0"),
        ({"groups": torch.zeros(3)}, r"shape \(4,\)"),
    ],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    x, y = draw(4, 3, 0)
    with pytest.raises(ValueError, match=message):
        cz_nce(x, y, **arguments)
    with pytest.raises(ValueError, match="the same shape"):
        cz_nce(x, y[:2])

"""Sums over the steps that a row has missed: against adding them up, and kept ones against new."""

from __future__ import annotations

import math
from dataclasses import astuple

import pytest
import torch

from crosszero.training.course import Course


def test_the_sum_over_missed_steps_against_adding_them_up() -> None:
    """Relative error of the sum itself, which a test of the optimizer can't see beside weights."""
    torch.manual_seed(0)
    cases = [(0.999, 1, 300, 1e-6), (0.98, 50, 200, 1e-6), (0.95, 1, 9, 1e-6)]
    cases += [(0.95, 1, 300, 1e-4), (0.999, 900, 1, 1e-9)]
    for beta2, start, gap, most in cases:
        rates = torch.rand(start + gap, dtype=torch.float64) + 0.5
        missed = Course(rates.tolist(), (0.9, beta2), 1e-3).sum_missed(torch.tensor([start]))
        root = 10 ** torch.linspace(-12, 0, 50, dtype=torch.float64)  # sqrt(v)
        expected, kept = torch.zeros_like(root), 1.0
        for k in range(start + 1, start + gap + 1):
            rate = float(rates[k - 1])
            bias = 1 - beta2**k
            denominator = (root * beta2 ** ((k - start) / 2)) / math.sqrt(bias) + 1e-8
            expected = expected * (1 - rate * 1e-3)
            expected += rate * 0.9 ** (k - start) / (1 - 0.9**k) / denominator
            kept *= 1 - rate * 1e-3
        scaled = root * missed.scale[0]
        u = scaled / (scaled + 1e-8)
        powers = torch.stack([u**i for i in range(missed.powers.shape[1])])
        found = (missed.powers[0] @ powers) / (scaled + 1e-8)
        assert float((found / expected - 1).abs().max()) < most
        assert float(missed.kept) == pytest.approx(kept, rel=1e-9)


@pytest.mark.parametrize(("beta2", "decay"), [(0.999, 0.0), (0.999, 0.1), (0.95, 0.01)])
def test_a_course_that_went_on_gives_the_sums_of_a_new_one(beta2: float, decay: float) -> None:
    """To the last bit: a run that was resumed begins a new course, and reads other rows first."""
    torch.manual_seed(0)
    rates = torch.rand(2_300, dtype=torch.float64).tolist()
    going = Course(rates[:3], (0.9, beta2), decay)
    done, seen = 3, set()
    while done < len(rates):
        count = min(int(torch.randint(1, 90, ())), len(rates) - done)
        going.extend(rates[done : done + count])
        done += count
        begun = torch.randperm(done)[: int(torch.randint(1, 200, ()))]
        seen.update(begun.tolist())
        new = Course(rates[:done], (0.9, beta2), decay)
        assert going.rates.tolist() == new.rates.tolist() == rates[:done]
        for found, expected in zip(
            astuple(going.sum_missed(begun)), astuple(new.sum_missed(begun)), strict=True
        ):
            assert torch.equal(found, expected)
            assert bool(found.isfinite().all())
    alone = [Course(rates, (0.9, beta2), decay).sum_missed(torch.tensor([i])) for i in (0, 700)]
    both = going.sum_missed(torch.tensor([0, 700]))
    for place, each in enumerate(alone):
        for found, expected in zip(astuple(each), astuple(both), strict=True):
            assert torch.equal(found[0], expected[place])
    assert len(seen) > 1_000


def test_a_full_window_is_summed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course([1e-3] * 1_000, (0.9, 0.999), 0.1)
    summed: list[int] = []
    real = Course._sum_windows

    def count(self: Course, begun: torch.Tensor) -> None:
        summed.extend(begun.tolist())
        real(self, begun)

    monkeypatch.setattr(Course, "_sum_windows", count)
    for _ in range(3):
        course.sum_missed(torch.tensor([5, 900]))
        course.extend([1e-3])
    assert summed == [5, 900, 900, 900]

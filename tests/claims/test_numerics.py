"""The identity and the rounding of the two losses."""

from __future__ import annotations

import math

import pytest

from crosszero.claims.numerics import compare_with_library, measure_identity, measure_rounding


def test_info_nce_pulls_where_cz_nce_pulls_only_less() -> None:
    found = measure_identity(batches=10, pairs=8, width=16)
    assert found.worst < 1e-9
    assert found.cosine > 1 - 1e-12
    assert 0 <= found.shrink[0] < 0.5 < found.shrink[1] <= 1
    assert measure_identity(batches=2, pairs=4) == measure_identity(batches=2, pairs=4)


def test_what_is_measured_is_the_librarys_loss() -> None:
    assert compare_with_library() < 1e-12


@pytest.mark.parametrize(("name", "digits"), [("fp32", 24), ("bf16", 8), ("fp16", 11)])
def test_cz_nce_keeps_its_digits_as_the_positive_wins(name: str, digits: int) -> None:
    rows = {(r.loss, r.form, r.format, r.margin): r for r in measure_rounding([0.0, 8.0, 20.0])}
    unit = 2.0**-digits
    for margin in (0.0, 8.0, 20.0):
        assert rows["cz-nce", "stable", name, margin].value < 4 * unit
        assert rows["cz-nce", "stable", name, margin].gradient < 8 * unit
    lost = rows["info-nce", "textbook", name, 20.0]
    assert lost.value > 0.1
    assert lost.gradient > 0.1


def test_textbook_info_nce_is_zero_where_its_loss_is_below_half_an_epsilon() -> None:
    (row,) = [
        r
        for r in measure_rounding([40.0], draws=10)
        if (r.loss, r.form, r.format) == ("info-nce", "textbook", "fp32")
    ]
    assert math.exp(-40) * 14 < 2**-25
    assert row.value == 1.0

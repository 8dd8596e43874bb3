"""The identity and the rounding of the two losses."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from research.claims.numerics import (
    FORMATS,
    Rounding,
    _evaluate,
    measure_identity,
    measure_rounding,
)
from research.claims.rounding import judge_rounding, list_cases, make_rounding

from crosszero.experiment.table import render_markdown
from crosszero.model.losses import contrast


def test_info_nce_pulls_where_cz_nce_pulls_only_less() -> None:
    found = measure_identity(batches=10, pairs=8, width=16)
    assert found.worst < 1e-9
    assert found.cosine > 1 - 1e-12
    assert 0 <= found.shrink[0] < 0.5 < found.shrink[1] <= 1
    assert measure_identity(batches=2, pairs=4) == measure_identity(batches=2, pairs=4)


def test_what_is_measured_is_the_librarys_loss() -> None:
    random = torch.Generator().manual_seed(1)
    x, y = (torch.randn(8, 16, generator=random, dtype=torch.float64) for _ in range(2))
    anchors = torch.nn.functional.normalize(torch.cat([x, y]), dim=-1)
    similarities = anchors @ anchors.T / 0.07
    for loss in ("cz-nce", "info-nce"):
        rows = []
        for i in range(16):
            partner = (i + 8) % 16
            rest = [j for j in range(16) if j not in (i, partner)]
            rows.append(similarities[i, [partner, *rest]])
        mean = _evaluate(torch.stack(rows), loss, "stable")[0].mean()
        torch.testing.assert_close(contrast(x, y, loss=loss).loss, mean, rtol=0, atol=1e-12)


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


def test_what_is_not_finite_is_counted_and_not_called_an_error_of_one() -> None:
    """NumPy's half precision in the same formula, one draw after the other."""
    rows = {
        (row.loss, row.margin): row
        for row in measure_rounding([5.0, 20.0], draws=50)
        if (row.form, row.format) == ("textbook", "fp16")
    }
    positive, negatives = np.exp(np.float16(10)), np.exp(np.full(14, -10, dtype=np.float16))
    with np.errstate(over="ignore", divide="ignore"):
        assert not np.isfinite(np.log(positive / negatives.sum(dtype=np.float16)))
    assert rows["cz-nce", 20.0].lost_value == 1
    assert rows["cz-nce", 20.0].value == math.inf
    assert rows["cz-nce", 20.0].lost_gradient == 1
    assert rows["info-nce", 20.0].lost_value == 0
    assert rows["info-nce", 20.0].value == 1  # a loss of zero
    assert rows["cz-nce", 5.0].lost_value == rows["cz-nce", 5.0].lost_gradient == 0


def make_rows(**worse: float) -> list[Rounding]:
    """CZ-NCE is ten times as exact, but for what is given of fp16's stable form at margin 20."""
    rows = []
    for name, form, margin in product(FORMATS, ("textbook", "stable"), (0.0, 10.0, 20.0)):
        # before the positive has won, CZ-NCE may be as bad as it likes
        cz = Rounding("cz-nce", form, name, margin, *([0.1] * 2 if margin else [9.0] * 2), 0, 0)
        if (name, form, margin) == ("fp16", "stable", 20.0):
            cz = cz._replace(**worse)
        rows += [Rounding("info-nce", form, name, margin, 1.0, 1.0, 0, 0), cz]
    return rows


@pytest.mark.parametrize(
    ("worse", "quantity"),
    [
        ({"value": 0.6}, "value"),
        ({"gradient": 2.0}, "gradient"),
        ({"gradient": math.inf, "lost_gradient": 1.0}, "gradient"),
        ({"lost_value": 0.25}, "value"),  # the median does not see it
    ],
)
def test_every_format_form_and_quantity_is_judged(worse: dict[str, float], quantity: str) -> None:
    cases = list_cases(make_rows())
    assert len(cases) == 12
    assert judge_rounding(cases)[0] == "holds"
    outcome, evidence = judge_rounding(list_cases(make_rows(**worse)))
    assert outcome == "does not hold"
    assert "in 11 of 12 cases" in evidence
    assert f"Not in fp16 stable {quantity} at margin 20" in evidence
    lost = worse.get(f"lost_{quantity}", 0)
    assert (f"{100 * lost:.0f} % of CZ-NCE's results are not finite" in evidence) == (lost > 0)


def test_the_table_shows_every_case() -> None:
    text = render_markdown(make_rounding(list_cases(make_rows(value=math.inf, lost_value=0.5))))
    assert text.count("InfoNCE") == text.count("CZ-NCE") == 12
    assert "| fp16 stable value | CZ-NCE | 1e-01 | inf (50 %) |" in text

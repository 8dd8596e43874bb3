"""Claim 12: does CZ-NCE lose fewer digits than InfoNCE as the positive wins?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crosszero.experiment.table import Cell, Table
from research.claims.claim import Outcome
from research.claims.numerics import Rounding

MARGINS = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0)
_WON = 10.0  # from here on 14 negatives have about a thousandth of the probability, or less
_CLEAR = 2.0  # a smaller ratio of two median errors is called equal


class Point(NamedTuple):
    """Both losses at one margin.

    Attributes:
        margin: lead of the positive, in units of the temperature.
        info, cz: median relative error of InfoNCE and of CZ-NCE.
        info_lost, cz_lost: shares of their results that are not finite.
    """

    margin: float
    info: float
    cz: float
    info_lost: float
    cz_lost: float

    @property
    def is_better(self) -> bool:
        """Whether CZ-NCE has clearly the smaller error, and loses no more results altogether."""
        return _CLEAR * self.cz < self.info and self.cz_lost <= self.info_lost


class Case(NamedTuple):
    """One number format, one form of the losses, and their value or their gradient."""

    format: str
    form: str
    quantity: str
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Such as ``fp16 textbook gradient``."""
        return f"{self.format} {self.form} {self.quantity}"


def list_cases(rows: Sequence[Rounding]) -> list[Case]:
    """Put both losses side by side where the positive has won.

    Args:
        rows: of :func:`research.claims.numerics.measure_rounding`.
    """
    at = {(row.format, row.form, row.margin, row.loss): row for row in rows}
    margins = sorted({row.margin for row in rows if row.margin >= _WON})
    cases = []
    for name, form in dict.fromkeys((row.format, row.form) for row in rows):
        sides = [(at[name, form, m, "info-nce"], at[name, form, m, "cz-nce"]) for m in margins]
        values = [
            Point(info.margin, info.value, cz.value, info.lost_value, cz.lost_value)
            for info, cz in sides
        ]
        gradients = [
            Point(info.margin, info.gradient, cz.gradient, info.lost_gradient, cz.lost_gradient)
            for info, cz in sides
        ]
        cases += [
            Case(name, form, "value", tuple(values)),
            Case(name, form, "gradient", tuple(gradients)),
        ]
    return cases


def judge_rounding(cases: Sequence[Case]) -> tuple[Outcome, str]:
    """Judge every format and form, value and gradient.

    It holds where CZ-NCE's median error is less than half of InfoNCE's in all of them at every
    margin. A result that is not finite has an infinite error, and is counted.

    Returns:
        Outcome, and where it holds and where it does not.
    """
    good = [case.name for case in cases if all(point.is_better for point in case.points)]
    parts = [
        f"CZ-NCE's error is less than half of InfoNCE's at every margin in {len(good)} of "
        f"{len(cases)} cases" + (f": {', '.join(good)}" if good else "")
    ]
    for case in cases:
        bad = [point for point in case.points if not point.is_better]
        if bad:
            where = ", ".join(f"{point.margin:g}" for point in bad)
            parts.append(f"Not in {case.name} at margin {where}")
            if any(point.cz_lost for point in bad):
                lost = ", ".join(f"{100 * point.cz_lost:.0f}" for point in bad)
                parts[-1] += f", where {lost} % of CZ-NCE's results are not finite"
    return "holds" if len(good) == len(cases) else "does not hold", ". ".join(parts) + "."


def make_rounding(cases: Sequence[Case]) -> Table:
    """A row for each case and loss, a column for each margin."""
    rows: list[tuple[Cell, ...]] = []
    for case in cases:
        info = [_show(point.info, point.info_lost) for point in case.points]
        cz = [_show(point.cz, point.cz_lost) for point in case.points]
        rows += [(case.name, "InfoNCE", *info), (case.name, "CZ-NCE", *cz)]
    margins = cases[0].points if cases else ()
    return Table(
        title="Relative error against float64 by margin",
        columns=("case", "loss", *(f"{point.margin:g}" for point in margins)),
        rows=tuple(rows),
        note="Median over the draws; in brackets the share of results that are not finite.",
    )


def _show(error: float, lost: float) -> str:
    return f"{error:.0e} ({100 * lost:.0f} %)" if lost else f"{error:.0e}"

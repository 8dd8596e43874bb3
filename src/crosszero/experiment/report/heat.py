"""A heat map that is a table: each number on a ground whose strength says how good it is.

The colour adds nothing that the numbers do not say, so that a printer, a screen reader and eyes
that see no colours miss nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from crosszero.experiment.intervals import Interval
from crosszero.experiment.report.tables import Cell, Table, render_html


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A table whose cells are shaded from its worst number to its best one.

    Attributes:
        table: its first column names the rows.
        less_is_better: whether the lowest number is the best one.
    """

    table: Table
    less_is_better: bool = False


def shade_cells(heat: HeatMap) -> list[list[float | None]]:
    """Give each cell behind the first of its row its place between worst (0) and best (1).

    Where all numbers are equal there is nothing to shade: all are 0.

    Example:
        >>> table = Table(title="", columns=("", "a", "b"), rows=(("fr", 2.0, 6.0), ("ru", 3, "-")))
        >>> shade_cells(HeatMap(table=table))
        [[0.0, 1.0], [0.25, None]]
    """
    values = [[_number(cell) for cell in row[1:]] for row in heat.table.rows]
    known = [value for row in values for value in row if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = (high - low) or 1.0

    def place(value: float | None) -> float | None:
        if value is None:
            return None
        return (high - value if heat.less_is_better else value - low) / span

    return [[place(value) for value in row] for row in values]


def render_heat(heat: HeatMap) -> str:
    """Write the heat map in HTML."""
    return f'<div class="heat">{render_html(heat.table, shade_cells(heat))}</div>'


def _number(cell: Cell) -> float | None:
    value = cell.mean if isinstance(cell, Interval) else cell
    if value is None or isinstance(value, str) or math.isnan(float(value)):
        return None
    return float(value)

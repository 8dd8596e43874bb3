"""Tables for terminal and Markdown, and the intervals in their cells.

One run with one seed says little about alignment: gains of a point come and go with the seed. So
numbers are shown with a 95 % interval over seeds. Commands print tables, so this module loads
nothing heavy.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np

_NOTHING = "–"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#&])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over seeds and how far it can be trusted; of one value all but the mean is NaN.

    Attributes:
        mean: arithmetic mean.
        deviation: sample standard deviation (divisor n - 1).
        low, high: limits of the 95 % interval of the mean (Student t).
    """

    mean: float
    deviation: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """What stands behind the plus-minus sign."""
        return (self.high - self.low) / 2


def measure_interval(values: Sequence[float]) -> Interval:
    """Give mean, sample standard deviation and Student-t interval of values over seeds.

    Args:
        values: one score per seed, at least one, in any unit, which is that of the result.

    Raises:
        ValueError: no values, or one that is not finite.

    Example:
        >>> found = measure_interval([41.0, 43.0, 42.0])
        >>> round(found.mean, 2), round(found.low, 2), round(found.high, 2)
        (42.0, 39.52, 44.48)
    """
    count = len(values)
    if count == 0 or not all(map(math.isfinite, values)):
        raise ValueError(f"at least one finite value is needed, not {list(values)}")
    mean, deviation, half = math.fsum(values) / count, math.nan, math.nan
    if count > 1:
        from scipy.special import stdtrit  # the quantile of Student's t

        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
        half = float(stdtrit(count - 1, 0.975)) * deviation / math.sqrt(count)
    return Interval(mean=mean, deviation=deviation, low=mean - half, high=mean + half)


Cell: TypeAlias = "str | int | float | np.generic | numbers.Real | Interval | None"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text and numbers. The first column names the row.

    Attributes:
        rows: None and not-a-number show as a dash, an interval as mean and half-width.
        number: format of floats and intervals, as after the colon of an f-string.
        formats: other formats by column heading.
        note: one line below the table, such as what is measured in which unit.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    number: str = ".1f"
    formats: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"{self.title}: {len(row)} cells for {len(self.columns)} columns: {row}"
                )
        if unknown := set(self.formats) - set(self.columns):
            raise ValueError(f"{self.title}: formats for unknown columns {sorted(unknown)}")

    def __str__(self) -> str:
        return render_text(self)

    @property
    def texts(self) -> list[list[str]]:
        """The rows as they are shown."""
        formats = [self.formats.get(name, self.number) for name in self.columns]
        return [list(map(format_cell, row, formats)) for row in self.rows]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers only (and gaps): they are set to the right."""
        columns = ([row[i] for row in self.rows] for i in range(len(self.columns)))
        kinds = ([isinstance(cell, str) for cell in row if cell is not None] for row in columns)
        return [bool(kind) and not any(kind) for kind in kinds]


def format_cell(cell: Cell, number: str = ".1f") -> str:
    """Write one cell; `number` is the format of floats and of both parts of an interval.

    Example:
        >>> format_cell(0.4321, ".1%"), format_cell(12345), format_cell(None)
        ('43.2%', '12,345', '–')
    """
    if cell is None:
        return _NOTHING
    if hasattr(cell, "item"):  # NumPy's
        cell = cell.item()
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, numbers.Integral):
        return f"{int(cell):,}"
    if isinstance(cell, numbers.Real):
        value = float(cell)
        if math.isnan(value):
            return _NOTHING
        text = format(value, number)
        # a rounded -0.0 is a zero
        return text.replace("-", "") if not re.search("[1-9]", text) and value < 0 else text
    interval = cast(Interval, cell)
    mean, half = format_cell(interval.mean, number), interval.half_width
    # the unit once: 41.2 ± 0.8%
    return mean if math.isnan(half) else f"{mean.removesuffix('%')} ± {format(half, number)}"


def render_text(table: Table) -> str:
    """Draw a table for a terminal: columns aligned, wide East Asian letters counted twice.

    Example:
        >>> print(render_text(Table(title="t", columns=("", "n"), rows=(("東京", 7),))))
        t
              n
        ────  ─
        東京  7
    """
    from rich.cells import cell_len

    body = [[_flatten(cell) for cell in row] for row in table.texts]
    head = [_flatten(name) for name in table.columns]
    widths = [max(map(cell_len, column)) for column in zip(head, *body, strict=True)]
    columns = list(zip(widths, table.numeric, strict=True))

    def line(cells: list[str]) -> str:
        parts = []
        for cell, (width, right) in zip(cells, columns, strict=True):
            gap = " " * (width - cell_len(cell))
            parts.append(gap + cell if right else cell + gap)
        return "  ".join(parts).rstrip()

    lines = [_flatten(table.title)] if table.title else []
    lines += [line(head), "  ".join("─" * width for width in widths), *map(line, body)]
    if table.note:
        lines.append(_flatten(table.note))
    return "\n".join(lines)


def render_markdown(table: Table) -> str:
    """Write a table in Markdown (pipe table); markup in the cells is escaped.

    Example:
        >>> print(render_markdown(Table(title="", columns=("a|b", "n"), rows=(("x", 7),))))
        | a\\|b | n |
        | :--- | ---: |
        | x | 7 |
    """

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def clean(text: str) -> str:
        return _MARKDOWN.sub(r"\\\1", _flatten(text))

    lines = [f"**{clean(table.title)}**", ""] if table.title else []
    lines.append(line([clean(name) for name in table.columns]))
    lines.append(line(["---:" if right else ":---" for right in table.numeric]))
    lines += [line([clean(cell) for cell in row]) for row in table.texts]
    if table.note:
        lines += ["", clean(table.note)]
    return "\n".join(lines)


def _flatten(text: str) -> str:
    # a line break would tear the table, an escape sequence would reach the terminal
    return _CONTROLS.sub(" ", text)

"""Tables of a visit, for OUT/tables.md and docs/performance.md.

python -m benchmarks.gpu.report OUT/result.json [--page docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from research.results import fill

from crosszero.errors import DataError
from crosszero.experiment.table import Table, render_markdown
from crosszero.files import atomic_file

Visit = dict[str, Any]


class Goal(NamedTuple):
    """A number that should be reached: one cell of a table, or the ratio of two.

    Attributes:
        what: this is.
        cell: (section, row, batch or "", column).
        against: what it is divided by: the same of another row; a text names what is no ratio.
        least: the goal; with `most` the most that it may be.
    """

    what: str
    cell: tuple[str, str, int | str, str]
    against: tuple[str, str, int | str, str] | str
    least: float
    most: bool = False


GOALS: list[Goal] = []


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of a visit, or put them into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.report")
    parser.add_argument("result", type=Path, help="result.json of a visit")
    parser.add_argument("--page", type=Path, help="with the marks of 'gpu'; else the screen")
    options = parser.parse_args(arguments)
    text = write_tables(read_visit(options.result))
    if options.page is None:
        sys.stdout.write(text)
        return
    page = fill(options.page.read_text(encoding="utf-8"), "gpu", text)
    with atomic_file(options.page) as file:
        file.write(page)


def read_visit(path: Path) -> Visit:
    """Read what a visit wrote; DataError if it is something else."""
    try:
        visit = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, f"can't be read as the result of a visit ({error})") from error
    if not isinstance(visit, dict) or visit.get("benchmark") != "gpu":
        raise DataError(path, "is no result of benchmarks.gpu")
    return visit


def write_tables(visit: Visit) -> str:
    """All tables in Markdown, below a line that says where, when and how they were made."""
    versions = ", ".join(f"{name} {version}" for name, version in visit["versions"].items())
    lines = [
        f"{visit['device']}, {visit['date'][:10]}, commit {visit['commit']}, "
        f"{visit['seconds']:.0f} s of `{visit['command']}`"
        + (" (tiny: the numbers mean nothing)" if visit["tiny"] else "")
        + f". Text: {visit['text']}. {versions}.",
        *(render_markdown(table) for table in make_tables(visit)),
    ]
    return "\n\n".join(line.strip() for line in lines) + "\n"


def make_tables(visit: Visit) -> Iterator[Table]:
    """Goals, the rows of each section, and all checks."""
    if goals := [row for goal in GOALS if (row := _measure(visit, goal))]:
        columns = ("what", "against", "measured", "goal", "met")
        yield Table(title="Goals", columns=columns, rows=tuple(goals))
    for section in visit["sections"]:
        notes = [*section["notes"], *([section["error"]] if "error" in section else [])]
        if rows := section["rows"]:
            columns = tuple(dict.fromkeys(name for row in rows for name in row))
            cells = tuple(tuple(_show(row.get(name)) for name in columns) for row in rows)
            note = "; ".join(notes)
            yield Table(title=section["name"].capitalize(), columns=columns, rows=cells, note=note)
    checks = [
        (f"{section['name']}: {one['what']}", f"{one['found']:.2g}", f"{one['limit']:g}",
         "yes" if one["passed"] else "NO")
        for section in visit["sections"] for one in section["checks"]
    ]  # fmt: skip
    checks += [
        (section["name"], section["error"], "", "NO")
        for section in visit["sections"]
        if "error" in section
    ]
    yield Table(title="Checks", columns=("what", "found", "limit", "passed"), rows=tuple(checks))


def _measure(visit: Visit, goal: Goal) -> tuple[str, str, str, str, str] | None:
    """A row of the goals; ``None`` where the visit did not come so far."""
    value = _find(visit, *goal.cell)
    if value is None:
        return None
    against, unit = goal.against, goal.cell[3]
    if not isinstance(against, str):
        other = _find(visit, *against)
        if not other:
            return None
        value, unit = value / other, "x"
        against = " ".join(str(part) for part in against[1:3] if part)
    met = value <= goal.least if goal.most else value >= goal.least
    limit = f"at {'most' if goal.most else 'least'} {_show(goal.least)}"
    return goal.what, against, f"{_show(value)} {unit}", limit, "yes" if met else "no"


def _find(visit: Visit, section: str, what: str, batch: int | str, column: str) -> float | None:
    for one in visit["sections"]:
        for row in one["rows"] if one["name"] == section else ():
            if row["what"] == what and row.get("batch", "") == batch and row.get(column):
                return float(row[column])
    return None


def _show(value: float | str | None) -> str:
    """Three digits, and all digits before the point."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()

"""Tables of a visit, for OUT/tables.md and docs/performance.md.

python -m benchmarks.gpu.report OUT/result.json... [--page docs/performance.md]

Of a section that several visits have, the last one's counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from research.results import fill

from benchmarks.gpu.inference import OURS, THEIRS
from benchmarks.gpu.rivals import CACHED, MNRL, PAPER, SENTENCES
from benchmarks.tables import read_run, show
from crosszero.experiment.table import Table, render_markdown
from crosszero.files import atomic_file

Visit = dict[str, Any]


Cell = tuple[str, str, int | str, str]
"""Section, row, batch (or nothing) and column."""


class Goal(NamedTuple):
    """A number that should be reached: a cell of a table, or the ratio of two.

    Attributes:
        what: this is.
        cell: its place.
        against: what it is divided by; ``None`` for a number that stands for itself.
        limit: the least that it should be; the most with `most`.
    """

    what: str
    cell: Cell
    against: Cell | None
    limit: float
    most: bool = False


_PACKED = ("training", "crosszero, packed", 512)
_SENTENCES = ("rivals", f"{SENTENCES}, bf16")
_ENCODE = ("encoding", f"{OURS}, bf16", "", "sentences/s")
GOALS = (
    Goal("training", (*_PACKED, "pairs/s"), ("rivals", f"{PAPER}, fp32", 64, "pairs/s"), 20.0),
    Goal("training, operations that are needed", (*_PACKED, "share of peak"), None, 0.45),
    Goal("the same, layers compiled", ("compiling", "compiled", 512, "share of peak"), None, 0.45),
    Goal(
        "sentences",
        (*_SENTENCES, 4_096, "pairs/s"),
        ("rivals", f"{CACHED}, bf16", 4_096, "pairs/s"),
        1.5,
    ),
    Goal(
        "sentences", (*_SENTENCES, 512, "pairs/s"), ("rivals", f"{MNRL}, bf16", 512, "pairs/s"), 1.5
    ),
    *(
        Goal("encode", _ENCODE, ("encoding", f"{THEIRS}, bf16", batch, "sentences/s"), 1.3)
        for batch in (32, 512)
    ),
    Goal("align", ("alignment", f"{OURS}, hmm", "", "pairs/s"), None, 5_000),
    Goal(
        "align, argmax",
        ("alignment", f"{OURS}, argmax", "", "pairs/s"),
        ("alignment", "simalign, argmax", "", "pairs/s"),
        10,
    ),
    Goal("mine", ("mining", "1,000,000 x 1,000,000 x 768", "", "s"), None, 60, most=True),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of a visit, or put them into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.report")
    parser.add_argument("results", nargs="+", type=Path, help="result.json of each visit")
    parser.add_argument("--page", type=Path, help="with the marks of 'gpu'; else the screen")
    options = parser.parse_args(arguments)
    text = write_tables(*(read_run(result, ["gpu"]) for result in options.results))
    if options.page is None:
        sys.stdout.write(text)
        return
    page = fill(options.page.read_text(encoding="utf-8"), "gpu", text)
    with atomic_file(options.page) as file:
        file.write(page)


def write_tables(*visits: Visit) -> str:
    """All tables in Markdown, below a line for each visit: where, when, how, and what it found."""
    joined = join_visits(visits)
    kept = [[s["name"] for s in visit["sections"] if s in joined["sections"]] for visit in visits]
    lines = [_describe(visit, names) for visit, names in zip(visits, kept, strict=True) if names]
    lines += [render_markdown(table) for table in make_tables(joined)]
    return "\n\n".join(line.strip() for line in lines) + "\n"


def _describe(visit: Visit, sections: Sequence[str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in visit["versions"].items())
    return (
        f"{', '.join(sections).capitalize()}: {visit['device']}, {visit['date'][:10]}, "
        f"commit {visit['commit']}, {visit['seconds']:.0f} s of `{visit['command']}`"
        + (" (tiny: the numbers mean nothing)" if visit["tiny"] else "")
        + f". Text: {visit['text']}. {versions}."
    )


def join_visits(visits: Sequence[Visit]) -> Visit:
    """One visit with the sections of all of them, each from the last one that found anything."""
    found: dict[str, Any] = {}
    for visit in visits:
        found |= {s["name"]: s for s in visit["sections"] if s["rows"] or s["checks"]}
    return {**visits[-1], "sections": list(found.values())}


def make_tables(visit: Visit) -> Iterator[Table]:
    """Goals, the rows of each section, and all checks."""
    if goals := [row for goal in GOALS if (row := _measure(visit, goal))]:
        columns = ("what", "against", "measured", "goal", "met")
        yield Table(title="Goals", columns=columns, rows=tuple(goals))
    for section in visit["sections"]:
        notes = [*section["notes"], *([section["error"]] if "error" in section else [])]
        if rows := section["rows"]:
            columns = tuple(dict.fromkeys(name for row in rows for name in row))
            cells = tuple(tuple(show(row.get(name)) for name in columns) for row in rows)
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
    value, against, unit = _find(visit, *goal.cell), "absolute", goal.cell[3]
    if goal.against is not None:
        other = _find(visit, *goal.against)
        value, unit = value and other and value / other, "x"
        _, row, batch, _ = goal.against
        against = f"{row}, batch {batch}" if batch else row
    if value is None:
        return None
    met = value <= goal.limit if goal.most else value >= goal.limit
    limit = f"at {'most' if goal.most else 'least'} {show(goal.limit)}"
    return goal.what, against, f"{show(value)} {unit}", limit, "yes" if met else "no"


def _find(visit: Visit, section: str, what: str, batch: int | str, column: str) -> float | None:
    for one in visit["sections"]:
        for row in one["rows"] if one["name"] == section else ():
            if row["what"] == what and row.get("batch", "") == batch and row.get(column):
                return float(row[column])
    return None


if __name__ == "__main__":
    main()

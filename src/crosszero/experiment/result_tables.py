"""The tables of an experiment: systems by tasks, by language, spread over seeds, time.

Numbers that others reported are read from a YAML file and shown beside the measured ones, never
among them.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosszero.config import build
from crosszero.experiment.records import Record
from crosszero.experiment.results import Results
from crosszero.experiment.table import Cell, Table, measure_interval, render_markdown
from crosszero.experiment.yaml_text import read_yaml
from crosszero.files import atomic_file
from crosszero.tasks.score import average
from crosszero.tasks.task import Task


def make_tables(results: Results) -> list[Table]:
    """All tables: the overview first, then how far seeds lie apart, time, and every language."""
    tables = [make_overview(results), make_deviations(results), make_costs(results.records)]
    if results.config and results.config.published:
        tables.append(make_published(read_published(results.config.published)))
    tables += [make_languages(results, task) for task in list_columns(results)]
    return [table for table in tables if table is not None]


def list_columns(results: Results) -> list[Task]:
    """The tasks that were measured, in the order of the catalogue; further texts come last."""
    measured = {score.name for record in results.records for score in record.scores}
    return [task for task in results.list_tasks() if f"{task.name}/{task.metric}" in measured]


def list_means(results: Results, system: str, task: Task) -> list[float]:
    """For each seed of a system the mean over languages of a task's own metric, in per cent."""
    name = f"{task.name}/{task.metric}"
    found = [average(record.scores) for record in results.records if record.system == system]
    return [100 * means[name] for means in found if name in means]


def summarise(values: Sequence[float]) -> Cell:
    """Nothing, a number, or a mean with its interval."""
    return measure_interval(values) if len(values) > 1 else next(iter(values), None)


def make_overview(results: Results) -> Table:
    """A row for each system, a column for each task, mean and 95 % interval over seeds."""
    tasks, records = list_columns(results), results.records
    names = list(dict.fromkeys(record.system for record in records))
    seeds = sorted({record.seed for record in records})
    spread = "mean and half-width of the 95 % interval (Student t) over seeds "
    spread = f"{spread if len(seeds) > 1 else 'seed '}{', '.join(map(str, seeds)) or 'none'}"
    notes = [f"Measured. Per cent, mean over languages; {spread}."]
    if lower := [task.title for task in tasks if task.lower_is_better]:
        notes.append(f"{', '.join(lower)}: lower is better.")
    notes += dict.fromkeys(task.note for task in tasks if task.note)
    systems = results.config.systems if results.config else {}
    if robust := [name for name in names if name in systems and systems[name].is_robust]:
        known = [task.title for task in tasks if task.robust]
        notes.append(
            f"{', '.join(robust)}: robust fine-tuning works on pairs of sentences, so only "
            f"{' and '.join(known)} {'is' if len(known) == 1 else 'are'} measured."
        )
    means = ([summarise(list_means(results, name, task)) for task in tasks] for name in names)
    return Table(
        title=results.title,
        columns=("system", *(task.title for task in tasks)),
        rows=tuple((name, *cells) for name, cells in zip(names, means, strict=True)),
        note=" ".join(notes),
    )


def make_deviations(results: Results) -> Table | None:
    """A row for each system: how far single seeds lie apart; none where there is one seed."""
    tasks = list_columns(results)
    rows = []
    for system in dict.fromkeys(record.system for record in results.records):
        values = [list_means(results, system, task) for task in tasks]
        cells = [measure_interval(v).deviation if len(v) > 1 else None for v in values]
        rows.append((system, *cells))
    if all(cell is None for row in rows for cell in row[1:]):
        return None
    return Table(
        title="Standard deviation over seeds",
        columns=("system", *(task.title for task in tasks)),
        rows=tuple(rows),
        number=".2f",
        note="Of the mean over languages, in percentage points; empty where there is only one "
        "value.",
    )


def make_costs(records: Sequence[Record]) -> Table:
    """A row for each task: how long a measurement took."""
    rows: list[tuple[Cell, ...]] = []
    for task in dict.fromkeys(record.task for record in records):
        minutes = [record.seconds / 60 for record in records if record.task == task]
        rows.append((task, len(minutes), sum(minutes) / len(minutes), max(minutes)))
    hours = sum(record.seconds for record in records) / 3600
    machines = " or ".join(sorted({record.machine for record in records if record.machine}))
    return Table(
        title="Time",
        columns=("task", "measurements", "minutes, mean", "longest"),
        rows=tuple(rows),
        note=f"Includes fine-tuning, but not the training of the encoders; {hours:.1f} hours in "
        "all, for processes that ran one or several at a time "
        f"({machines or 'machine unknown'}).",
    )


def make_languages(results: Results, task: Task) -> Table:
    """A row for each language of one task, a column for each system, and the mean.

    Where pairs of languages are asked both ways, a pair has one row, and each system two columns.
    """
    values: dict[tuple[str, str], list[float]] = {}
    counts: dict[str, int] = {}
    for record in results.records:
        for score in record.scores:
            if score.name == f"{task.name}/{task.metric}":
                values.setdefault((score.language, record.system), []).append(100 * score.value)
                counts[score.language] = score.count
    systems = list(dict.fromkeys(system for _, system in values))
    rows = _pair_up(list(counts))
    ways = ("forward ", "backward ") if len(rows[0]) > 1 else ("",)
    pairs = [(way, system) for way in range(len(ways)) for system in systems]
    columns = [[values.get((row[way], system), []) for row in rows] for way, system in pairs]
    headings = [f"{ways[way]}{system}" for way, system in pairs]
    lines = [(row[0], *(summarise(column[i]) for column in columns)) for i, row in enumerate(rows)]
    # seed by seed, so far as all languages have one
    seeds = [zip(*column, strict=False) for column in columns]
    means = [summarise([sum(one) / len(rows) for one in column]) for column in seeds]
    sizes = sorted(set(counts.values()))
    span = " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
    return Table(
        title=f"{task.title}: {task.metric.replace('-', ' ')} by language",
        columns=("pair" if task.pairs_of_languages else "language", *headings),
        rows=(*lines, ("mean", *means)),
        note=f"Per cent; {span} {task.unit}. "
        f"{'Lower' if task.lower_is_better else 'Higher'} is better.",
    )


def _pair_up(languages: Sequence[str]) -> list[list[str]]:
    """Put the two directions of each pair together, English first; or leave all alone."""

    def turn(pair: str) -> str | None:
        parts = pair.split("-")
        turned = ("-".join([*parts[i:], *parts[:i]]) for i in range(1, len(parts)))
        return next((other for other in turned if other in languages and other != pair), None)

    if not languages or not all(map(turn, languages)):
        return [[language] for language in sorted(languages)]
    rows: list[list[str]] = []
    for pair in sorted(languages, key=lambda pair: (not pair.startswith("en-"), pair)):
        if not any(pair in row for row in rows):
            rows.append([pair, str(turn(pair))])
    return rows


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One system: per cent for each column, what it takes to measure it here, and the command."""

    system: str
    source: str  # key of Published.sources
    values: list[float]
    here: str
    command: str | None = None  # none where nothing can measure it


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published table: tasks, the measure of each, where rows are from, and the rows."""

    columns: list[str]
    measures: list[str]
    sources: dict[str, str]
    rows: list[PublishedRow]


def read_published(path: str | Path) -> Published:
    """Read published numbers; ConfigError where the file or a setting of it is missing."""
    return build(Published, read_yaml(path), where=str(path))


def make_published(published: Published) -> Table:
    """The rows, with what each needs to be measured here."""
    sources = "; ".join(f"{name}: {text}" for name, text in published.sources.items())
    return Table(
        title="Published, not measured here",
        columns=("system", *published.columns, "source", "to measure it"),
        rows=tuple((row.system, *row.values, row.source, row.here) for row in published.rows),
        note=f"Per cent: {', '.join(published.measures)}. {sources}. Data and sizes differ from "
        "those above: not comparable with measured rows.",
    )


def summarise_records(records: Sequence[Record]) -> dict[str, Any]:
    """Put all numbers together: shares by system, metric and language (or ``mean``), by seed."""
    found: dict[str, Any] = {}
    for record in records:
        metrics = found.setdefault(record.system, {})
        rows = [(score.name, score.language, score.value) for score in record.scores]
        rows += [(name, "mean", value) for name, value in average(record.scores).items()]
        for name, language, value in rows:
            cell = metrics.setdefault(name, {}).setdefault(language, {"seeds": [], "values": []})
            cell["seeds"].append(record.seed)
            cell["values"].append(value)
    for metrics in found.values():
        for languages in metrics.values():
            for cell in languages.values():
                interval = dataclasses.asdict(measure_interval(cell["values"]))
                cell |= {k: None if math.isnan(v) else v for k, v in interval.items()}
    return found


def write_tables(results: Results) -> None:
    """Write all tables as ``tables.md``, and all numbers as ``summary.json`` for programs."""
    with atomic_file(results.folder / "tables.md") as file:
        file.write("\n\n".join(map(render_markdown, make_tables(results))) + "\n")
    with atomic_file(results.folder / "summary.json") as file:
        json.dump(summarise_records(results.records), file, indent=1, ensure_ascii=False)

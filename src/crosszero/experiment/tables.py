"""The table of a suite: a row for each system, a column for each task, and the published block."""

from __future__ import annotations

from collections.abc import Sequence

from crosszero.experiment.intervals import Interval, measure_interval
from crosszero.experiment.published import read_published
from crosszero.experiment.records import Record
from crosszero.experiment.report.tables import Cell, Table
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.task import Score

# Column, and name of the score that stands for the task.
COLUMNS = {task.title: f"{task.name}/{task.metric}" for task in list_tasks()}
PROTOCOLS = {task.title: task.protocol for task in list_tasks()}
SPANS = " POS and NER: F1 of spans as seqeval 1.2.2 counts them."


def average(records: Sequence[Record], metric: str) -> list[float]:
    """For each seed the mean over languages of a metric, in per cent."""
    found = []
    for record in records:
        values = [score.value for score in record.scores if score.name == metric]
        if values:
            found.append(100 * sum(values) / len(values))
    return found


def make_scores(scores: Sequence[Score], title: str) -> Table:
    """A row for each metric and language of one encoder, and the mean of each metric."""
    rows: list[tuple[Cell, ...]] = []
    for metric in dict.fromkeys(score.name for score in scores):
        own = [score for score in scores if score.name == metric]
        rows += [(metric, score.language, 100 * score.value, score.count) for score in own]
        mean = 100 * sum(score.value for score in own) / len(own)
        rows.append((metric, "mean", mean, None))
    return Table(
        title=title,
        columns=("metric", "language", "per cent", "items"),
        rows=tuple(rows),
        note="Means are over languages, each counting the same."
        + (SPANS if {COLUMNS["POS"], COLUMNS["NER"]} & {score.name for score in scores} else ""),
    )


def make_measured(records: Sequence[Record], title: str, *, robust: Sequence[str] = ()) -> Table:
    """A row for each system in the order of the records, mean and 95 % interval over seeds.

    Args:
        records: of a suite.
        title: of the table.
        robust: systems that are fine-tuned robustly; a note says why their other cells are empty.
    """
    systems = dict.fromkeys(record.system for record in records)
    present = [c for c, metric in COLUMNS.items() if average(records, metric)]
    rows = []
    for system in systems:
        cells = [summarise(_list_values(records, system, COLUMNS[column])) for column in present]
        rows.append((system, *cells))
    seeds = sorted({record.seed for record in records})
    spread = "mean and half-width of the 95 % interval (Student t) over seeds "
    spread = spread + ", ".join(map(str, seeds)) if len(seeds) > 1 else f"seed {seeds[0]}"
    empty = (
        f" {', '.join(robust)}: robust fine-tuning is for pairs of sentences, so XNLI and PAWS-X "
        "alone are measured."
    )
    return Table(
        title=title,
        columns=("system", *present),
        rows=tuple(rows),
        note=f"Measured. Per cent, mean over languages; {spread}."
        + (" AER: lower is better." if "AER" in present else "")
        + (SPANS if {"POS", "NER"} & set(present) else "")
        + (empty if robust else ""),
    )


def make_deviations(records: Sequence[Record]) -> Table | None:
    """A row for each system: how far single seeds lie apart; none where there is one seed."""
    present = [c for c, metric in COLUMNS.items() if average(records, metric)]
    rows = []
    for system in dict.fromkeys(record.system for record in records):
        values = [_list_values(records, system, COLUMNS[column]) for column in present]
        rows.append(
            (system, *(measure_interval(v).deviation if len(v) > 1 else None for v in values))
        )
    if all(cell is None for row in rows for cell in row[1:]):
        return None
    return Table(
        title="Sample deviation over seeds",
        columns=("system", *present),
        rows=tuple(rows),
        number=".2f",
        note="Of the mean over languages, points of per cent; empty where there is one value.",
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
        note=f"Fine-tuning included, training of the encoders not; {hours:.1f} hours in all, of "
        f"processes that ran one or several at a time ({machines or 'machine unknown'}).",
    )


def _list_values(records: Sequence[Record], system: str, metric: str) -> list[float]:
    return average([record for record in records if record.system == system], metric)


def make_languages(records: Sequence[Record], column: str) -> Table:
    """A row for each language of one column, a column for each system."""
    metric = COLUMNS[column]
    systems = list(dict.fromkeys(record.system for record in records))
    values: dict[tuple[str, str], list[float]] = {}
    for record in records:
        for score in record.scores:
            if score.name == metric:
                values.setdefault((score.language, record.system), []).append(100 * score.value)
    languages = sorted({language for language, _ in values})
    return Table(
        title=f"{column} ({PROTOCOLS[column]}/{metric}) by language",
        columns=("language", *systems),
        rows=tuple(
            (language, *(summarise(values.get((language, system), [])) for system in systems))
            for language in languages
        ),
    )


def make_published() -> Table:
    """The rows that others reported, with what each needs to be measured here."""
    published = read_published()
    sources = "; ".join(f"{name}: {text}" for name, text in published.sources.items())
    return Table(
        title="Published, not measured here",
        columns=("system", *published.columns, "source", "to measure it"),
        rows=tuple((row.system, *row.values, row.source, row.here) for row in published.rows),
        note=f"Per cent: {', '.join(published.measures)}. {sources}. Other data and sizes than "
        "above: not comparable with measured rows.",
    )


def summarise(values: Sequence[float]) -> Cell | Interval:
    """Nothing, a number, or a mean with its interval."""
    if not values:
        return None
    return measure_interval(values) if len(values) > 1 else values[0]

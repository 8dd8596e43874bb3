"""What was measured: the table of the systems, heat maps by language, and published rows."""

from __future__ import annotations

from crosszero.experiment.overview.runs import Runs
from crosszero.experiment.report.blocks import Block, HeatMap, Section
from crosszero.experiment.tables import (
    COLUMNS,
    average,
    make_languages,
    make_measured,
    make_published,
    make_scores,
)
from crosszero.tasks.catalogue import list_tasks


def show_results(runs: Runs) -> list[Section]:
    """The measured table, heat maps by language, and the published rows, apart."""
    tasks = [task for task in list_tasks() if average(runs.records, COLUMNS[task.title])]
    tables: list[Block] = [make_measured(runs.records, runs.title)] if tasks else []
    if runs.planned is None and len(runs.records) == 1:
        tables.append(make_scores(runs.records[0].scores, "All scores"))
    heats: list[Block] = [
        "The stronger the ground, the better the number among those of its table. Mean and "
        "half-width of the 95 % interval over seeds, where there are several."
    ]
    for task in tasks:
        table = make_languages(runs.records, task.title)
        heats.append(HeatMap(table=table, lower_is_better=task.lower_is_better))
    return [
        Section("Measured", tables or ["There are no scores."]),
        Section("By language", heats if tasks else ["There are no scores by language."]),
        Section("Published", [make_published()]),
    ]

"""What was measured: the table of the systems, heat maps by language, and published rows."""

from __future__ import annotations

from crosszero.experiment.overview.runs import Runs
from crosszero.experiment.report.blocks import Block, HeatMap, Section
from crosszero.experiment.table import (
    COLUMNS,
    average,
    make_languages,
    make_measured,
    make_published,
    make_scores,
)


def show_results(runs: Runs) -> list[Section]:
    """The measured table, heat maps by language, and the published rows, apart."""
    columns = [c for c, metric in COLUMNS.items() if average(runs.records, metric)]
    tables: list[Block] = [make_measured(runs.records, runs.title)] if columns else []
    if runs.planned is None and len(runs.records) == 1:
        tables.append(make_scores(runs.records[0].scores, "All scores"))
    heats: list[Block] = [
        "The stronger the ground, the better the number among those of its table. Mean and "
        "half-width of the 95 % interval over seeds, where there are several."
    ]
    for column in columns:
        table = make_languages(runs.records, column)
        heats.append(HeatMap(table=table, lower_is_better=column == "AER"))
    return [
        Section("Measured", tables or ["There are no scores."]),
        Section("By language", heats if columns else ["There are no scores by language."]),
        Section("Published", [make_published()]),
    ]

"""What was measured: the table of the systems, heat maps by language, and published rows."""

from __future__ import annotations

from crosszero.experiment.published import make_published, read_published
from crosszero.experiment.report.blocks import Block, HeatMap, Section
from crosszero.experiment.results import Results
from crosszero.experiment.scores import Scores
from crosszero.experiment.tables import list_columns, make_languages, make_overview


def show_results(runs: Results) -> list[Section]:
    """The measured table, heat maps by language, and the published rows, apart."""
    tasks = list_columns(runs)
    tables: list[Block] = [make_overview(runs)] if tasks else []
    if runs.config is None and len(runs.records) == 1:
        tables.append(Scores(runs.records[0].scores, "All scores").table())
    heats: list[Block] = [
        "The stronger the ground, the better the number among those of its table. Mean and "
        "half-width of the 95 % interval over seeds, where there are several."
    ]
    for task in tasks:
        table = make_languages(runs, task)
        heats.append(HeatMap(table=table, lower_is_better=task.lower_is_better))
    sections = [
        Section("Measured", tables or ["There are no scores."]),
        Section("By language", heats if tasks else ["There are no scores by language."]),
    ]
    if runs.config and runs.config.published:
        published = read_published(runs.config.published)
        sections.append(Section("Published", [make_published(published)]))
    return sections

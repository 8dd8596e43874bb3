"""What was measured: the table of the systems, heat maps by language, and published rows."""

from __future__ import annotations

from crosszero.errors import CrosszeroError
from crosszero.experiment.page.blocks import Block, HeatMap, Section
from crosszero.experiment.published import make_published, read_published
from crosszero.experiment.results import Results
from crosszero.experiment.scores import Scores
from crosszero.experiment.tables import list_columns, make_languages, make_overview


def show_results(results: Results) -> list[Section]:
    """The measured table, heat maps by language, and the published rows, apart."""
    tasks = list_columns(results)
    tables: list[Block] = [make_overview(results)] if tasks else []
    if len({(record.system, record.seed) for record in results.records}) == 1:
        scores = [score for record in results.records for score in record.scores]
        tables.append(Scores(scores, "All scores").table())
    heats: list[Block] = [
        "The stronger the colour, the better the number within its table. Mean and half-width of "
        "the 95 % interval over seeds, where there are several."
    ]
    for task in tasks:
        table = make_languages(results, task)
        heats.append(HeatMap(table=table, lower_is_better=task.lower_is_better))
    sections = [
        Section("Measured", tables or ["There are no scores."]),
        Section("By language", heats if tasks else ["There are no scores by language."]),
    ]
    if results.config and results.config.published:
        try:
            published: Block = make_published(read_published(results.config.published))
        except CrosszeroError as error:
            published = f"The published numbers can't be read: {error}."
        sections.append(Section("Published", [published]))
    return sections

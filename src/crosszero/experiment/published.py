"""What others reported: rows of a YAML file, shown beside those measured and never among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crosszero.config import build, read_yaml
from crosszero.experiment.table import Table


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
        note=f"Per cent: {', '.join(published.measures)}. {sources}. Other data and sizes than "
        "above: not comparable with measured rows.",
    )

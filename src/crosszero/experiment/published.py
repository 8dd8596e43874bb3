"""What others reported, from published.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from crosszero.config import build, parse_yaml


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One system.

    Attributes:
        system: its name.
        source: key of :attr:`Published.sources`.
        values: per cent, one for each column.
        here: what it takes to measure it with this library.
        command: that measures it; none where nothing can.
    """

    system: str
    source: str
    values: list[float]
    here: str
    command: str | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """The published table.

    Attributes:
        columns: tasks.
        measures: of each column.
        sources: where rows are from.
        rows: the systems.
    """

    columns: list[str]
    measures: list[str]
    sources: dict[str, str]
    rows: list[PublishedRow]


@cache
def read_published() -> Published:
    """Read the published numbers that ship with the package.

    Example:
        >>> read_published().rows[0].values[0]
        65.4
    """
    text = (resources.files("crosszero.experiment") / "published.yaml").read_text(encoding="utf-8")
    return build(Published, parse_yaml(text, "published.yaml"), where="published.yaml")

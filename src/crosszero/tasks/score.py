"""A score: one number of one task in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number of one task in one language.

    Attributes:
        task: such as ``udpos``.
        metric: such as ``f1`` or ``reversed-accuracy``.
        language: such as ``fr``; ``en-fr`` where two are measured together.
        value: share in [0, 1].
        count: items it was measured on, in the unit of the task.
        layer: the hidden layer, where a single one was read apart from the encoder's own vectors.
    """

    task: str
    metric: str
    language: str
    value: float
    count: int
    layer: int | None = None

    @property
    def name(self) -> str:
        """What is measured, without the language: ``udpos/f1``, ``word-alignment/layer-8/aer``."""
        layer = "" if self.layer is None else f"layer-{self.layer}/"
        return f"{self.task}/{layer}{self.metric}"


def read_score(row: Mapping[str, Any]) -> Score:
    """Make a score of a row of JSON, as ``dataclasses.asdict`` gives it, or crosszero 0.1.

    Raises:
        KeyError, TypeError, ValueError: it is no such row.

    Example:
        >>> row = {"metric": "xtreme/udpos/f1", "language": "fr", "value": 0.5, "size": 9}
        >>> read_score(row).name
        'udpos/f1'
    """
    if "size" not in row:
        return Score(**row)
    protocol, task, *layer, metric = row["metric"].split("/")
    return Score(
        task=task,
        metric=f"mteb-{metric}" if protocol == "mteb" else metric,
        language=row["language"],
        value=row["value"],
        count=row["size"],
        layer=int(layer[0].removeprefix("layer-")) if layer else None,
    )


def average(scores: Iterable[Score]) -> dict[str, float]:
    """Average each metric over languages, each counting the same whatever its size, by name.

    Example:
        >>> average([
        ...     Score(task="panx", metric="f1", language="de", value=0.5, count=10),
        ...     Score(task="panx", metric="f1", language="fr", value=1.0, count=1000),
        ... ])
        {'panx/f1': 0.75}
    """
    values: dict[str, list[float]] = {}
    for score in scores:
        values.setdefault(score.name, []).append(score.value)
    return {name: fmean(some) for name, some in values.items()}

"""A score: one number of one task in one language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from crosszero.errors import ConfigError, quote


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number of one task in one language.

    Attributes:
        task: such as ``udpos``.
        metric: such as ``f1`` or ``reversed-accuracy``.
        language: such as ``fr``; ``en-fr`` where two are measured together.
        value: share in [0, 1].
        count: items it was measured on, in the unit of the task.
        layer: the hidden layer, if a single one was read instead of the encoder's own vectors.
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

    @staticmethod
    def renew(row: Mapping[str, Any]) -> dict[str, Any]:
        """Give a row of JSON that crosszero 0.1 wrote the names of today.

        Raises:
            ConfigError: a name has not the form that it had, or the value is no share.

        Example:
            >>> row = {"metric": "xtreme/udpos/f1", "language": "fr", "value": 0.5, "size": 9}
            >>> Score.renew(row)["task"]
            'udpos'
        """
        new = dict(row)
        if isinstance(new.get("value"), int | float) and not 0 <= new["value"] <= 1:
            raise ConfigError(f"value: {quote(new['value'])} given; it must be from 0 to 1")
        if "size" in new:
            name = re.fullmatch(
                r"(\w+)/([^/]+)/(?:layer-(\d{1,9})/)?([^/]+)", str(new.get("metric"))
            )
            if name is None:
                raise ConfigError(f"metric: {quote(new.get('metric'))} is no name of a score")
            protocol, new["task"], layer, metric = name.groups()
            new["metric"] = f"mteb-{metric}" if protocol == "mteb" else metric
            new |= {"count": new.pop("size"), "layer": layer and int(layer)}
        return new


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

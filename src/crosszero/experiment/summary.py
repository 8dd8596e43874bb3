"""All numbers of a suite in one JSON file, for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosszero.experiment.intervals import measure_interval
from crosszero.experiment.records import Record
from crosszero.files import atomic_file
from crosszero.tasks.task import Score


def summarise_suite(records: Sequence[Record]) -> dict[str, Any]:
    """All means of a suite: for each system, metric and language (or ``mean``) its values by seed.

    Returns:
        ``{system: {metric: {language: {"seeds", "values", "mean", "deviation", "low", "high"}}}}``,
        values as shares; what one seed can't give is ``None``.
    """
    found: dict[str, Any] = {}
    for record in records:
        by_metric: dict[str, list[Score]] = {}
        for score in record.scores:
            by_metric.setdefault(score.name, []).append(score)
        for metric, scores in by_metric.items():
            cells = found.setdefault(record.system, {}).setdefault(metric, {})
            values = {score.language: score.value for score in scores}
            values["mean"] = sum(values.values()) / len(values)
            for language, value in values.items():
                cell = cells.setdefault(language, {"seeds": [], "values": []})
                cell["seeds"].append(record.seed)
                cell["values"].append(value)
    for metrics in found.values():
        for languages in metrics.values():
            for cell in languages.values():
                interval = dataclasses.asdict(measure_interval(cell["values"]))
                del interval["count"]
                cell |= {k: None if math.isnan(v) else v for k, v in interval.items()}
    return found


def write_summary(records: Sequence[Record], path: str | Path) -> None:
    """Write :func:`summarise_suite`, whole or not at all."""
    with atomic_file(path) as file:
        json.dump(summarise_suite(records), file, indent=1, ensure_ascii=False)

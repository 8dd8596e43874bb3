"""Training curves out of a run's ``metrics.jsonl``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crosszero.errors import DataError
from crosszero.files import open_bytes


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One quantity over the steps of a run.

    Attributes:
        name: what the legend says; Latin letters, since a picture's font has no others for sure.
        steps: rising step numbers.
        values: as many values; not-a-number leaves a gap.
    """

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def read_metrics(path: str | Path) -> list[dict[str, object]]:
    """Read one JSON object per line.

    A last line that was torn by a crash (no line end, not JSON) is left out.

    Raises:
        DataError: the file can't be read, or a line is not a JSON object.

    Example:
        >>> read_metrics("run/metrics.jsonl")[-1]["step"]      # doctest: +SKIP
        3000
    """
    with open_bytes(path) as file:
        lines = file.read().split(b"\n")
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise DataError(path, f"is not JSON ({error})", number) from error
        if not isinstance(record, dict):
            raise DataError(path, "a JSON object is needed", number)
        records.append(record)
    return records


def pick_curve(
    records: Iterable[Mapping[str, object]], key: str, *, name: str = "", step: str = "step"
) -> Curve:
    """Take one quantity out of the records that have it.

    A run that was resumed repeats steps; the last record of a step counts.

    Args:
        records: mappings with a step number and quantities.
        key: which quantity.
        name: what the legend shall say; the key by default.
        step: under which key the step number stands.

    Returns:
        Curve, empty if no record has the key.

    Example:
        >>> pick_curve([{"step": 1, "loss": 2.5}, {"step": 2, "loss": 0.5}], "loss").values
        (2.5, 0.5)
    """
    found: dict[int, float] = {}
    for record in records:
        at, value = record.get(step), record.get(key)
        if isinstance(at, int | float) and isinstance(value, int | float):
            found[int(at)] = float(value) if math.isfinite(value) else math.nan
    steps = sorted(found)
    return Curve(name=name or key, steps=tuple(steps), values=tuple(found[at] for at in steps))


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Average each value with its neighbours, as far as there are any.

    Args:
        values: n values; those that are not a number are passed over.
        window: how many values are averaged, odd; shorter at both ends.

    Returns:
        n values.

    Example:
        >>> smooth([0.0, 3.0, 0.0], 3)
        [1.5, 1.0, 1.5]
    """
    half, result = window // 2, []
    for centre in range(len(values)):
        near = values[max(0, centre - half) : centre + half + 1]
        known = [value for value in near if not math.isnan(value)]
        result.append(math.fsum(known) / len(known) if known else math.nan)
    return result

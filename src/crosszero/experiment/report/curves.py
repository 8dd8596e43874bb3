"""Training curves out of a run's ``metrics.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 500  # as many as a picture of 5 inches can show


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


def average_curves(curves: Sequence[Curve], *, name: str) -> Curve:
    """Average runs of one kind, such as those of several seeds, step by step.

    Args:
        curves: of the same quantity.
        name: of the mean.

    Returns:
        Curve over the steps that all have; a value that one of them lacks is not-a-number.

    Example:
        >>> one, two = (Curve(name="", steps=(1, 2), values=v) for v in ((0.0, 2.0), (1.0, 4.0)))
        >>> average_curves([one, two], name="mean").values
        (0.5, 3.0)
    """
    tables = [dict(zip(curve.steps, curve.values, strict=True)) for curve in curves]
    steps = sorted(set(tables[0]).intersection(*tables[1:])) if tables else []
    means = (sum(table[step] for table in tables) / len(tables) for step in steps)
    return Curve(name=name, steps=tuple(steps), values=tuple(means))


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Average each value with its neighbours, as far as there are any.

    Time grows with the number of values, whatever the window.

    Args:
        values: n values; those that are not finite are passed over.
        window: how many values are averaged, odd; shorter at both ends.

    Returns:
        n values; not-a-number where there is nothing to average.

    Example:
        >>> smooth([0.0, 3.0, 0.0], 3)
        [1.5, 1.0, 1.5]
    """
    raw = np.asarray(values, dtype=np.float64)
    known = np.isfinite(raw)
    count = _sum_windows(known.astype(np.float64), window // 2)
    total = _sum_windows(np.where(known, raw, 0.0), window // 2)
    means: list[float] = np.where(count > 0, total / np.maximum(count, 1.0), np.nan).tolist()
    return means


def _sum_windows(values: npt.NDArray[np.float64], half: int) -> npt.NDArray[np.float64]:
    """Sum the `half` values before each value, itself, and the `half` values after it.

    Running sums start anew every window, and a window is the end of one and the start of the next.
    Nothing is subtracted, so a huge value leaves no rounding error behind it.
    """
    size, width = len(values), 2 * half + 1
    blocks = -(-(size + 2 * half) // width)
    padded = np.zeros((blocks + 1) * width)
    padded[half : half + size] = values
    table = padded.reshape(-1, width)
    starts = table.cumsum(axis=1).ravel()
    ends = table[:, ::-1].cumsum(axis=1)[:, ::-1].ravel()
    first = np.arange(size)
    whole = first % width == 0  # such a window is one block
    sums: npt.NDArray[np.float64] = starts[first + width - 1] + np.where(whole, 0.0, ends[first])
    return sums


def thin(curve: Curve, bins: int = BINS) -> Curve:
    """Leave out points that a picture could not show apart.

    The points are parted into `bins` stretches of equally many points; of each its lowest and its
    highest value stay, so that no peak is lost. The two ends of the curve stay, too. Values that
    are not a number stay only where a whole stretch has no other: narrower gaps are closed.

    Args:
        curve: with finite values or not-a-number.
        bins: stretches, from 1.

    Returns:
        At most 2 x `bins` + 2 points; the curve itself if it has no more than 2 x `bins`.

    Example:
        >>> thin(Curve(name="x", steps=(1, 2, 3, 4, 5), values=(0.0, 1.0, 9.0, 2.0, 3.0)), 1).steps
        (1, 3, 5)
    """
    size = len(curve.steps)
    if size <= 2 * bins:
        return curve
    edges = np.arange(bins + 1) * size // bins
    kept = {0, size - 1}
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        known = [i for i in range(start, end) if not math.isnan(curve.values[i])] or [start]
        kept.add(min(known, key=curve.values.__getitem__))
        kept.add(max(known, key=curve.values.__getitem__))
    order = sorted(kept)
    return Curve(
        name=curve.name,
        steps=tuple(curve.steps[i] for i in order),
        values=tuple(curve.values[i] for i in order),
    )

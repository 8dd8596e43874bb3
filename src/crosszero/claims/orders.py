"""Is one system better than another? Judged over seeds, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crosszero.claims.claim import Outcome
from crosszero.evaluation.intervals import Interval, measure_interval
from crosszero.suite.records import Record
from crosszero.suite.table import COLUMNS

_LESS_IS_BETTER = {"AER"}


class Difference(NamedTuple):
    """How much better the second system is in one column, in points of a per cent.

    Attributes:
        column: of the table.
        interval: of the paired differences over seeds; positive when the second is better.
    """

    column: str
    interval: Interval


def list_means(records: Sequence[Record], system: str, column: str) -> dict[int, float]:
    """For each seed the mean over languages, in per cent."""
    found = {}
    for record in records:
        values = [s.value for s in record.scores if s.metric == COLUMNS[column]]
        if record.system == system and values:
            found[record.seed] = 100 * sum(values) / len(values)
    return found


def compare_systems(records: Sequence[Record], first: str, second: str) -> list[Difference]:
    """Compare two systems in every column that both have, seed by seed.

    A system that is not trained has one value for all seeds, which stands against each of the other
    one's.

    Args:
        records: of a suite.
        first, second: systems.

    Returns:
        One difference for each column with at least two seeds.
    """
    found = []
    for column in COLUMNS:
        left, right = (list_means(records, name, column) for name in (first, second))
        if len(left) == 1 and right:
            left = dict.fromkeys(right, next(iter(left.values())))
        seeds = sorted(set(left) & set(right))
        if len(seeds) > 1:
            sign = -1 if column in _LESS_IS_BETTER else 1
            found.append(
                Difference(column, measure_interval([sign * (right[s] - left[s]) for s in seeds]))
            )
    return found


def judge_order(
    records: Sequence[Record], first: str, second: str, *, least: int | None = None
) -> tuple[Outcome, str]:
    """Judge "second is better than first".

    It holds where the 95 % interval of the mean over the columns of the paired differences lies
    above 0; or, with `least`, where that of at least so many single columns does.

    Args:
        records: of a suite.
        first, second: systems.
        least: judge by columns instead of by their mean.

    Returns:
        Outcome and evidence.
    """
    columns = compare_systems(records, first, second)
    if not columns:
        return "not testable here", f"No records of {first} and {second} over two seeds or more."
    evidence = f"{second} minus {first}, points, better is positive: " + "; ".join(
        f"{column} {describe(interval)}" for column, interval in columns
    )
    if least is not None:
        better = [column for column, interval in columns if interval.low > 0]
        holds = len(better) >= least
        named = f" ({', '.join(better)})" if better else ""
        return (
            "holds" if holds else "does not hold",
            f"{evidence}. Above 0 in {len(better)} of {len(columns)} columns{named}.",
        )
    mean = _mean_over_columns(records, first, second, [column for column, _ in columns])
    return (
        "holds" if mean.low > 0 else "does not hold",
        f"{evidence}; mean over them {describe(mean)}.",
    )


def _mean_over_columns(
    records: Sequence[Record], first: str, second: str, columns: Sequence[str]
) -> Interval:
    per_seed: dict[int, list[float]] = {}
    for column in columns:
        left: Mapping[int, float] = list_means(records, first, column)
        right = list_means(records, second, column)
        if len(left) == 1:
            left = dict.fromkeys(right, next(iter(left.values())))
        sign = -1 if column in _LESS_IS_BETTER else 1
        for seed in set(left) & set(right):
            per_seed.setdefault(seed, []).append(sign * (right[seed] - left[seed]))
    whole = [values for values in per_seed.values() if len(values) == len(columns)]
    return measure_interval([sum(values) / len(values) for values in whole])


def describe(interval: Interval) -> str:
    """Mean and half-width of the interval."""
    return f"{interval.mean:+.2f} ± {interval.half_width:.2f}"

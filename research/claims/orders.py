"""Is one system better than another? Judged over seeds, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crosszero.experiment.intervals import Interval, measure_interval
from crosszero.experiment.plan import depends_on_seed
from crosszero.experiment.records import Record
from crosszero.experiment.settings import SuiteConfig
from crosszero.experiment.tables import COLUMNS
from crosszero.tasks.catalogue import list_tasks
from research.claims.claim import Outcome

LEAST_SEEDS = 3  # with fewer, an interval says next to nothing
_TASKS = {task.title: task for task in list_tasks()}


@dataclass(frozen=True, kw_only=True)
class Order:
    """How much better the second system is, seed by seed, in points of a per cent.

    Attributes:
        seeds: with which both systems are done on every task that both are measured on.
        differences: for each column of the table one number a seed; positive where the second
            system is better.
        missing: what has not been measured, such as ``CZ-snt: xnli, panx (seed 3)``.
    """

    seeds: tuple[int, ...]
    differences: dict[str, list[float]]
    missing: tuple[str, ...]

    @property
    def columns(self) -> dict[str, Interval]:
        """Interval of each column over the seeds."""
        return {name: measure_interval(values) for name, values in self.differences.items()}

    @property
    def mean(self) -> Interval:
        """Interval, over the seeds, of the mean over the columns."""
        rows = zip(*self.differences.values(), strict=True)
        return measure_interval([sum(row) / len(row) for row in rows])


def list_means(
    records: Sequence[Record], config: SuiteConfig, system: str, column: str
) -> dict[int, float]:
    """For each seed of the suite the mean over languages of a system's scores, in per cent.

    A system that is neither trained nor fine-tuned for the task is measured once; its value stands
    for all seeds. That of a system that is trained stands for its own seed, however few there are.
    """
    metric = COLUMNS[column]
    found = {}
    for record in records:
        values = [score.value for score in record.scores if score.name == metric]
        if record.system == system and record.seed in config.seeds and values:
            found[record.seed] = 100 * sum(values) / len(values)
    if found and not depends_on_seed(config, system, _task_of(column)):
        return dict.fromkeys(config.seeds, next(iter(found.values())))
    return found


def compare_systems(
    records: Sequence[Record], config: SuiteConfig, first: str, second: str
) -> Order:
    """Pair two systems of a suite, seed by seed.

    Args:
        records: of the suite.
        config: of the suite.
        first, second: systems of it.
    """
    means: dict[str, list[dict[int, float]]] = {}
    missing: dict[tuple[str, str], list[str]] = {}
    for column in COLUMNS:
        task = _task_of(column)
        sides = (first, second)
        if task not in config.tasks or not all(config.measures(name, task) for name in sides):
            continue
        means[column] = [list_means(records, config, name, column) for name in sides]
        for name, found in zip(sides, means[column], strict=True):
            lacking = ", ".join(str(seed) for seed in config.seeds if seed not in found)
            if lacking:
                missing.setdefault((name, lacking), []).append(task)
    done = [set(found) for sides in means.values() for found in sides]
    seeds = tuple(sorted(set.intersection(*done))) if done else ()
    differences = {
        column: [(b[s] - a[s]) * (-1 if _TASKS[column].lower_is_better else 1) for s in seeds]
        for column, (a, b) in means.items()
    }
    return Order(
        seeds=seeds,
        differences=differences,
        missing=tuple(
            f"{name}: {', '.join(tasks)} (seed {lacking})"
            for (name, lacking), tasks in missing.items()
        ),
    )


def judge_order(
    records: Sequence[Record],
    config: SuiteConfig,
    first: str,
    second: str,
    *,
    least: int | None = None,
) -> tuple[Outcome, str]:
    """Judge "second is better than first".

    It holds where the 95 % interval of the mean over the columns of the paired differences lies
    above 0; or, with `least`, where that of at least so many single columns does. It is judged when
    both systems are done, on every task, with at least three common seeds.

    Args:
        records: of a suite.
        config: of the suite.
        first, second: systems.
        least: judge by columns instead of by their mean.

    Returns:
        Outcome and evidence.
    """
    for name in (first, second):
        if name not in config.systems:
            return "not testable here", f"The suite has no system {name}."
    if not config.has_seeds(first) and not config.has_seeds(second):
        return "not testable here", f"Neither {first} nor {second} is trained with several seeds."
    order = compare_systems(records, config, first, second)
    if not order.differences:
        return "not testable here", f"The suite has no task that both {first} and {second} do."
    if len(order.seeds) < LEAST_SEEDS:
        return "not testable here", _describe_lack(order, config)
    evidence = (
        f"{second} minus {first}, points, better is positive, over seeds "
        f"{', '.join(map(str, order.seeds))}: "
        + "; ".join(f"{column} {describe(one)}" for column, one in order.columns.items())
    )
    if least is not None:
        better = [column for column, interval in order.columns.items() if interval.low > 0]
        named = f" ({', '.join(better)})" if better else ""
        return (
            "holds" if len(better) >= least else "does not hold",
            f"{evidence}. Above 0 in {len(better)} of {len(order.columns)} columns{named}.",
        )
    return (
        "holds" if order.mean.low > 0 else "does not hold",
        f"{evidence}; mean over them {describe(order.mean)}.",
    )


def describe(interval: Interval) -> str:
    """Mean and half-width of the interval."""
    return f"{interval.mean:+.2f} ± {interval.half_width:.2f}"


def _describe_lack(order: Order, config: SuiteConfig) -> str:
    done = f"{len(order.seeds)} of the suite's {len(config.seeds)} seeds"
    lack = f"At least {LEAST_SEEDS} seeds are needed, and both are done on all tasks with {done}"
    if not order.missing:
        return f"{lack}; give the suite more."
    return f"{lack}. Missing: {'; '.join(order.missing)}."


def _task_of(column: str) -> str:
    return _TASKS[column].name

"""Is one system better than another? Judged over seeds, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from crosszero.experiment.measurement import depends_on_seed, does_task
from crosszero.experiment.records import Record
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.table import Interval, measure_interval
from crosszero.tasks.score import average
from crosszero.tasks.task import Task
from research.claims.claim import Outcome

GROUPS = {
    "pairs of sentences": ("XNLI", "XNLI mixed", "PAWS-X", "PAWS-X mixed"),
    "tags": ("POS", "NER"),
    "retrieval": ("BUCC", "Tatoeba", "sentences", "xsim", "xsim++", "xsim, own negatives"),
    "words": ("AER", "words"),
}
"""Columns that ask for the same: XTREME's three groups that have a task here, and words."""
ZERO_SHOT = ("XNLI", "PAWS-X", "POS", "NER", "BUCC", "Tatoeba")
"""XTREME's columns: what the paper calls zero-shot tasks."""
LEAST_SEEDS = 3  # with fewer, an interval says next to nothing


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
    def groups(self) -> dict[str, Interval]:
        """Interval, over the seeds, of the mean over each group's columns."""
        return {
            name: measure_interval(
                list(map(fmean, zip(*(self.differences[c] for c in columns), strict=True)))
            )
            for name, columns in group_columns(self.differences).items()
        }


def list_means(
    records: Sequence[Record], config: ExperimentConfig, system: str, task: Task
) -> dict[int, float]:
    """For each seed of the suite the mean over languages of a system's scores, in per cent.

    A system that is neither trained nor fine-tuned for the task is measured once; its value stands
    for all seeds. That of a system that is trained stands for its own seed, however few there are.
    """
    metric = f"{task.name}/{task.metric}"
    found = {}
    for record in records:
        means = average(record.scores)
        if record.system == system and record.seed in config.seeds and metric in means:
            found[record.seed] = 100 * means[metric]
    if found and not depends_on_seed(config, system, task.name):
        return dict.fromkeys(config.seeds, next(iter(found.values())))
    return found


def compare_systems(
    records: Sequence[Record], config: ExperimentConfig, first: str, second: str
) -> Order:
    """Pair two systems of a suite, seed by seed.

    Args:
        records: of the suite.
        config: of the suite.
        first, second: systems of it.
    """
    differences: dict[str, list[float]] = {}
    missing: dict[tuple[str, str], list[str]] = {}
    sides = (first, second)
    tasks = sorted(map(config.find_task, config.tasks), key=lambda task: task.rank)
    tasks = [t for t in tasks if all(does_task(config, name, t.name) for name in sides)]
    means = [[list_means(records, config, name, task) for name in sides] for task in tasks]
    for task, pair in zip(tasks, means, strict=True):
        for name, found in zip(sides, pair, strict=True):
            lacking = ", ".join(str(seed) for seed in config.seeds if seed not in found)
            if lacking:
                missing.setdefault((name, lacking), []).append(task.name)
    done = [set(found) for pair in means for found in pair]
    seeds = tuple(sorted(set.intersection(*done))) if done else ()
    for task, (a, b) in zip(tasks, means, strict=True):
        sign = -1 if task.lower_is_better else 1
        differences[task.title] = [sign * (b[seed] - a[seed]) for seed in seeds]
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
    config: ExperimentConfig,
    first: str,
    second: str,
    *,
    least: int | None = None,
) -> tuple[Outcome, str]:
    """Judge "second is better than first".

    It holds where the 95 % interval of the paired differences lies above 0 in every group of tasks,
    and in part where it does in some: a mean over all tasks would let one that gains much outvote
    the others. With `least` it holds where the interval of at least so many of XTREME's columns
    lies above 0. It is judged when both systems are done, on every task, with at least three common
    seeds.

    Args:
        records: of a suite.
        config: of the suite.
        first, second: systems.
        least: judge by XTREME's columns instead of by groups.

    Returns:
        Outcome and evidence.
    """
    for name in (first, second):
        if name not in config.systems:
            return "not testable here", f"The suite has no system {name}."
    if not config.systems[first].has_seeds and not config.systems[second].has_seeds:
        return "not testable here", f"Neither {first} nor {second} is trained with several seeds."
    order = compare_systems(records, config, first, second)
    if not order.differences:
        return "not testable here", f"The suite has no task that both {first} and {second} do."
    if len(order.seeds) < LEAST_SEEDS:
        return "not testable here", _describe_lack(order, config)
    return judge_intervals(
        f"{second} minus {first}, points, better is positive, over seeds "
        f"{', '.join(map(str, order.seeds))}",
        order.columns,
        order.groups,
        least,
    )


def judge_intervals(
    what: str, columns: Mapping[str, Interval], groups: Mapping[str, Interval], least: int | None
) -> tuple[Outcome, str]:
    """Judge an order by its groups of tasks, or by at least so many of XTREME's columns."""
    evidence = f"{what}: " + "; ".join(f"{name} {describe(one)}" for name, one in columns.items())
    if least is not None:
        tested = {name: one for name, one in columns.items() if name in ZERO_SHOT}
        if len(tested) < least:
            return "not testable here", f"{evidence}. Fewer than {least} of XTREME's columns."
        better = [name for name, one in tested.items() if one.low > 0]
        worse = [name for name, one in tested.items() if one.high < 0]
        return (
            "holds" if len(better) >= least else "does not hold",
            f"{evidence}. Of XTREME's {len(tested)} columns, {_count(better, 'better')}, "
            f"{_count(worse, 'worse')}.",
        )
    better = [name for name, interval in groups.items() if interval.low > 0]
    partly: Outcome = "holds in part" if better else "does not hold"
    return (
        "holds" if len(better) == len(groups) else partly,
        f"{evidence}. By group: "
        + "; ".join(f"{name} {describe(one)}{weigh(one)}" for name, one in groups.items())
        + ".",
    )


def group_columns(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort columns into the groups that they belong to; an unknown one is a group of its own."""
    known = {column: name for name, columns in GROUPS.items() for column in columns}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(known.get(name, name), []).append(name)
    return found


def describe(interval: Interval) -> str:
    """Mean and half-width of the interval."""
    return f"{interval.mean:+.2f} ± {interval.half_width:.2f}"


def weigh(interval: Interval) -> str:
    """Say which way an interval points."""
    if interval.low > 0:
        return " (better)"
    return " (worse)" if interval.high < 0 else " (no effect shown)"


def _count(names: Sequence[str], what: str) -> str:
    """How many these are, and which: ``2 worse (BUCC, Tatoeba)``."""
    return f"{len(names)} {what}" + (f" ({', '.join(names)})" if names else "")


def _describe_lack(order: Order, config: ExperimentConfig) -> str:
    done = f"{len(order.seeds)} of the suite's {len(config.seeds)} seeds"
    lack = f"At least {LEAST_SEEDS} seeds are needed, and both are done on all tasks with {done}"
    if not order.missing:
        return f"{lack}; give the suite more."
    return f"{lack}. Missing: {'; '.join(order.missing)}."

"""Two systems on the same items, by the predictions that they left: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosszero.errors import ConfigError, suggest
from crosszero.experiment.paired import (
    Comparison,
    Counts,
    adjust_holm,
    compare_corpora,
    measure_corpus,
)
from crosszero.experiment.plan import Plan, make_bench
from crosszero.experiment.records import Record
from crosszero.experiment.report.tables import Cell, Table
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import TASKS, SuiteConfig
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.labels import list_languages


@dataclass(frozen=True, kw_only=True)
class Side:
    """Predictions of one system on one task.

    Attributes:
        name: of the system.
        folders: of its predictions, one for each seed.
    """

    name: str
    folders: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class TaskComparison:
    """System B against system A on a task.

    Attributes:
        task: which.
        sides: A and B.
        scores: for each language the score of A and that of B, mean over seeds, shares in [0, 1].
        languages: for each language B minus A.
        adjusted: for each language p, corrected by Holm for the number of languages.
        mean: of B minus A over languages.
    """

    task: str
    sides: tuple[Side, Side]
    scores: Mapping[str, tuple[float, float]]
    languages: Mapping[str, Comparison]
    adjusted: Mapping[str, float]
    mean: Comparison


def list_sides(config: SuiteConfig, first: str, second: str) -> dict[str, tuple[Side, Side]]:
    """Find the predictions of two systems of a suite, for each task that both have finished.

    Predictions whose record is stale do not count; see :mod:`crosszero.experiment.results`.

    Args:
        config: of the suite.
        first, second: systems.

    Raises:
        ConfigError: a system is unknown, or there is no task that both have.
    """
    for name in (first, second):
        if name not in config.systems:
            raise ConfigError(f"unknown system {name!r}: {suggest(name, config.systems)}")
    records = read_results(config).records
    found = {}
    for task in config.tasks:
        sides = [
            Side(name=name, folders=_list_folders(config, records, name, task))
            for name in (first, second)
        ]
        if all(side.folders for side in sides):
            found[task] = (sides[0], sides[1])
    if not found:
        raise ConfigError(f"{config.out}: no task that {first} and {second} have both finished")
    return found


def _list_folders(
    config: SuiteConfig, records: Sequence[Record], system: str, task: str
) -> tuple[Path, ...]:
    return tuple(
        make_bench(config, Plan(system, task, record.seed)).out / "predictions"
        for record in records
        if (record.system, record.task) == (system, task)
    )


def match_folders(first: Path, second: Path) -> dict[str, tuple[Side, Side]]:
    """Make sides of two folders of predictions, for each task that both have.

    Raises:
        ConfigError: there is none.
    """
    sides = [Side(name=str(folder), folders=(folder,)) for folder in (first, second)]
    tasks = [t for t in TASKS if all((folder / t).is_dir() for folder in (first, second))]
    if not tasks:
        raise ConfigError(f"{first} and {second} have no task in common ({', '.join(TASKS)})")
    return dict.fromkeys(tasks, (sides[0], sides[1]))


def compare_task(
    task: str,
    sides: tuple[Side, Side],
    data: Path,
    languages: Sequence[str] | None = None,
    *,
    resamples: int = 10_000,
) -> TaskComparison:
    """Compare two systems on a task.

    Args:
        task: name of a task.
        sides: A and B.
        data: folder of the task's data, with gold.
        languages: which; by default all that both systems have predictions of.
        resamples: of the bootstrap.

    Raises:
        CrosszeroError: predictions or data are missing or can't be used.
    """
    folders = [folder for side in sides for folder in side.folders]
    common = set.intersection(*(set(list_languages(folder, task)) for folder in folders))
    chosen = sorted(common) if languages is None else list(languages)
    if not chosen:
        raise ConfigError(f"{task}: {sides[0].name} and {sides[1].name} share no language")
    counts = {
        language: (
            _stack(task, sides[0], data, language),
            _stack(task, sides[1], data, language),
        )
        for language in chosen
    }
    found, mean = compare_corpora(counts, resamples=resamples)
    adjusted = adjust_holm([found[language].p_value for language in chosen])
    return TaskComparison(
        task=task,
        sides=sides,
        scores={name: (measure_corpus(a), measure_corpus(b)) for name, (a, b) in counts.items()},
        languages=found,
        adjusted=dict(zip(chosen, adjusted, strict=True)),
        mean=mean,
    )


def _stack(task: str, side: Side, data: Path, language: str) -> Counts:
    return np.stack([find_task(task).count_items(f, data, language) for f in side.folders], axis=1)


def make_comparison(found: TaskComparison) -> Table:
    """A row for each language and one for their mean."""
    rows: list[tuple[Cell, ...]] = []
    for language, one in found.languages.items():
        scores = found.scores[language]
        rows.append((language, *_cells(scores, one, found.adjusted[language])))
    means = [float(np.mean([pair[i] for pair in found.scores.values()])) for i in (0, 1)]
    rows.append(("mean", *_cells((means[0], means[1]), found.mean, None)))
    first, second = found.sides
    seeds = " and ".join(str(len(side.folders)) for side in found.sides)
    task = find_task(found.task)
    better = "negative" if task.lower_is_better else "positive"
    return Table(
        title=f"{task.protocol}/{task.name}/{task.metric}: {second.name} against {first.name}, "
        "per cent",
        columns=("language", "A", "B", "B - A", "low", "high", "p", "p (Holm)", "items"),
        rows=tuple(rows),
        number=".2f",
        formats={"p": ".4f", "p (Holm)": ".4f"},
        note=f"A: {first.name}, B: {second.name}, mean over {seeds} seeds. B is better where the "
        f"difference is {better}. 95 % interval and two-sided p of the paired bootstrap over "
        "items, for the whole set's score; other seeds are not drawn. p (Holm) is corrected for "
        "the languages of this table, p is not; neither is corrected for several tasks.",
    )


def _cells(
    scores: tuple[float, float], one: Comparison, adjusted: float | None
) -> tuple[Cell, ...]:
    per_cent = [100 * value for value in (*scores, one.difference, one.low, one.high)]
    return (*per_cent, one.p_value, adjusted, one.count)

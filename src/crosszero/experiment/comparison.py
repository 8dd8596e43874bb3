"""Two systems on the same items, by the predictions that they left: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crosszero.errors import ConfigError, suggest
from crosszero.experiment.paired import (
    Comparison,
    Counts,
    adjust_holm,
    compare_corpora,
    measure_corpus,
)
from crosszero.experiment.plan import list_measurements
from crosszero.experiment.report.tables import Cell, Table
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.prediction_files import list_languages
from crosszero.tasks.task import Task


class Side(NamedTuple):
    """A system and the folders of its predictions, one for each seed."""

    name: str
    folders: tuple[Path, ...]


class Pair(NamedTuple):
    """Two systems on a task, whose data and languages (none: all) are those of the experiment."""

    task: Task
    data: Path
    first: Side
    second: Side
    languages: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class TaskComparison:
    """System B against system A on a task.

    Attributes:
        pair: task and systems.
        scores: for each language the score of A and that of B, mean over seeds, shares in [0, 1].
        languages: for each language B minus A.
        adjusted: for each language p, corrected by Holm for the number of languages.
        mean: of B minus A over languages.
    """

    pair: Pair
    scores: Mapping[str, tuple[float, float]]
    languages: Mapping[str, Comparison]
    adjusted: Mapping[str, float]
    mean: Comparison

    def table(self) -> Table:
        """A row for each language and one for their mean, in per cent."""

        def cells(pair: Sequence[float], one: Comparison, adjusted: float | None) -> list[Cell]:
            per_cent = [100 * value for value in (*pair, one.difference, one.low, one.high)]
            return [*per_cent, one.p_value, adjusted, one.count]

        rows: list[tuple[Cell, ...]] = [
            (name, *cells(self.scores[name], one, self.adjusted[name]))
            for name, one in self.languages.items()
        ]
        means = [float(np.mean(side)) for side in zip(*self.scores.values(), strict=True)]
        rows.append(("mean", *cells(means, self.mean, None)))
        task, first, second = self.pair.task, self.pair.first, self.pair.second
        return Table(
            title=f"{task.name}/{task.metric}: {second.name} against {first.name}, per cent",
            columns=("language", "A", "B", "B - A", "low", "high", "p", "p (Holm)", "items"),
            rows=tuple(rows),
            number=".2f",
            formats={"p": ".4f", "p (Holm)": ".4f"},
            note=f"A: {first.name}, B: {second.name}, mean over {len(first.folders)} and "
            f"{len(second.folders)} seeds. B is better where the difference is "
            f"{'negative' if task.lower_is_better else 'positive'}. 95 % interval and two-sided p "
            "of the paired bootstrap over items, for the whole set's score; other seeds are not "
            "drawn. p (Holm) is corrected for the languages of this table, p is not; neither is "
            "corrected for several tasks.",
        )


def pair_systems(config: ExperimentConfig, first: str, second: str) -> dict[str, Pair]:
    """Find the predictions of two systems of an experiment, for each task that both have finished.

    Predictions whose record is stale do not count; see :mod:`crosszero.experiment.results`.

    Raises:
        ConfigError: a system is unknown, or there is no task that both have.
    """
    for name in (first, second):
        if name not in config.systems:
            raise ConfigError(f"unknown system {name!r}: {suggest(name, config.systems)}")
    counted = {(r.system, r.task, r.seed) for r in read_results(config).records}
    found: dict[str, Pair] = {}
    done = [m for m in list_measurements(config) if (m.system, m.task.name, m.seed) in counted]
    for name in config.tasks:
        own = [one for one in done if one.task.name == name]
        one, other = (
            Side(name, tuple(one.folder / "predictions" for one in own if one.system == name))
            for name in (first, second)
        )
        if one.folders and other.folders:
            languages = own[0].languages if own[0].task.pairs_of_languages else None
            found[name] = Pair(own[0].task, own[0].data, one, other, languages)
    if not found:
        raise ConfigError(f"{config.out}: no task that {first} and {second} have both finished")
    return found


def pair_folders(data: Path, first: Path, second: Path) -> dict[str, Pair]:
    """Make pairs of two folders of predictions, for each task that both have.

    Raises:
        ConfigError: there is none.
    """
    one, other = (Side(str(folder), (folder,)) for folder in (first, second))
    tasks = [t for t in list_tasks() if all((side / t.name).is_dir() for side in (first, second))]
    if not tasks:
        known = ", ".join(task.name for task in list_tasks())
        raise ConfigError(f"{first} and {second} have no task in common ({known})")
    return {task.name: Pair(task, data, one, other) for task in tasks}


def compare(
    pair: Pair, languages: Sequence[str] | None = None, *, resamples: int = 10_000
) -> TaskComparison:
    """Compare two systems on a task.

    Args:
        pair: the task, and the predictions of both systems.
        languages: which, instead of those of the pair.
        resamples: of the bootstrap.

    Raises:
        CrosszeroError: predictions or data are missing or can't be used.
    """
    task = pair.task
    folders = [*pair.first.folders, *pair.second.folders]
    common = set.intersection(*(set(list_languages(folder, task.name)) for folder in folders))
    chosen = list(languages or pair.languages or sorted(common))
    if not chosen:
        raise ConfigError(
            f"{task.name}: {pair.first.name} and {pair.second.name} share no language"
        )

    def count(side: Side, language: str) -> Counts:
        rows = [task.count_items(folder, pair.data, language) for folder in side.folders]
        return np.stack(rows, axis=1)

    counts = {name: (count(pair.first, name), count(pair.second, name)) for name in chosen}
    found, mean = compare_corpora(counts, resamples=resamples)
    adjusted = adjust_holm([found[language].p_value for language in chosen])
    return TaskComparison(
        pair=pair,
        scores={name: (measure_corpus(a), measure_corpus(b)) for name, (a, b) in counts.items()},
        languages=found,
        adjusted=dict(zip(chosen, adjusted, strict=True)),
        mean=mean,
    )

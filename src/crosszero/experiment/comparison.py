"""Two systems on the same items, by the predictions that they left: the paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crosszero.errors import ConfigError, suggest
from crosszero.experiment.measurement import list_measurements
from crosszero.experiment.paired import (
    Comparison,
    Counts,
    adjust_holm,
    compare_corpora,
    measure_corpus,
)
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.table import Cell, Table
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


def pair_systems(config: ExperimentConfig, first: str, second: str) -> dict[str, Pair]:
    """Pair two systems of an experiment, for each task that both have finished.

    Predictions whose record is stale do not count. ConfigError if there is no such task or system.
    """
    for name in (first, second):
        if name not in config.systems:
            raise ConfigError(f"unknown system {name!r}: {suggest(name, config.systems)}")
    counted = {(r.system, r.task, r.seed) for r in read_results(config).records}
    done = [m for m in list_measurements(config) if (m.system, m.task.name, m.seed) in counted]
    found: dict[str, Pair] = {}
    for task in config.tasks:
        own = [m for m in done if m.task.name == task]
        one, other = (
            Side(system, tuple(m.folder / "predictions" for m in own if m.system == system))
            for system in (first, second)
        )
        if one.folders and other.folders:
            languages = own[0].languages if own[0].task.pairs_of_languages else None
            found[task] = Pair(own[0].task, own[0].data, one, other, languages)
    if not found:
        raise ConfigError(f"{config.out}: no task that {first} and {second} have both finished")
    return found


def pair_folders(data: Path, first: Path, second: Path) -> dict[str, Pair]:
    """Pair two folders of predictions, for each task that both have; ConfigError for none."""
    one, other = (Side(str(folder), (folder,)) for folder in (first, second))
    tasks = [t for t in list_tasks() if all((side / t.name).is_dir() for side in (first, second))]
    if not tasks:
        known = ", ".join(task.name for task in list_tasks())
        raise ConfigError(f"{first} and {second} have no task in common ({known})")
    return {task.name: Pair(task, data, one, other) for task in tasks}


def compare(
    pair: Pair, languages: Sequence[str] | None = None, *, resamples: int = 10_000
) -> Table:
    """Compare two systems on a task: a row for each language and one for their mean, in per cent.

    Args:
        pair: the task, and the predictions of both systems.
        languages: which, instead of those of the pair.
        resamples: of the bootstrap.

    Raises:
        CrosszeroError: predictions or data are missing or can't be used.
    """
    task, data, first, second, own = pair
    folders = [*first.folders, *second.folders]
    common = set.intersection(*(set(list_languages(folder, task.name)) for folder in folders))
    chosen = list(languages or own or sorted(common))
    if not chosen:
        raise ConfigError(f"{task.name}: {first.name} and {second.name} share no language")

    def count(side: Side, language: str) -> Counts:
        rows = [task.count_items(folder, data, language) for folder in side.folders]
        return np.stack(rows, axis=1)

    def cells(scores: Sequence[float], one: Comparison, adjusted: float | None) -> list[Cell]:
        per_cent = [100 * value for value in (*scores, one.difference, one.low, one.high)]
        return [*per_cent, one.p_value, adjusted, one.count]

    counts = {name: (count(first, name), count(second, name)) for name in chosen}
    found, mean = compare_corpora(counts, resamples=resamples)
    adjusted = adjust_holm([found[name].p_value for name in chosen])
    scores = [tuple(measure_corpus(side) for side in counts[name]) for name in chosen]
    rows = [
        (name, *cells(both, found[name], p))
        for name, both, p in zip(chosen, scores, adjusted, strict=True)
    ]
    means = [float(np.mean(side)) for side in zip(*scores, strict=True)]
    return Table(
        title=f"{task.name}/{task.metric}: {second.name} against {first.name}, per cent",
        columns=("language", "A", "B", "B - A", "low", "high", "p", "p (Holm)", "items"),
        rows=(*rows, ("mean", *cells(means, mean, None))),
        number=".2f",
        formats={"p": ".4f", "p (Holm)": ".4f"},
        note=f"A: {first.name}, B: {second.name}, mean over {len(first.folders)} and "
        f"{len(second.folders)} seeds. B is better where the difference is "
        f"{'negative' if task.lower_is_better else 'positive'}. 95 % interval and two-sided p of "
        "the paired bootstrap over items, for the whole set's score; other seeds are not drawn. p "
        "(Holm) is corrected for the languages of this table, p is not; neither is corrected for "
        "several tasks.",
    )

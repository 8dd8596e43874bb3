"""Two systems on the same items, by the predictions that they left: the paired bootstrap.

F1 over spans and the alignment error are no means over sentences. So sentences are drawn again,
with replacement, and the score of the whole drawn set is computed anew, for both systems on the
same sentences. All scores here are a sum over sentences divided by another sum
(:meth:`crosszero.tasks.task.Task.count`), so a drawn set is described by how often each kind
of sentence is in it. A system that was trained with several seeds has several sets of predictions:
its score is the mean over them. What is drawn is sentences, not seeds.

Source: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation"; Holm 1979.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crosszero.errors import ConfigError, suggest
from crosszero.experiment.measurement import list_measurements
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.table import Cell, Table
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.prediction_files import check_folder, list_languages
from crosszero.tasks.task import Task

Counts = npt.NDArray[np.int64]
_Draws = npt.NDArray[np.float64]
_CHUNK = 1 << 22  # random counts that are held at once


Side = tuple[str, Sequence[Path]]  # a system, and its predictions: a folder for each seed


class Pair(NamedTuple):
    """Two systems on a task, on data and languages (none: all) of the experiment."""

    task: Task
    data: Path
    first: Side
    second: Side
    languages: Sequence[str] | None = None


def pair_systems(config: ExperimentConfig, first: str, second: str) -> dict[str, Pair]:
    """Pair two systems of an experiment, for each task that both have finished.

    Where both depend on the seed, they are compared on the seeds that both have. Predictions whose
    record is stale do not count. ConfigError if there is no such task or system.
    """
    for name in (first, second):
        if name not in config.systems:
            raise ConfigError(f"unknown system {name!r}: {suggest(name, config.systems)}")
    counted = {(r.system, r.task, r.seed) for r in read_results(config).records}
    planned = list(list_measurements(config))
    done = [m for m in planned if (m.system, m.task.name, m.seed) in counted]
    seeded = Counter((m.system, m.task.name) for m in planned)
    found: dict[str, Pair] = {}
    for task in config.tasks:
        own = [m for m in done if m.task.name == task]
        seeds, others = ({m.seed for m in own if m.system == name} for name in (first, second))
        if min(seeded[first, task], seeded[second, task]) > 1:
            seeds = others = seeds & others
        one, other = (
            (name, [m.folder / "predictions" for m in own if m.system == name and m.seed in chosen])
            for name, chosen in ((first, seeds), (second, others))
        )
        if one[1] and other[1]:
            found[task] = Pair(own[0].task, own[0].data, one, other, own[0].languages)
    if not found:
        raise ConfigError(f"{config.out}: no task that {first} and {second} have both finished")
    return found


def pair_folders(data: Path, first: Path, second: Path) -> dict[str, Pair]:
    """Pair two folders of predictions, for each task that both have; CrosszeroError for none."""
    for side in (first, second):
        check_folder(side)
    tasks = [t for t in list_tasks() if all((side / t.name).is_dir() for side in (first, second))]
    if not tasks:
        known = ", ".join(task.name for task in list_tasks())
        raise ConfigError(f"{first} and {second} have no task in common ({known})")
    one, other = ((str(folder), [folder]) for folder in (first, second))
    return {task.name: Pair(task, data, one, other) for task in tasks}


def compare(
    pair: Pair, languages: Sequence[str] | None = None, *, resamples: int = 10_000
) -> Table:
    """Compare two systems on a task: a row for each language and one for their mean, in per cent.

    `languages` stand in for those of the pair. CrosszeroError if predictions or data can't be used.
    """
    task, data, (first, firsts), (second, seconds), own = pair
    every = [set(list_languages(folder, task.name)) for folder in (*firsts, *seconds)]
    common = set.intersection(*every)
    chosen = languages or own or sorted(common)
    if not chosen:
        raise ConfigError(f"{task.name}: {first} and {second} share no language")

    def count(folders: Sequence[Path], language: str, gold: Any) -> Counts:
        found = (task.read_predictions(folder, language, gold) for folder in folders)
        return np.stack([task.count(one, gold) for one in found], axis=1)

    def cells(scores: Sequence[float], one: Comparison, adjusted: float | None) -> list[Cell]:
        per_cent = [100 * value for value in (*scores, one.difference, one.low, one.high)]
        return [*per_cent, one.p_value, adjusted, one.count]

    # each once, by its own name: fra is fr, and en fr may stand for en-fr and fr-en
    counts = {
        name: (count(firsts, name, gold), count(seconds, name, gold))
        for name, gold in task.load_gold(data, chosen)
    }
    found, mean = compare_corpora(counts, resamples=resamples)
    adjusted = adjust_holm([found[name].p_value for name in counts])
    scores = [tuple(measure_corpus(side) for side in counts[name]) for name in counts]
    columns = zip(counts, scores, adjusted, strict=True)
    rows = [(name, *cells(both, found[name], p)) for name, both, p in columns]
    means = [float(np.mean(side)) for side in zip(*scores, strict=True)]
    return Table(
        title=f"{task.name}/{task.metric}: {second} against {first}, per cent",
        columns=("language", "A", "B", "B - A", "low", "high", "p", "p (Holm)", "items"),
        rows=(*rows, ("mean", *cells(means, mean, None))),
        number=".2f",
        formats={"p": ".4f", "p (Holm)": ".4f"},
        note=f"A: {first}, B: {second}, means over {len(firsts)} and {len(seconds)} seeds. B is "
        "better where the difference is "
        f"{'negative' if task.lower_is_better else 'positive'}. 95 % interval and two-sided p "
        "of a paired bootstrap over items; seeds are not resampled. p (Holm) is corrected "
        "for the languages of this table, p is not; neither is corrected for the number of "
        "tasks.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """System B against system A on the same `count` items.

    Attributes:
        difference: score of B minus score of A.
        low, high: 95 % percentile bootstrap interval of the difference.
        p_value: two-sided bootstrap probability of no difference or one of the other sign.
    """

    difference: float
    low: float
    high: float
    p_value: float
    count: int


def measure_corpus(counts: Counts) -> float:
    """Score a test set: sum by sum for each seed, mean over seeds.

    Args:
        counts: (sentences, seeds, 2) what each sentence adds to the numerator and the denominator.
    """
    return float(_divide(counts.sum(axis=0, dtype=np.float64)).mean())


def compare_corpora(
    languages: Mapping[str, tuple[Counts, Counts]], *, resamples: int = 10_000, seed: int = 0
) -> tuple[dict[str, Comparison], Comparison]:
    """Compare two systems on the test sets of several languages.

    Languages with the same number of sentences are drawn together, sentence by sentence: where test
    sets are translations of each other (XNLI, PAWS-X), a sentence that is hard is hard in many of
    them, and drawing them apart would make the interval of the mean too narrow.

    Args:
        languages: for each language the counts of system A and those of system B, of the same
            sentences in the same order. The numbers of seeds may differ.
        resamples, seed: of the random draws.

    Returns:
        For each language the comparison, B minus A; and that of the plain mean over languages.

    Example:
        >>> a, b = np.array([[[0, 1]]] * 4), np.array([[[1, 1]]] * 4)
        >>> compare_corpora({"fr": (a, b)})[1].difference
        1.0
    """
    if not languages or resamples < 1:
        raise ValueError("languages and at least one resample are needed")
    for name, (first, second) in languages.items():
        if first.ndim != 3 or second.ndim != 3 or not len(first) or len(first) != len(second):
            raise ValueError(f"{name}: paired counts needed, not {first.shape} and {second.shape}")
    random = np.random.default_rng(seed)
    draws: dict[str, _Draws] = {}
    for size in dict.fromkeys(len(first) for first, _ in languages.values()):
        together = {name: pair for name, pair in languages.items() if len(pair[0]) == size}
        draws |= _draw(together, resamples, random)
    found = {
        name: _summarise(draws[name], measure_corpus(second) - measure_corpus(first), len(first))
        for name, (first, second) in languages.items()
    }
    mean = np.mean([draws[name] for name in languages], axis=0)
    difference = float(np.mean([one.difference for one in found.values()]))
    return found, _summarise(mean, difference, sum(one.count for one in found.values()))


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for having looked at several of them (Holm's step-down method)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = highest
    return adjusted


def _draw(
    languages: Mapping[str, tuple[Counts, Counts]], resamples: int, random: np.random.Generator
) -> dict[str, _Draws]:
    """For each language the difference on each drawn set, all languages on the same sentences."""
    sides = [side for pair in languages.values() for side in pair]
    widths = [side.shape[1] * 2 for side in sides]
    table = np.concatenate([side.reshape(len(side), -1) for side in sides], axis=1)
    kinds, counts = np.unique(table, axis=0, return_counts=True)  # few, where items are hit or not
    shares, values = counts / len(table), kinds.astype(np.float64)
    step = max(1, _CHUNK // len(kinds))
    parts = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        totals = random.multinomial(len(table), shares, size=size) @ values  # (size, all columns)
        scores = [
            _divide(part.reshape(size, -1, 2)).mean(axis=1)
            for part in np.split(totals, np.cumsum(widths)[:-1], axis=1)
        ]
        parts.append(np.stack(scores))
    found = np.concatenate(parts, axis=1)  # (2 x languages, resamples)
    return {name: found[2 * i + 1] - found[2 * i] for i, name in enumerate(languages)}


def _summarise(draws: _Draws, difference: float, count: int) -> Comparison:
    low, high = np.quantile(draws, [0.025, 0.975])
    # the observed sample counts as one of the draws, so that p is never 0
    below, above = (draws <= 0).sum() + 1, (draws >= 0).sum() + 1
    return Comparison(
        difference=difference,
        low=float(low),
        high=float(high),
        p_value=float(min(1.0, 2 * min(below, above) / (len(draws) + 1))),
        count=count,
    )


def _divide(sums: _Draws) -> _Draws:
    """Numerators by denominators in the last axis; nothing by nothing is 0."""
    over, under = sums[..., 0], sums[..., 1]
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)

"""Scores of predictions, from the files alone.

Metrics are named ``xtreme/<task>/<measure>``:

- xnli, pawsx, tatoeba: ``accuracy``;
- udpos, panx: ``f1`` of spans as in seqeval 1.2.2, whose versions differ (for UDPOS it is NOT a
  score of words; see :mod:`crosszero.tasks.spans`), and ``accuracy`` over words;
- bucc2018: ``f1``, ``precision`` and ``recall`` of the set of pairs.

XTREME's own number of a task is the plain mean over ALL its languages; :func:`average` is over
those that were scored. Both folders must have the same languages, so that none is lost unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.blocks import check_counts
from crosszero.tasks.labels import TASKS, check_task, list_languages, locate_file
from crosszero.tasks.predictions import read_labels, read_links, read_places, read_tags
from crosszero.tasks.spans import score_sets, score_spans
from crosszero.tasks.task import TaskScore

_Measures = list[tuple[str, float, int]]  # measure, share, items


def score_predictions(
    predictions: str | Path,
    labels: str | Path,
    tasks: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
) -> list[TaskScore]:
    """Score predictions against gold files, both in XTREME's format.

    Args:
        predictions: folder of ``<task>/test-<xx>.tsv``; see :mod:`crosszero.tasks.predictions`.
        labels: folder of the gold files, named alike.
        tasks: which; by default all that have a folder in `predictions`.
        languages: which; by default all. A task that lacks some of them is scored on the others.

    Returns:
        By task, language (sorted) and measure. The size of an ``accuracy`` is a number of pairs,
        words or sentences, that of the others the number of gold spans or gold pairs.

    Raises:
        DataError: a folder is missing; a language stands on one side only; a file is bad; or
            predictions and gold differ in number. Names file and, where there is one, line.
        ConfigError: an unknown task, or a language that no task has.

    Example:
        >>> score_predictions("xtreme/labels", "xtreme/labels", ["pawsx"], ["fr"])  # doctest: +SKIP
        [TaskScore(metric='xtreme/pawsx/accuracy', language='fr', value=1.0, size=2000)]
    """
    predictions, labels = Path(predictions), Path(labels)
    _check_folders(predictions, labels)
    chosen = {
        task: _choose_languages(predictions, labels, task, languages)
        for task in _choose_tasks(predictions, tasks)
    }
    for language in languages or ():
        if not any(language in some for some in chosen.values()):
            known = {code for task in chosen for code in list_languages(labels, task)}
            raise ConfigError(
                f"no file test-{language}.tsv for {', '.join(chosen)}; {suggest(language, known)}"
            )
    for task in tasks or ():
        if not chosen[task]:
            raise ConfigError(f"{task} has none of the languages {', '.join(languages or ())}")
    return [
        TaskScore(f"xtreme/{task}/{measure}", language, value, size)
        for task, some in chosen.items()
        for language in some
        for measure, value, size in _SCORERS[task](predictions, labels, task, language)
    ]


def average(scores: Iterable[TaskScore]) -> dict[str, float]:
    """Average each metric over languages, each language counting the same whatever its size.

    Args:
        scores: what :func:`score_predictions` gave.

    Returns:
        Metric and mean share, in the order of the scores.

    Example:
        >>> average([TaskScore("m", "de", 0.5, 10), TaskScore("m", "fr", 1.0, 1000)])
        {'m': 0.75}
    """
    values: dict[str, list[float]] = {}
    for score in scores:
        values.setdefault(score.metric, []).append(score.value)
    return {metric: fmean(some) for metric, some in values.items()}


def _check_folders(predictions: Path, labels: Path) -> None:
    for folder in (predictions, labels):
        if not folder.is_dir():
            raise DataError(folder, "no such folder: one that holds <task>/test-<xx>.tsv is needed")
    if (inner := predictions / "predictions").is_dir():
        raise DataError(predictions, f"is the folder of an evaluation; predictions: name {inner}")
    if (labels / "labels").is_dir():
        raise DataError(labels, f"holds texts; the gold files are in {labels / 'labels'}: name it")


def _choose_tasks(predictions: Path, tasks: Sequence[str] | None) -> list[str]:
    if tasks:
        for task in tasks:
            check_task(task)
        return list(dict.fromkeys(tasks))
    found = [task for task in TASKS if (predictions / task).is_dir()]
    if not found:
        raise DataError(predictions, f"holds no folder of a task ({', '.join(TASKS)})")
    return found


def _choose_languages(
    predictions: Path, labels: Path, task: str, languages: Sequence[str] | None
) -> list[str]:
    predicted, gold = (set(list_languages(folder, task)) for folder in (predictions, labels))
    if not predicted | gold:
        raise DataError(predictions / task, f"holds no test-<xx>.tsv, nor does {labels / task}")
    chosen = sorted((predicted | gold) & set(languages or predicted | gold))
    for language in chosen:
        if language not in predicted:
            raise _missing(predictions, labels, task, language)
        if language not in gold:
            raise _missing(labels, predictions, task, language)
    return chosen


def _missing(folder: Path, other: Path, task: str, language: str) -> DataError:
    return DataError(
        locate_file(folder, task, language),
        f"is missing, though {locate_file(other, task, language)} is there; add it, or name the "
        "languages that shall be scored",
    )


def _score_labels(predictions: Path, labels: Path, task: str, language: str) -> _Measures:
    gold = read_labels(labels, task, language)
    predicted = read_labels(predictions, task, language)
    return _score_lines(predictions, labels, task, language, predicted, gold)


def _score_places(predictions: Path, labels: Path, task: str, language: str) -> _Measures:
    gold = read_places(labels, language, gold=True)
    predicted = read_places(predictions, language)
    return _score_lines(predictions, labels, task, language, predicted, gold)


def _score_lines(
    predictions: Path,
    labels: Path,
    task: str,
    language: str,
    predicted: Sequence[object],
    gold: Sequence[object],
) -> _Measures:
    if len(predicted) != len(gold):
        raise DataError(
            locate_file(predictions, task, language),
            f"{len(predicted)} lines, but {locate_file(labels, task, language)} has {len(gold)}",
            min(len(predicted), len(gold)),
        )
    return [("accuracy", _share_equal(predicted, gold), len(gold))]


def _score_tags(predictions: Path, labels: Path, task: str, language: str) -> _Measures:
    gold = read_tags(labels, task, language)
    predicted = read_tags(predictions, task, language)
    check_counts(
        locate_file(predictions, task, language),
        predicted,
        locate_file(labels, task, language),
        gold,
    )
    spans = score_spans(predicted, gold)
    words = [list(chain.from_iterable(side)) for side in (predicted, gold)]
    return [("f1", spans.f1, spans.size), ("accuracy", _share_equal(*words), len(words[1]))]


def _score_links(predictions: Path, labels: Path, task: str, language: str) -> _Measures:
    gold = read_links(labels, language)
    score = score_sets(read_links(predictions, language, empty=True), gold)
    return [(name, getattr(score, name), score.size) for name in ("f1", "precision", "recall")]


def _share_equal(predicted: Sequence[object], gold: Sequence[object]) -> float:
    return sum(one == two for one, two in zip(predicted, gold, strict=True)) / len(gold)


_SCORERS: dict[str, Callable[[Path, Path, str, str], _Measures]] = {
    "xnli": _score_labels,
    "pawsx": _score_labels,
    "udpos": _score_tags,
    "panx": _score_tags,
    "bucc2018": _score_links,
    "tatoeba": _score_places,
}

"""Scores of predictions against gold files, without the texts.

XTREME's own number of a task is the plain mean over ALL its languages;
:func:`~crosszero.tasks.score.average` is over those that were scored. Both folders must have the
same languages, so that none is missed silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.catalogue import find_task, list_tasks
from crosszero.tasks.prediction_files import check_folder, list_languages, name_file
from crosszero.tasks.score import Score


def score_predictions(
    predictions: str | Path,
    labels: str | Path,
    tasks: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
) -> list[Score]:
    """Score predictions against gold files, both in XTREME's format.

    Args:
        predictions: folder of ``<task>/test-<xx>.tsv``.
        labels: folder of the gold files, named alike.
        tasks: which; by default all that have a folder in `predictions`.
        languages: which; by default all. A task that lacks some of them is scored on the others.

    Returns:
        By task, language (sorted) and metric.

    Raises:
        DataError: a folder is missing, a language stands on one side only, or a file is bad.
        ConfigError: an unknown task, or a language that no task has.

    Example:
        >>> score_predictions("xtreme/labels", "xtreme/labels", ["pawsx"], ["fr"])  # doctest: +SKIP
        [Score(task='pawsx', metric='accuracy', language='fr', value=1.0, count=2000, layer=None)]
    """
    predictions, labels = Path(predictions), Path(labels)
    _check_folders(predictions, labels)
    chosen = {
        task: _choose_languages(predictions, labels, task, languages)
        for task in _choose_tasks(predictions, tasks)
    }
    every = {language for some in chosen.values() for language in some}
    for language in languages or ():
        if language not in every:
            known = {code for task in chosen for code in list_languages(labels, task)}
            raise ConfigError(
                f"no file test-{language}.tsv for {', '.join(chosen)}; {suggest(language, known)}"
            )
    for task in tasks or ():
        if not chosen[task]:
            raise ConfigError(f"{task} has none of the languages {', '.join(languages or ())}")
    return [
        score
        for task, some in chosen.items()
        for language in some
        for score in find_task(task).score_language(
            predictions, language, find_task(task).read_labels(labels, language)
        )
    ]


def _check_folders(predictions: Path, labels: Path) -> None:
    check_folder(predictions)
    if (labels / "labels").is_dir():
        raise DataError(
            labels, f"holds texts; name {labels / 'labels'}, which holds the gold files"
        )
    check_folder(labels)


def _choose_tasks(predictions: Path, tasks: Sequence[str] | None) -> list[str]:
    known = [task.name for task in list_tasks() if task.gold_files]
    for task in tasks or ():
        if task not in known:
            raise ConfigError(f"{task!r} is not a task with gold files; {suggest(task, known)}")
    found = [task for task in tasks or known if tasks or (predictions / task).is_dir()]
    if not found:
        raise DataError(predictions, f"has no task folder ({', '.join(known)})")
    return list(dict.fromkeys(found))


def _choose_languages(
    predictions: Path, labels: Path, task: str, languages: Sequence[str] | None
) -> list[str]:
    both = {folder: set(list_languages(folder, task)) for folder in (predictions, labels)}
    every = set.union(*both.values())
    if not every:
        raise DataError(predictions / task, f"holds no test-<xx>.tsv, nor does {labels / task}")
    chosen = sorted(every & set(languages or every))
    for language in chosen:
        for folder, other in ((predictions, labels), (labels, predictions)):
            if language not in both[folder]:
                there = name_file(other, task, language)
                message = f"is missing, but {there} exists; add it, or name the languages "
                raise DataError(name_file(folder, task, language), f"{message}to score")
    return chosen

"""The commands about XTREME's files: data from the hub, scores of predictions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crosszero.experiment.table import Cell, Table
    from crosszero.tasks.score import Score


def fetch(
    out: Path,
    /,
    *,
    tasks: list[str] | None = None,
    languages: list[str] | None = None,
    revision: str | None = None,
) -> None:
    """Download XTREME's data and labels from the hub into a folder.

    Needs the extra 'datasets': pip install 'crosszero[datasets]'. The hub lacks BUCC's sentences,
    and its UDPOS splits contractions into parts; see crosszero.tasks.hub.

    Parameters
    ----------
    out
        Folder to write; then: crosszero evaluate --data OUT.
    tasks
        Which of tatoeba, xnli, pawsx, udpos, panx; by default all.
    languages
        Languages to test; by default all that a task has. The English training data is always
        included.
    revision
        Commit or tag of the data set; give one to make a run repeatable.
    """
    from crosszero.tasks.hub import fetch_xtreme

    for folder in fetch_xtreme(out, tasks, languages, revision=revision):
        sys.stdout.write(f"{folder}\n")


def score(
    predictions: Path,
    labels: Path,
    /,
    *,
    tasks: list[str] | None = None,
    languages: list[str] | None = None,
    out: Path | None = None,
) -> None:
    """Score predictions in XTREME's format against gold files.

    Example: crosszero xtreme score predictions xtreme/labels --tasks udpos panx --out scores.json

    Parameters
    ----------
    predictions
        Folder of the files TASK/test-LANGUAGE.tsv.
    labels
        Folder of the gold files, with the same names.
    tasks
        Which of xnli, pawsx, udpos, panx, bucc2018, tatoeba; by default all in PREDICTIONS.
    languages
        Languages; by default all. Predictions and gold must have the same ones.
    out
        Also write all numbers to this JSON file, as shares in [0, 1].
    """
    from crosszero.experiment.scores import Scores
    from crosszero.experiment.table import render_text
    from crosszero.files import check_output
    from crosszero.tasks.score import average
    from crosszero.tasks.scoring import score_predictions

    if out is not None:
        check_output(out, inputs=[predictions, labels])
    scores = score_predictions(predictions, labels, tasks, languages)
    means = average(scores)
    if out is not None:
        Scores(scores).write(out)
    for task in dict.fromkeys(one.task for one in scores):
        sys.stdout.write(render_text(_make_table(task, scores, means)) + "\n\n")


def _make_table(task: str, scores: list[Score], means: dict[str, float]) -> Table:
    from crosszero.experiment.table import Table
    from crosszero.tasks.catalogue import find_task

    known = find_task(task)
    mine = [one for one in scores if one.task == task]
    metrics = list(dict.fromkeys(one.metric for one in mine))
    cells = {(one.language, one.metric): one for one in mine}
    rows: list[tuple[Cell, ...]] = []
    for language in dict.fromkeys(one.language for one in mine):
        found = [cells.get((language, metric)) for metric in metrics]
        values = [100 * one.value if one else None for one in found]
        rows.append((language, *values, cells[language, metrics[0]].count))
    rows.append(("mean", *(100 * means[f"{task}/{metric}"] for metric in metrics), None))
    return Table(
        title=f"{known.protocol}/{task}, per cent",
        columns=("language", *metrics, known.unit),
        rows=tuple(rows),
        note=known.note,
    )

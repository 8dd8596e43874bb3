"""The command that scores predictions which are already written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from crosszero.report.tables import Cell, Table
    from crosszero.tasks.task import TaskScore

_ITEMS = {
    "xnli": "pairs",
    "pawsx": "pairs",
    "udpos": "spans",
    "panx": "spans",
    "bucc2018": "gold pairs",
    "tatoeba": "sentences",
}
_NOTES = {
    "udpos": "f1: spans of equal tags, as seqeval 1.2.2 counts them; accuracy: words.",
    "panx": "f1: spans, as seqeval 1.2.2 counts them; accuracy: words.",
}


def score(
    predictions: Path,
    labels: Path,
    /,
    *,
    tasks: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    languages: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    out: Path | None = None,
) -> None:
    """Score predictions in XTREME's format against gold files.

    Example: crosszero score predictions xtreme/labels --tasks udpos panx --out scores.json

    Parameters
    ----------
    predictions
        Folder of the files TASK/test-LANGUAGE.tsv.
    labels
        Folder of the gold files, named alike.
    tasks
        Which of xnli, pawsx, udpos, panx, bucc2018, tatoeba; by default all in PREDICTIONS.
    languages
        Which; by default all. Predictions and gold must have the same.
    out
        Write all numbers to this JSON file, too: shares in [0, 1].
    """
    from crosszero.report.tables import render_text
    from crosszero.tasks.scoring import average, score_predictions

    scores = score_predictions(predictions, labels, tasks, languages)
    means = average(scores)
    if out is not None:
        _write(out, scores, means)
    for task in dict.fromkeys(_split(one.metric)[0] for one in scores):
        sys.stdout.write(render_text(_make_table(task, scores, means)) + "\n\n")


def _make_table(task: str, scores: list[TaskScore], means: dict[str, float]) -> Table:
    from crosszero.report.tables import Table

    mine = [one for one in scores if _split(one.metric)[0] == task]
    metrics = list(dict.fromkeys(one.metric for one in mine))
    cells = {(one.language, one.metric): one for one in mine}
    rows: list[tuple[Cell, ...]] = []
    for language in dict.fromkeys(one.language for one in mine):
        found = [cells[language, metric] for metric in metrics]
        rows.append((language, *(100 * one.value for one in found), found[0].size))
    rows.append(("mean", *(100 * means[metric] for metric in metrics), None))
    return Table(
        title=f"xtreme/{task}, per cent",
        columns=("language", *(_split(metric)[1] for metric in metrics), _ITEMS[task]),
        rows=tuple(rows),
        note=_NOTES.get(task, ""),
    )


def _write(path: Path, scores: list[TaskScore], means: dict[str, float]) -> None:
    import json

    from crosszero.files import atomic_file

    with atomic_file(path) as file:
        content = {"mean": means, "scores": [one._asdict() for one in scores]}
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")


def _split(metric: str) -> tuple[str, str]:
    _, task, measure = metric.split("/")
    return task, measure

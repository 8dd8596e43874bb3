"""What an encoder is measured on: one module per task, with its data, prediction files and scores.

Names are imported when they are first used: scoring files needs no torch, encoding does.
How an encoder is fine-tuned for XNLI, PAWS-X, UDPOS and PANX is in :mod:`crosszero.tasks.finetune`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.tasks.catalogue import find_task as find_task
    from crosszero.tasks.catalogue import list_tasks as list_tasks
    from crosszero.tasks.hub import fetch_xtreme as fetch_xtreme
    from crosszero.tasks.score import Score as Score
    from crosszero.tasks.score import average as average
    from crosszero.tasks.scoring import score_predictions as score_predictions
    from crosszero.tasks.tag_spans import find_spans as find_spans
    from crosszero.tasks.tag_spans import score_spans as score_spans
    from crosszero.tasks.task import Task as Task

_HOMES = {
    "Score": "score",
    "Task": "task",
    "average": "score",
    "fetch_xtreme": "hub",
    "find_spans": "tag_spans",
    "find_task": "catalogue",
    "list_tasks": "catalogue",
    "score_predictions": "scoring",
    "score_spans": "tag_spans",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)

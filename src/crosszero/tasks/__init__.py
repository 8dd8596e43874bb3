"""XTREME's tasks and the two about words: data, predictions as files, scores of the files.

Names are imported when they are first used: scoring files needs no torch, encoding does.
How an encoder is fine-tuned for XNLI, PAWS-X, UDPOS and PANX is in :mod:`crosszero.tasks.finetune`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.tasks.bucc import Bucc as Bucc
    from crosszero.tasks.catalogue import find_task as find_task
    from crosszero.tasks.fine_tuned_task import PairClassification as PairClassification
    from crosszero.tasks.fine_tuned_task import WordTagging as WordTagging
    from crosszero.tasks.hub import fetch_xtreme as fetch_xtreme
    from crosszero.tasks.rows import read_pairs as read_pairs
    from crosszero.tasks.rows import read_tagged as read_tagged
    from crosszero.tasks.scoring import score_predictions as score_predictions
    from crosszero.tasks.tag_spans import find_spans as find_spans
    from crosszero.tasks.tag_spans import score_spans as score_spans
    from crosszero.tasks.task import Score as Score
    from crosszero.tasks.task import Task as Task
    from crosszero.tasks.task import average as average
    from crosszero.tasks.tatoeba import Tatoeba as Tatoeba
    from crosszero.tasks.word_alignment import WordAlignment as WordAlignment
    from crosszero.tasks.word_retrieval import WordRetrieval as WordRetrieval

_HOMES = {
    "Bucc": "bucc",
    "PairClassification": "fine_tuned_task",
    "Task": "task",
    "Score": "task",
    "Tatoeba": "tatoeba",
    "WordAlignment": "word_alignment",
    "WordRetrieval": "word_retrieval",
    "WordTagging": "fine_tuned_task",
    "average": "task",
    "fetch_xtreme": "hub",
    "find_spans": "tag_spans",
    "find_task": "catalogue",
    "read_pairs": "rows",
    "read_tagged": "rows",
    "score_predictions": "scoring",
    "score_spans": "tag_spans",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)

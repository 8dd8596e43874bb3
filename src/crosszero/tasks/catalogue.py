"""The eight tasks by their names."""

from __future__ import annotations

from crosszero.errors import ConfigError, suggest
from crosszero.tasks.bucc import Bucc
from crosszero.tasks.task import Task
from crosszero.tasks.tatoeba import Tatoeba
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.tasks.word_retrieval import WordRetrieval
from crosszero.tasks.zero_shot import PairClassification, WordTagging

_ALL: tuple[Task, ...] = (
    Tatoeba(),
    Bucc(),
    PairClassification("xnli"),
    PairClassification("pawsx"),
    WordTagging("udpos"),
    WordTagging("panx"),
    WordAlignment(),
    WordRetrieval(),
)
CATALOGUE = {task.name: task for task in _ALL}


def find_task(name: str) -> Task:
    """Give the task of a name.

    Raises:
        ConfigError: there is none.

    Example:
        >>> find_task("udpos").fine_tuned
        True
    """
    if name not in CATALOGUE:
        raise ConfigError(f"unknown task {name!r}: {suggest(name, CATALOGUE)}")
    return CATALOGUE[name]

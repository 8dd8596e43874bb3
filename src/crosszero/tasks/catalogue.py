"""All tasks by name: whatever the modules of this folder list as ``TASKS``."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

import crosszero.tasks
from crosszero.errors import ConfigError, suggest
from crosszero.tasks.task import Task


@cache
def list_tasks() -> tuple[Task, ...]:
    """Give all tasks, in the order of their columns in tables.

    Example:
        >>> [task.title for task in list_tasks() if not task.title.endswith("mixed")][:4]
        ['XNLI', 'PAWS-X', 'POS', 'NER']
    """
    modules = [found for found in pkgutil.iter_modules(crosszero.tasks.__path__) if not found.ispkg]
    found: list[Task] = []
    for module in modules:
        found += getattr(import_module(f"crosszero.tasks.{module.name}"), "TASKS", ())
    return tuple(sorted(found, key=lambda task: (task.rank, task.name)))


def find_task(name: str) -> Task:
    """Give the task of a name.

    Raises:
        ConfigError: there is none.

    Example:
        >>> find_task("udpos").title
        'POS'
    """
    for task in list_tasks():
        if task.name == name:
            return task
    raise ConfigError(f"unknown task {name!r}: {suggest(name, (t.name for t in list_tasks()))}")

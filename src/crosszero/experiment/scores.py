"""The scores of one encoder: by task, by language, as a table and as a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from crosszero.config import read_json
from crosszero.errors import ConfigError, suggest
from crosszero.experiment.table import Cell, Table
from crosszero.files import atomic_file
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.score import Score, average


class Scores(tuple[Score, ...]):
    """Scores of one encoder in the order in which they were measured; `title` is of their table.

    Example:
        >>> scores = Scores([
        ...     Score(task="panx", metric="f1", language="de", value=0.5, count=10),
        ...     Score(task="panx", metric="f1", language="fr", value=1.0, count=1000),
        ... ])
        >>> scores.mean("panx"), scores.by_language("panx/f1")
        (0.75, {'de': 0.5, 'fr': 1.0})
    """

    title: str

    def __new__(cls, scores: Iterable[Score] = (), title: str = "Scores") -> Scores:
        made = super().__new__(cls, scores)
        made.title = title
        return made

    def __str__(self) -> str:
        return str(self.table())

    def by_language(self, name: str) -> dict[str, float]:
        """Give the shares in [0, 1] of each language, or pair of languages.

        `name` is a task's, for the metric that stands for it, or another metric's such as
        ``udpos/accuracy``; ConfigError if nothing of that name was measured.
        """
        metrics = {task.name: f"{task.name}/{task.metric}" for task in list_tasks()}
        asked = metrics.get(name, name)
        found = {score.language: score.value for score in self if score.name == asked}
        if not found:
            raise ConfigError(f"{name}: not measured; {suggest(name, average(self))}")
        return found

    def mean(self, name: str) -> float:
        """Average over languages, each counting the same; see :meth:`by_language`."""
        found = self.by_language(name)
        return sum(found.values()) / len(found)

    def table(self) -> Table:
        """A row for each metric and language, and the mean of each metric, in per cent."""
        rows: list[tuple[Cell, ...]] = []
        for name, mean in average(self).items():
            own = [score for score in self if score.name == name]
            rows += [(name, score.language, 100 * score.value, score.count) for score in own]
            rows.append((name, "mean", 100 * mean, None))
        measured = {score.task for score in self}
        notes = ["Means are over languages, each counting the same."]
        notes += [task.note for task in list_tasks() if task.name in measured and task.note]
        return Table(
            title=self.title,
            columns=("metric", "language", "per cent", "items"),
            rows=tuple(rows),
            note=" ".join(dict.fromkeys(notes)),
        )

    def write(self, path: str | Path) -> None:
        """Write scores and means as JSON, whole or not at all."""
        content = {"mean": average(self), "scores": [dataclasses.asdict(score) for score in self]}
        with atomic_file(path) as file:
            json.dump(content, file, indent=1, ensure_ascii=False)

    @classmethod
    def read(cls, path: str | Path) -> Scores:
        """Read what :meth:`write` wrote; DataError if the file is missing or damaged."""
        return cls(read_json(path, _File, "evaluate again").scores, title=str(path))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    scores: tuple[Score, ...]
    mean: dict[str, float] = dataclasses.field(default_factory=dict)

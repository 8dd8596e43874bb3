"""The scores of one encoder: by task, by language, as a table and as a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from crosszero.config import read_json
from crosszero.errors import ConfigError, suggest
from crosszero.experiment.table import Cell, Table
from crosszero.files import atomic_file
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.score import Score, average


class Scores(tuple[Score, ...]):
    """Scores of one encoder, in the order of measurement.

    Attributes:
        title: of their table.
        encoder: hash of the encoder (:func:`~crosszero.model.hashing.hash_encoder`), if known.

    Example:
        >>> scores = Scores([
        ...     Score(task="panx", metric="f1", language="de", value=0.5, count=10),
        ...     Score(task="panx", metric="f1", language="fr", value=1.0, count=1000),
        ... ])
        >>> scores.mean("panx"), scores.by_language("panx/f1")
        (0.75, {'de': 0.5, 'fr': 1.0})
    """

    title: str
    encoder: str

    def __new__(
        cls, scores: Iterable[Score] = (), title: str = "Scores", encoder: str = ""
    ) -> Scores:
        made = super().__new__(cls, scores)
        made.title, made.encoder = title, encoder
        return made

    def __str__(self) -> str:
        layers = self.layer_table()
        return str(self.table()) + (f"\n\n{layers}" if layers else "")

    def by_language(self, name: str) -> dict[str, float]:
        """Give the shares in [0, 1] of each language, or pair of languages.

        `name` is a task, for its main metric, or another metric such as ``udpos/accuracy``;
        ConfigError if nothing of that name was measured.
        """
        metrics = {task.name: f"{task.name}/{task.metric}" for task in list_tasks()}
        asked = metrics.get(name, name)
        found = {score.language: score.value for score in self if score.name == asked}
        if not found:
            raise ConfigError(f"{name}: not measured; {suggest(name, average(self))}")
        return found

    def mean(self, name: str) -> float:
        """Average over languages, with equal weights; see :meth:`by_language`."""
        found = self.by_language(name)
        return sum(found.values()) / len(found)

    def table(self) -> Table:
        """One row per metric and language, and the mean of each metric, in per cent.

        Single layers have a table of their own: :meth:`layer_table`.
        """
        rows: list[tuple[Cell, ...]] = []
        whole = [score for score in self if score.layer is None]
        for name, mean in average(whole).items():
            own = [score for score in whole if score.name == name]
            rows += [(name, score.language, 100 * score.value, score.count) for score in own]
            rows.append((name, "mean", 100 * mean, None))
        measured = {score.task for score in self}
        notes = ["Means over languages, each with equal weight."]
        notes += [task.note for task in list_tasks() if task.name in measured and task.note]
        return Table(
            title=self.title,
            columns=("metric", "language", "per cent", "items"),
            rows=tuple(rows),
            note=" ".join(dict.fromkeys(notes)),
        )

    def layer_table(self) -> Table | None:
        """A row for each layer that was read by itself, in per cent; the best one is named."""
        known = {(task.name, task.metric): task.lower_is_better for task in list_tasks()}
        own = [s for s in self if s.layer is not None and (s.task, s.metric) in known]
        if not own:
            return None
        languages = list(dict.fromkeys(score.language for score in own))
        found: dict[int, dict[str, float]] = {}
        for score in own:
            found.setdefault(score.layer or 0, {})[score.language] = 100 * score.value
        means = {layer: fmean(values.values()) for layer, values in sorted(found.items())}
        choose = min if known[own[0].task, own[0].metric] else max
        best = choose(means, key=lambda layer: means[layer])
        rows = [
            (str(layer), *(found[layer].get(language) for language in languages), mean)
            for layer, mean in means.items()
        ]
        return Table(
            title=f"{own[0].task}/{own[0].metric} by layer: layer {best} is best",
            columns=("layer", *languages, "mean"),
            rows=tuple(rows),
        )

    def write(self, path: str | Path) -> None:
        """Write scores and means as JSON, completely or not at all."""
        scores = [dataclasses.asdict(score) for score in self]
        content = {"mean": average(self), "scores": scores, "encoder": self.encoder}
        with atomic_file(path) as file:
            json.dump(content, file, indent=1, ensure_ascii=False)

    @classmethod
    def read(cls, path: str | Path) -> Scores:
        """Read what :meth:`write` wrote; DataError if the file is missing or damaged."""
        file = read_json(path, _File, "evaluate again")
        return cls(file.scores, title=str(path), encoder=file.encoder)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    scores: tuple[Score, ...]
    mean: dict[str, float] = dataclasses.field(default_factory=dict)
    encoder: str = ""

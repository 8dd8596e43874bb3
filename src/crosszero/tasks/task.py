"""What every evaluation task offers: languages, data, predictions as files, their scores.

Scores are always computed from the files that were written, never from what is in memory, so that
anybody who reads the files gets the same numbers. A task is one module of this folder;
:mod:`crosszero.tasks.catalogue` finds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.prediction_files import list_languages
from crosszero.tasks.score import Score

Folder = str | Path
Languages = Sequence[str] | None  # None for all
Items = npt.NDArray[np.int64]  # (items, 2): numerator, denominator
Measures = Mapping[str, tuple[float, int]]  # metric to its share and what that was counted on
DataSetting = Literal["data", "alignment", "held_out"]


class Task(ABC):
    """One evaluation task.

    It has to say the first five attributes and to write four methods: :meth:`load`,
    :meth:`predict`, :meth:`read_predictions` and :meth:`count`.

    Attributes:
        name: such as ``udpos``: the folder of its data and of its predictions.
        title: of its column in tables: ``POS``.
        metric: the one that stands for the task: ``f1``.
        unit: what a score counts: ``spans``.
        needs: what :meth:`predict` takes: an encoder for its ``sentences`` (which may be cached)
            or its ``words``, or a fine-tuned ``model``.
        protocol: whose rules and files it follows.
        lower_is_better: whether the metric is an error.
        fine_tuned: whether an encoder is trained on the English part first, as a
            :class:`~crosszero.tasks.fine_tuned_task.FineTunedTask`.
        robust: whether it may be fine-tuned robustly.
        note: a sentence about its scores, for under tables.
        data_setting: which folder of an experiment it reads.
        pairs_of_languages: whether its "languages" are pairs such as ``en-fr``.
        on_demand: whether it is measured only where it is named.
        options: what :meth:`predict` takes beyond data and languages, by name, with the defaults.
        gold_files: whether its gold stands in ``labels/<name>/test-<xx>.tsv``, so that
            :meth:`read_labels` needs no texts.
        hub_languages: those that :meth:`fetch` can fetch.
        hub_lacks: what is said where there are none.
        rank: place among the tasks in tables.
    """

    name: str
    title: str
    metric: str
    unit: str
    needs: Literal["sentences", "words", "model"]
    protocol: Literal["xtreme", "crosszero"] = "crosszero"
    lower_is_better: bool = False
    fine_tuned: bool = False
    robust: bool = False
    note: str = ""
    data_setting: DataSetting = "data"
    pairs_of_languages: bool = False
    on_demand: bool = False
    options: Mapping[str, object] = MappingProxyType({})
    gold_files: bool = False
    hub_languages: tuple[str, ...] = ()
    hub_lacks: str = "the hub does not have its data"
    rank: int = 1000

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages of which any test file is in `data`, sorted; DataError for none.

        A language that lacks one of its files is listed, too, and to load it is an error: left out,
        it would change the mean over languages unseen.
        """
        folders = (Path(data), Path(data) / "labels")
        found = {code for folder in folders for code in list_languages(folder, self.name)}
        if not found:
            raise DataError(data, f"holds no test data of {self.name} ({self.name}/test-<xx>.tsv)")
        return sorted(found)

    def choose_languages(self, data: Folder, languages: Languages = None) -> list[str]:
        """Give the languages of the data that are asked for, each once; ConfigError for others."""
        return self.pick_languages(self.list_languages(data), languages)

    def pick_languages(self, found: Sequence[str], languages: Languages) -> list[str]:
        """Give those of the languages found that are asked for, as :meth:`choose_languages`."""
        for language in languages or ():
            if language not in found:
                hint = suggest(language, found)
                raise ConfigError(f"{self.name} has no data for {language!r}; {hint}")
        return list(dict.fromkeys(found if languages is None else languages))

    @abstractmethod
    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, Any]]:
        """Read what languages are tested on, gold included, one language after the other.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """

    def check(self, data: Folder, languages: Languages = None) -> None:
        """See that all can be loaded, before hours are spent on it; raises as :meth:`load`."""
        for _ in self.load(data, languages):
            pass

    @abstractmethod
    def predict(
        self, model: Any, data: Folder, predictions: Folder, languages: Languages = None
    ) -> list[Path]:
        """Run a model over the data and write ``<predictions>/<name>/test-<xx>.tsv``.

        Args:
            model: see `needs`.
            data: folder that :meth:`load` reads; raises as it does.
            predictions: folder of the predictions of all tasks.
            languages: which.
        """

    def load_gold(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, Any]]:
        """Read the gold alone; where it can't be parted from the rest, as :meth:`load` does."""
        return self.load(data, languages)

    @abstractmethod
    def read_predictions(self, predictions: Folder, language: str, gold: Any) -> Any:
        """Read the prediction file of a language; DataError if it is missing or does not fit."""

    @abstractmethod
    def count(self, found: Any, gold: Any) -> Items:
        """Tell what each item adds to the score of `metric`, for the bootstrap.

        Args:
            found: what :meth:`read_predictions` gave.
            gold: what :meth:`load_gold` gave.

        Returns:
            (items, 2): numerator and denominator; the sums of both, divided, are the score. An
            item is what is drawn when two systems are compared, such as a sentence.
        """

    def measure(self, found: Any, gold: Any) -> Measures:
        """Score predictions; what the items add up to, unless the task says more."""
        items = self.count(found, gold)
        share, whole = items.sum(axis=0)
        return {self.metric: (float(share / whole), len(items))}

    def score(self, predictions: Folder, data: Folder, languages: Languages = None) -> list[Score]:
        """Score the files that :meth:`predict` wrote against the gold in `data`.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing, can't be used or does not fit.
        """
        found = self.load_gold(data, languages)
        return [one for code, gold in found for one in self.score_language(predictions, code, gold)]

    def score_language(self, predictions: Folder, language: str, gold: Any) -> list[Score]:
        """Read the prediction file of a language and score it."""
        found = self.read_predictions(predictions, language, gold)
        return self.make_scores(language, self.measure(found, gold))

    def make_scores(
        self, language: str, measures: Measures, layer: int | None = None
    ) -> list[Score]:
        """Name the numbers that :meth:`measure` gave."""
        name = {"task": self.name, "language": language}
        return [
            Score(**name, metric=metric, value=value, count=count, layer=layer)
            for metric, (value, count) in measures.items()
        ]

    def read_labels(self, labels: Folder, language: str) -> Any:
        """Read what :meth:`load_gold` gives from a gold file alone, if there are `gold_files`."""
        raise ConfigError(
            f"{self.name}: its gold is not a file of labels; use 'crosszero evaluate'"
        )

    def locate(self, data: Folder) -> Path:
        """Tell where its data stand in a folder, or would stand."""
        return Path(data) / self.name

    def list_files(self, data: Folder) -> list[Path]:
        """List the files and folders that a hash of its data covers, as far as they are there."""
        found = [self.locate(data), Path(data) / "labels" / self.name]
        return [path for path in found if path.exists()]

    def fetch(self, out: Folder, languages: Sequence[str], revision: str | None = None) -> Path:
        """Download languages from the hub into ``<out>/<name>``; ConfigError if it has none."""
        raise ConfigError(f"{self.name}: {self.hub_lacks}")


def count_hits(hits: Iterable[object]) -> Items:
    """Items of a task that asks one question after the other: right or not, of 1."""
    found = np.fromiter(map(bool, hits), dtype=np.int64)
    return np.stack([found, np.ones_like(found)], axis=1)

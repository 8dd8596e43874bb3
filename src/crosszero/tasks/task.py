"""What every evaluation task offers: languages, data, predictions as files, their scores.

Scores are always computed from the files that were written, never from what is in memory, so that
anybody who reads the files gets the same numbers. A task is one module of this folder;
:mod:`crosszero.tasks.catalogue` finds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.labels import list_languages

Items = npt.NDArray[np.int64]  # (items, 2): numerator, denominator
DataSetting = Literal["data", "alignment", "held_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number of one task in one language.

    Attributes:
        task: such as ``udpos``.
        metric: such as ``f1`` or ``reversed-accuracy``.
        language: such as ``fr``; ``en-fr`` where two are measured together.
        value: share in [0, 1].
        count: items it was measured on, in the unit of the task.
        layer: the hidden layer, where a single one was read apart from the encoder's own vectors.
    """

    task: str
    metric: str
    language: str
    value: float
    count: int
    layer: int | None = None

    @property
    def name(self) -> str:
        """What is measured, without the language: ``udpos/f1``, ``word-alignment/layer-8/aer``."""
        layer = "" if self.layer is None else f"layer-{self.layer}/"
        return f"{self.task}/{layer}{self.metric}"


def read_score(row: Mapping[str, Any]) -> Score:
    """Make a score of a row of JSON, as ``dataclasses.asdict`` gives it.

    Rows of crosszero 0.1, whose metric named all (``xtreme/udpos/f1``), are read, too.

    Raises:
        KeyError, TypeError, ValueError: it is no such row.

    Example:
        >>> row = {"metric": "xtreme/udpos/f1", "language": "fr", "value": 0.5, "size": 9}
        >>> read_score(row).name
        'udpos/f1'
    """
    if "size" not in row:
        return Score(**row)
    protocol, task, *layer, metric = row["metric"].split("/")
    return Score(
        task=task,
        metric=f"mteb-{metric}" if protocol == "mteb" else metric,
        language=row["language"],
        value=row["value"],
        count=row["size"],
        layer=int(layer[0].removeprefix("layer-")) if layer else None,
    )


def average(scores: Iterable[Score]) -> dict[str, float]:
    """Average each metric over languages, each language counting the same whatever its size.

    Returns:
        Name of the score and mean share, in the order of the scores.

    Example:
        >>> average([
        ...     Score(task="panx", metric="f1", language="de", value=0.5, count=10),
        ...     Score(task="panx", metric="f1", language="fr", value=1.0, count=1000),
        ... ])
        {'panx/f1': 0.75}
    """
    values: dict[str, list[float]] = {}
    for score in scores:
        values.setdefault(score.name, []).append(score.value)
    return {name: fmean(some) for name, some in values.items()}


class Task(ABC):
    """One evaluation task.

    Attributes:
        name: such as ``udpos``: the folder of its data and of its predictions.
        title: of its column in tables: ``POS``.
        metric: the one that stands for the task: ``f1``.
        unit: what a score counts: ``spans``.
        needs: what :meth:`predict` takes: an encoder whose sentence vectors are all that is read
            (``sentences``, so that they may be cached), one whose word vectors are read
            (``words``), or a fine-tuned ``model``.
        protocol: whose rules and files it follows.
        lower_is_better: whether the metric is an error.
        fine_tuned: whether an encoder is trained on the English part first; then the task is a
            :class:`crosszero.tasks.fine_tuned_task.FineTunedTask`.
        robust: whether it may be fine-tuned robustly.
        note: a sentence about its scores, for under tables.
        data_setting: which folder of an experiment it reads.
        pairs_of_languages: whether its "languages" are pairs such as ``en-fr``.
        options: what :meth:`predict` takes beyond data and languages, by name, with the defaults.
        gold_files: whether its gold stands in ``labels/<name>/test-<xx>.tsv``, so that predictions
            can be scored by :meth:`score_labels` without the texts.
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
    options: Mapping[str, object] = MappingProxyType({})
    gold_files: bool = False
    rank: int = 1000

    def list_languages(self, data: str | Path) -> list[str]:
        """List the languages of which any test file is in `data`, sorted.

        A language that lacks one of its files is listed, too: left out, it would change the mean
        over languages unseen. To load it is an error.

        Raises:
            DataError: there is none.
        """
        folders = (Path(data), Path(data) / "labels")
        found = {code for folder in folders for code in list_languages(folder, self.name)}
        if not found:
            raise DataError(data, f"holds no test data of {self.name} ({self.name}/test-<xx>.tsv)")
        return sorted(found)

    def choose_languages(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[str]:
        """Give the languages that are asked for, each once; all of the data for None.

        Raises:
            ConfigError: a language is not in the data.
            DataError: there is none at all.
        """
        found = self.list_languages(data)
        for language in languages or ():
            if language not in found:
                hint = suggest(language, found)
                raise ConfigError(f"{self.name} has no data for {language!r}; {hint}")
        return list(dict.fromkeys(found if languages is None else languages))

    @abstractmethod
    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read what languages are tested on, gold included, one language after the other.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """

    def check(self, data: str | Path, languages: Sequence[str] | None = None) -> None:
        """See that all that is tested on can be read, before hours are spent on it.

        Raises:
            ConfigError, DataError: as :meth:`load`.
        """
        for _ in self.load(data, languages):
            pass

    @abstractmethod
    def predict(
        self,
        model: Any,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Run a model over the data and write ``<predictions>/<name>/test-<xx>.tsv``.

        Args:
            model: see `needs`.
            data: folder that :meth:`load` reads.
            predictions: folder of the predictions of all tasks.
            languages: which; None for all.

        Returns:
            The files.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """

    @abstractmethod
    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the files that :meth:`predict` wrote against the gold in `data`.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """

    @abstractmethod
    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Tell what each item adds to the score of `metric`, for the bootstrap.

        Returns:
            (items, 2): numerator and denominator; the sums of both, divided, are the score. An
            item is what is drawn when two systems are compared, such as a sentence.

        Raises:
            ConfigError, DataError: as :meth:`score`.
        """

    def score_labels(
        self, predictions: Path, labels: Path, languages: Sequence[str]
    ) -> list[Score]:
        """Score predictions where the gold files are at hand and the texts are not.

        Args:
            predictions: folder of the predictions of all tasks.
            labels: folder of the gold files of all tasks.
            languages: which.

        Raises:
            ConfigError: the task has no such files.
            DataError: a file is missing or can't be used.
        """
        raise ConfigError(f"{self.name}: its gold is no file of labels; use 'crosszero evaluate'")

    def locate(self, data: str | Path) -> Path:
        """Tell where its data stand in a folder, or would stand."""
        return Path(data) / self.name

    def list_files(self, data: str | Path) -> list[Path]:
        """List the files and folders that a hash of its data covers, as far as they are there."""
        found = [self.locate(data), Path(data) / "labels" / self.name]
        return [path for path in found if path.exists()]


def count_hits(hits: Iterable[bool]) -> Items:
    """Items of a task that asks one question after the other: right or not, of 1."""
    found = np.fromiter(hits, dtype=np.int64)
    return np.stack([found, np.ones_like(found)], axis=1)

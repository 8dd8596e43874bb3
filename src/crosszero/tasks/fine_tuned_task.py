"""Tasks that an encoder is fine-tuned for on English and tested on in every language (zero-shot).

:mod:`crosszero.tasks.finetune` trains, and chooses the best model on the English development set.
Source: Hu et al. 2020, section 3.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar, get_args

from crosszero.config import build
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.hub import HubTask, Rows, open_rows
from crosszero.tasks.prediction_files import find_file, name_file, write_lines
from crosszero.tasks.task import Folder, Languages

Example = TypeVar("Example")
Split = Literal["train", "dev", "test"]
_log = logging.getLogger("crosszero")


class Lines(NamedTuple):
    """The lines that an example of the hub takes in files: its text, its labels, both together."""

    text: list[str]
    labels: list[str]
    labelled: list[str]


class FineTunedTask(HubTask, Generic[Example]):
    """A task whose English part an encoder is fine-tuned on.

    Attributes:
        labels: or tags, in the order in which XTREME numbers them.
        fine_tuning: XTREME's settings where they differ from :class:`FineTuneConfig`'s defaults.
        subset: configuration of the hub's data set, with ``{}`` for the language.
        without_dev: languages of which the hub has no dev set.
    """

    needs = "model"
    protocol = "xtreme"
    fine_tuned = True
    gold_files = True
    labels: tuple[str, ...]
    fine_tuning: Mapping[str, Any]
    subset: ClassVar[str] = ""
    without_dev: ClassVar[tuple[str, ...]] = ()

    @property
    def source(self) -> str:
        """Name of the task whose data, settings of fine-tuning and models it uses."""
        return self.name

    @abstractmethod
    def read(
        self, data: Folder, split: Split, language: str, *, gold: bool = False
    ) -> list[Example]:
        """Read the examples of ``<data>/<name>/<split>-<xx>.tsv``, as XTREME's script leaves them.

        Train and dev hold their labels; with `gold` those of test are read from ``labels/<name>/``.

        Raises:
            DataError: a file is missing or can't be used, or labels and test data do not fit.
            ConfigError: another split, or not a language code.
        """

    @abstractmethod
    def fine_tune(
        self, encoder: str | Path, data: Folder, config: FineTuneConfig, out: Path
    ) -> Any:
        """Fine-tune an encoder on English train, keep the model that is best on English dev.

        Args:
            encoder: ``crosszero-mini``, a folder or a hub id.
            data: folder that holds ``<name>/train-en.tsv`` and ``<name>/dev-en.tsv``.
            config: settings, such as :meth:`make_config` gives.
            out: new or empty folder of the model.
        """

    @abstractmethod
    def load_model(self, folder: Path) -> Any:
        """Load what :meth:`fine_tune` left."""

    @abstractmethod
    def parse(self, path: Path) -> Any:
        """Read a file of labels, gold or predicted, one for each example."""

    @abstractmethod
    def number(self, found: Any) -> Iterator[tuple[int, str]]:
        """Give the lines of a file of labels with their numbers, from 1; "" parts examples."""

    @abstractmethod
    def check_fit(self, path: Path, found: Any, gold: Any, place: str) -> None:
        """See that a file has a label for whatever those at `place` label, or DataError."""

    @abstractmethod
    def list_lines(self, source: Rows) -> Iterator[Lines]:
        """Turn the examples of the hub into lines of files."""

    def open_rows(self, split: Split, language: str, revision: str | None) -> Rows:
        """Open a split of the hub."""
        return open_rows(self.subset.format(language), split, revision)

    def make_config(self, **changes: Any) -> FineTuneConfig:
        """Give XTREME's settings for this task (scripts/train_*.sh), changed; or ConfigError."""
        return build(FineTuneConfig, {**self.fine_tuning, **changes})

    def load(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, list[Example]]]:
        """Read the test examples of each language, with gold."""
        for language in self.choose_languages(data, languages):
            yield language, self.read(data, "test", language, gold=True)

    def check(self, data: Folder, languages: Languages = None) -> None:
        """See that all can be loaded, what is learnt from included; raises as :meth:`load`."""
        super().check(data, languages)
        for split in ("train", "dev"):
            self.read(data, split, "en")

    def load_gold(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, Any]]:
        """Read the labels of each language alone."""
        for language in self.choose_languages(data, languages):
            yield language, self.read_labels(Path(data) / "labels", language)

    def predict(
        self, model: Any, data: Folder, predictions: Folder, languages: Languages = None
    ) -> list[Path]:
        """Write ``<name>/test-<xx>.tsv``; no gold is read."""
        chosen = self.choose_languages(data, languages)
        tests = {language: self.read(data, "test", language) for language in chosen}
        return [self.write(predictions, code, model.predict(rows)) for code, rows in tests.items()]

    def read_labels(self, labels: Folder, language: str) -> Any:
        """Read a file of labels, gold or predicted."""
        path = find_file(labels, self.name, language)
        found = self.parse(path)
        self._check_labels(found, path)
        return found

    def read_predictions(self, predictions: Folder, language: str, gold: Any) -> Any:
        """Read a label for whatever the gold labels."""
        found = self.read_labels(predictions, language)
        path = name_file(predictions, self.name, language)
        self.check_fit(path, found, gold, "the gold file")
        return found

    def write(self, predictions: Folder, language: str, found: Any) -> Path:
        """Write the predictions of a language; DataError for none, or one that is no label."""
        path = name_file(predictions, self.name, language)
        self._check_labels(found, path)
        return write_lines(path, (line for _, line in self.number(found)), source=path)

    def _check_labels(self, found: Any, path: Path) -> None:
        for number, label in self.number(found):
            if label:
                self.check_label(label, path, number)

    def check_label(self, label: str, path: Folder, line: int) -> None:
        """See that a label that stands on a line of a file belongs to the task, or DataError."""
        if label not in self.labels:
            hint = suggest(label, self.labels)
            raise DataError(path, f"{label!r} is not a label of {self.name}; {hint}", line)

    def read_english(self, data: Folder) -> tuple[list[Example], list[Example]]:
        """Read what is learnt from, and what the best model is chosen by."""
        train, dev = self.read(data, "train", "en"), self.read(data, "dev", "en")
        _log.info("%s: fine-tuning on %d examples", self.name, len(train))
        return train, dev

    def find_split(self, data: Folder, split: Split, language: str) -> Path:
        """Name the file of a split that has to be there."""
        if split not in get_args(Split):
            raise ConfigError(f"{split!r} is not a split; {suggest(split, get_args(Split))}")
        return find_file(data, self.name, language, split)

    def fetch_language(
        self, language: str, texts: Path, labels: Path, revision: str | None
    ) -> None:
        """Write dev and test; the labels of test stand apart."""
        if language != "en" and language not in self.without_dev:
            self._fetch_labelled("dev", language, texts, revision)
        source = self.open_rows("test", language, revision)
        lines = list(self.list_lines(source))
        for folder, side in ((texts, 0), (labels, 1)):
            path = folder / f"test-{language}.tsv"
            write_lines(path, chain(*(row[side] for row in lines)), source=source.place)

    def fetch_training(self, texts: Path, revision: str | None) -> None:
        """Write English train and dev."""
        self._fetch_labelled("train", "en", texts, revision)
        self._fetch_labelled("dev", "en", texts, revision)

    def _fetch_labelled(
        self, split: Split, language: str, texts: Path, revision: str | None
    ) -> None:
        source = self.open_rows(split, language, revision)
        lines = (line for row in self.list_lines(source) for line in row.labelled)
        write_lines(texts / f"{split}-{language}.tsv", lines, source=source.place)

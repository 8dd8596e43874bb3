"""Tasks that an encoder is fine-tuned for on English and tested on in every language (zero-shot).

Training, and the choice of the best model on the English development set, are the business of
:mod:`crosszero.tasks.finetune`. Source: Hu et al. 2020, section 3.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

from crosszero.config import build
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.hub import HubTask
from crosszero.tasks.prediction_files import find_file

Example = TypeVar("Example")
Split = Literal["train", "dev", "test"]
_log = logging.getLogger("crosszero")


class Model(Protocol):
    """What fine-tuning gives: a classifier or a tagger."""

    def predict(self, examples: Any, /) -> Any:
        """Give the label of each pair, or the tags of each sentence."""
        ...


class FineTunedTask(HubTask, Generic[Example]):
    """A task whose English part an encoder is fine-tuned on.

    Attributes:
        labels: or tags, in the order in which XTREME numbers them.
        fine_tuning: XTREME's settings where they differ from :class:`FineTuneConfig`'s defaults.
    """

    needs = "model"
    protocol = "xtreme"
    fine_tuned = True
    gold_files = True
    labels: tuple[str, ...]
    fine_tuning: Mapping[str, Any]

    @abstractmethod
    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[Example]:
        """Read the examples of ``<data>/<name>/<split>-<xx>.tsv``, as XTREME's script leaves them.

        Args:
            data: the folder that holds ``<name>/`` and ``labels/``.
            split: train and dev hold their labels, test has them in ``labels/<name>/``.
            language: such as ``fr``.
            gold: give the examples of the test split their labels.

        Raises:
            DataError: a file is missing, damaged, not UTF-8 or empty, a line has another number of
                columns, a label is unknown, or labels and test data differ in number.
            ConfigError: another split, or not a language code.
        """

    @abstractmethod
    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Model:
        """Fine-tune an encoder on the English part, keep the model that is best on English dev.

        Args:
            encoder: ``crosszero-mini``, a folder or a hub id.
            data: folder that holds ``<name>/train-en.tsv`` and ``<name>/dev-en.tsv``.
            config: settings, such as :meth:`make_config` gives.
            out: new or empty folder of the model.

        Raises:
            CrosszeroError: data or encoder can't be used.
        """

    @abstractmethod
    def load_model(self, folder: Path) -> Model:
        """Load what :meth:`fine_tune` left."""

    @abstractmethod
    def write(self, predictions: str | Path, language: str, found: Any) -> Path:
        """Write the predictions of a language.

        Raises:
            DataError: there are none, or one is no label of the task.
        """

    def make_config(self, **changes: Any) -> FineTuneConfig:
        """Give XTREME's settings of fine-tuning for this task.

        Args:
            changes: settings that shall differ, as YAML gives them: ``2e-5`` may be text.

        Raises:
            ConfigError: a setting is unknown, or a value is of the wrong type or out of range.

        Source:
            docs/xtreme.md; google-research/xtreme, scripts/train_*.sh.
        """
        return build(FineTuneConfig, {**self.fine_tuning, **changes})

    def list_training_files(self, data: str | Path) -> list[Path]:
        """List the files that a fine-tuned model depends on."""
        return [Path(data) / self.name / f"{split}-en.tsv" for split in ("train", "dev")]

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, list[Example]]]:
        """Read the test examples of each language, with gold."""
        for language in self.choose_languages(data, languages):
            yield language, self.read(data, "test", language, gold=True)

    def load_gold(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read ``labels/<name>/test-<xx>.tsv``."""
        for language in self.choose_languages(data, languages):
            yield language, self.read_labels(Path(data) / "labels", language)

    def predict(
        self,
        model: Model,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Write ``<name>/test-<xx>.tsv``; no gold is read."""
        chosen = self.choose_languages(data, languages)
        tests = {language: self.read(data, "test", language) for language in chosen}
        return [self.write(predictions, code, model.predict(rows)) for code, rows in tests.items()]

    def check_label(self, label: str, path: str | Path, line: int) -> None:
        """See that a label belongs to the task; `path` and `line` are for the message.

        Raises:
            DataError: it does not.
        """
        if label not in self.labels:
            hint = suggest(label, self.labels)
            raise DataError(path, f"{label!r} is not a label of {self.name}; {hint}", line)

    def _read_english(self, data: str | Path) -> tuple[list[Example], list[Example]]:
        train, dev = self.read(data, "train", "en"), self.read(data, "dev", "en")
        _log.info("%s: fine-tuning on %d examples", self.name, len(train))
        return train, dev

    def _find(self, data: str | Path, split: Split, language: str) -> Path:
        if split not in get_args(Split):
            raise ConfigError(f"{split!r} is not a split; {suggest(split, get_args(Split))}")
        return find_file(data, self.name, language, split)

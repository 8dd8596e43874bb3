"""XNLI, PAWS-X, UDPOS, PANX: fine-tuned on English, tested in every language without more training.

Training, and the choice of the best model on the English development set, are the business of
:mod:`crosszero.tasks.finetune`. Source: Hu et al. 2020, section 3.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from crosszero.errors import DataError
from crosszero.tasks import labels
from crosszero.tasks.finetune.classification import Classifier, fine_tune_classifier
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.finetune.tagging import Tagger, fine_tune_tagger
from crosszero.tasks.outputs import choose_languages
from crosszero.tasks.predictions import write_labels, write_tags
from crosszero.tasks.rows import Split, read_pairs, read_tagged
from crosszero.tasks.scoring import score_predictions
from crosszero.tasks.spans import score_spans
from crosszero.tasks.task import TaskScore

Example = TypeVar("Example")
_log = logging.getLogger("crosszero")


class Model(Protocol):
    """What fine-tuning gives: a classifier or a tagger."""

    def predict(self, examples: Any, /) -> Any:
        """Give the label of each pair, or the tags of each sentence."""
        ...


class ZeroShotTask(ABC, Generic[Example]):
    """A task whose English part an encoder is fine-tuned on.

    Args:
        name: the folder of its data and of its predictions.
    """

    fine_tuned = True

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[Example]:
        """Read the examples of a split; see :mod:`crosszero.tasks.rows`."""

    @abstractmethod
    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Model:
        """Fine-tune an encoder on the English part of the data.

        Args:
            encoder: ``crosszero-mini``, a folder or a hub id.
            data: folder that holds ``<name>/train-en.tsv`` and ``<name>/dev-en.tsv``.
            config: settings.
            out: folder of the model, of which an unfinished run goes on.

        Raises:
            CrosszeroError: data or encoder can't be used.
        """

    @abstractmethod
    def load_model(self, folder: Path) -> Model:
        """Load what :meth:`fine_tune` left."""

    @abstractmethod
    def write(self, predictions: str | Path, language: str, found: Any) -> Path:
        """Write the predictions of a language."""

    def list_languages(self, data: str | Path) -> list[str]:
        """List the languages that have a test file or a gold file, sorted; DataError if none."""
        folders = (Path(data), Path(data) / "labels")
        found = {code for folder in folders for code in labels.list_languages(folder, self.name)}
        if not found:
            raise DataError(data, f"holds no test data of {self.name} ({self.name}/test-<xx>.tsv)")
        return sorted(found)

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, list[Example]]]:
        """Read the test examples of each language, with gold.

        Args:
            data: folder that holds ``<name>/`` and ``labels/``.
            languages: which; None for all.

        Raises:
            ConfigError: a language is not in the data.
            DataError: test data or gold are missing, can't be used, or differ in number.
        """
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            yield language, self.read(data, "test", language, gold=True)

    def predict(
        self,
        model: Model,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Write ``<name>/test-<xx>.tsv``; no gold is read.

        Args:
            model: fine-tuned.
            data: folder that holds ``<name>/``.
            predictions: folder of the predictions.
            languages: which; None for all.

        Returns:
            The files.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """
        chosen = choose_languages(self.name, languages, self.list_languages(data))
        tests = {language: self.read(data, "test", language) for language in chosen}
        return [self.write(predictions, code, model.predict(rows)) for code, rows in tests.items()]

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[TaskScore]:
        """Score the prediction files; see :mod:`crosszero.tasks.scoring`.

        Args:
            predictions: folder of the predictions.
            data: folder that holds ``<name>/`` and ``labels/``.
            languages: which; None for all.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """
        chosen = choose_languages(self.name, languages, self.list_languages(data))
        return score_predictions(predictions, Path(data) / "labels", [self.name], chosen)

    def _read_english(self, data: str | Path) -> tuple[list[Example], list[Example]]:
        train, dev = self.read(data, "train", "en"), self.read(data, "dev", "en")
        _log.info("%s: fine-tuning on %d examples", self.name, len(train))
        return train, dev


class PairClassification(ZeroShotTask[SentencePairExample]):
    """The tasks ``xnli`` and ``pawsx``: what holds between two sentences.

    Example:
        >>> task = PairClassification("xnli")
        >>> config = FineTuneConfig.for_task("xnli")
        >>> model = task.fine_tune("runs/one", "xtreme", config, Path("model"))   # doctest: +SKIP
        >>> task.predict(model, "xtreme", "out", ["fr"])                          # doctest: +SKIP
        [PosixPath('out/xnli/test-fr.tsv')]
    """

    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[SentencePairExample]:
        """Read pairs of sentences."""
        return read_pairs(data, self.name, split, language, gold=gold)

    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Classifier:
        """Fine-tune; the best model is the one with the highest accuracy on English dev."""
        return fine_tune_classifier(encoder, *self._read_english(data), config, out=out)

    def load_model(self, folder: Path) -> Classifier:
        """Load a classifier."""
        return Classifier.load(folder)

    def write(self, predictions: str | Path, language: str, found: Sequence[str]) -> Path:
        """Write a label a line."""
        return write_labels(predictions, self.name, language, found)


class WordTagging(ZeroShotTask[TaggedSentence]):
    """The tasks ``udpos`` and ``panx``: a tag for each word.

    Example:
        >>> task = WordTagging("panx")
        >>> task.predict(task.load_model(Path("model")), "xtreme", "out", ["fr"])  # doctest: +SKIP
        [PosixPath('out/panx/test-fr.tsv')]
    """

    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[TaggedSentence]:
        """Read sentences."""
        return read_tagged(data, self.name, split, language, gold=gold)

    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Tagger:
        """Fine-tune; the best model is the one with the highest span F1 on English dev."""
        train, dev = self._read_english(data)
        return fine_tune_tagger(encoder, train, dev, config, metric=_span_f1, out=out)

    def load_model(self, folder: Path) -> Tagger:
        """Load a tagger."""
        return Tagger.load(folder)

    def write(self, predictions: str | Path, language: str, found: Sequence[Sequence[str]]) -> Path:
        """Write a tag a line, an empty line between sentences."""
        return write_tags(predictions, self.name, language, found)


def _span_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    return score_spans(predicted, gold).f1

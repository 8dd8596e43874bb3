"""XNLI, PAWS-X, UDPOS, PANX: fine-tuned on English, tested in every language without more training.

Training, and the choice of the best model on the English development set, are the business of
:mod:`crosszero.tasks.finetune`. Source: Hu et al. 2020, section 3.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from crosszero.config import build
from crosszero.tasks.blocks import check_counts
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.labels import locate_file
from crosszero.tasks.predictions import (
    check_lines,
    read_labels,
    read_tags,
    write_labels,
    write_tags,
)
from crosszero.tasks.rows import Split, read_pairs, read_tagged
from crosszero.tasks.tag_spans import find_spans, score_spans
from crosszero.tasks.task import Items, Score, Task, count_hits

if TYPE_CHECKING:
    from crosszero.tasks.finetune.classification import Classifier
    from crosszero.tasks.finetune.tagging import Tagger

Example = TypeVar("Example")
_log = logging.getLogger("crosszero")


class Model(Protocol):
    """What fine-tuning gives: a classifier or a tagger."""

    def predict(self, examples: Any, /) -> Any:
        """Give the label of each pair, or the tags of each sentence."""
        ...


class FineTunedTask(Task, Generic[Example]):
    """A task whose English part an encoder is fine-tuned on.

    Args:
        name: the folder of its data and of its predictions.
        title: of its column.
        rank: place among the tasks.
        fine_tuning: what XTREME's settings change of :class:`FineTuneConfig`'s defaults.
    """

    needs = "model"
    protocol = "xtreme"
    fine_tuned = True
    gold_files = True

    def __init__(self, name: str, title: str, rank: int, **fine_tuning: Any) -> None:
        self.name, self.title, self.rank = name, title, rank
        self._fine_tuning = fine_tuning

    def make_config(self, **changes: Any) -> FineTuneConfig:
        """Give XTREME's settings of fine-tuning for this task.

        Args:
            changes: settings that shall differ, as YAML gives them: ``2e-5`` may be text.

        Raises:
            ConfigError: a setting is unknown, or a value is of the wrong type or out of range.

        Example:
            >>> TASKS[0].make_config(seed=7).seed
            7

        Source:
            docs/xtreme.md; google-research/xtreme, scripts/train_*.sh.
        """
        return build(FineTuneConfig, self._fine_tuning | changes)

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
        for language in self.choose_languages(data, languages):
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
        chosen = self.choose_languages(data, languages)
        tests = {language: self.read(data, "test", language) for language in chosen}
        return [self.write(predictions, code, model.predict(rows)) for code, rows in tests.items()]

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the prediction files against ``labels/<name>/test-<xx>.tsv``."""
        chosen = self.choose_languages(data, languages)
        return self.score_labels(Path(predictions), Path(data) / "labels", chosen)

    def list_training_files(self, data: str | Path) -> list[Path]:
        """List the files that a fine-tuned model depends on."""
        return [Path(data) / self.name / f"{split}-en.tsv" for split in ("train", "dev")]

    def _score(self, metric: str, language: str, value: float, count: int) -> Score:
        return Score(task=self.name, metric=metric, language=language, value=value, count=count)

    def _read_english(self, data: str | Path) -> tuple[list[Example], list[Example]]:
        train, dev = self.read(data, "train", "en"), self.read(data, "dev", "en")
        _log.info("%s: fine-tuning on %d examples", self.name, len(train))
        return train, dev


class PairClassification(FineTunedTask[SentencePairExample]):
    """The tasks ``xnli`` and ``pawsx``: what holds between two sentences.

    Example:
        >>> task = find_task("xnli")                                              # doctest: +SKIP
        >>> config = task.make_config(steps=1000)                                 # doctest: +SKIP
        >>> model = task.fine_tune("runs/one", "xtreme", config, Path("model"))   # doctest: +SKIP
        >>> task.predict(model, "xtreme", "out", ["fr"])                          # doctest: +SKIP
        [PosixPath('out/xnli/test-fr.tsv')]
    """

    metric = "accuracy"
    unit = "pairs"
    robust = True

    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[SentencePairExample]:
        """Read pairs of sentences."""
        return read_pairs(data, self.name, split, language, gold=gold)

    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Classifier:
        """Fine-tune; the best model is the one with the highest accuracy on English dev."""
        from crosszero.tasks.finetune.classification import fine_tune_classifier

        return fine_tune_classifier(encoder, *self._read_english(data), config, out=out)

    def load_model(self, folder: Path) -> Classifier:
        """Load a classifier."""
        from crosszero.tasks.finetune.classification import Classifier

        return Classifier.load(folder)

    def write(self, predictions: str | Path, language: str, found: Sequence[str]) -> Path:
        """Write a label a line."""
        return write_labels(predictions, self.name, language, found)

    def score_labels(
        self, predictions: Path, labels: Path, languages: Sequence[str]
    ) -> list[Score]:
        """Give the accuracy."""
        scores = []
        for language in languages:
            hits = self._compare(predictions, labels, language)
            scores.append(self._score("accuracy", language, sum(hits) / len(hits), len(hits)))
        return scores

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Items are the pairs."""
        return count_hits(self._compare(Path(predictions), Path(data) / "labels", language))

    def _compare(self, predictions: Path, labels: Path, language: str) -> list[bool]:
        gold = read_labels(labels, self.name, language)
        found = read_labels(predictions, self.name, language)
        check_lines(predictions, labels, self.name, language, found, gold)
        return [one == other for one, other in zip(found, gold, strict=True)]


class WordTagging(FineTunedTask[TaggedSentence]):
    """The tasks ``udpos`` and ``panx``: a tag for each word.

    Example:
        >>> task = WordTagging("panx")
        >>> task.predict(task.load_model(Path("model")), "xtreme", "out", ["fr"])  # doctest: +SKIP
        [PosixPath('out/panx/test-fr.tsv')]
    """

    metric = "f1"
    unit = "spans"
    note = "F1 of spans as seqeval 1.2.2 counts them; accuracy over words."

    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[TaggedSentence]:
        """Read sentences."""
        return read_tagged(data, self.name, split, language, gold=gold)

    def fine_tune(
        self, encoder: str | Path, data: str | Path, config: FineTuneConfig, out: Path
    ) -> Tagger:
        """Fine-tune; the best model is the one with the highest span F1 on English dev."""
        from crosszero.tasks.finetune.tagging import fine_tune_tagger

        train, dev = self._read_english(data)
        return fine_tune_tagger(encoder, train, dev, config, metric=_span_f1, out=out)

    def load_model(self, folder: Path) -> Tagger:
        """Load a tagger."""
        from crosszero.tasks.finetune.tagging import Tagger

        return Tagger.load(folder)

    def write(self, predictions: str | Path, language: str, found: Sequence[Sequence[str]]) -> Path:
        """Write a tag a line, an empty line between sentences."""
        return write_tags(predictions, self.name, language, found)

    def score_labels(
        self, predictions: Path, labels: Path, languages: Sequence[str]
    ) -> list[Score]:
        """Give the F1 of spans and the accuracy over words."""
        scores = []
        for language in languages:
            found, gold = self._read_tags(predictions, labels, language)
            spans = score_spans(found, gold)
            words = list(zip(chain(*found), chain(*gold), strict=True))
            hits = sum(one == other for one, other in words)
            scores += [
                self._score("f1", language, spans.f1, spans.size),
                self._score("accuracy", language, hits / len(words), len(words)),
            ]
        return scores

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Items are sentences: twice the right spans, predicted and gold spans that end in them."""
        found, gold = self._read_tags(Path(predictions), Path(data) / "labels", language)
        one, other = find_spans(found), find_spans(gold)
        ends = np.cumsum([len(tags) + 1 for tags in gold])  # one empty place after each sentence

        def count(spans: Iterable[tuple[str, int, int]]) -> Items:
            places = np.searchsorted(ends, [last for _, _, last in spans], side="right")
            return np.bincount(places, minlength=len(gold)).astype(np.int64)

        return np.stack([2 * count(one & other), count(one) + count(other)], axis=1)

    def _read_tags(
        self, predictions: Path, labels: Path, language: str
    ) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        gold = read_tags(labels, self.name, language)
        found = read_tags(predictions, self.name, language)
        paths = [locate_file(folder, self.name, language) for folder in (predictions, labels)]
        check_counts(paths[0], found, paths[1], gold)
        return found, gold


def _span_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    return score_spans(predicted, gold).f1


TASKS = (
    PairClassification("xnli", "XNLI", 10, epochs=5.0, eval_every=100, seed=42),
    PairClassification("pawsx", "PAWS-X", 20, epochs=5.0, eval_every=200, seed=42),
    WordTagging("udpos", "POS", 30, epochs=10.0, eval_every=500, seed=1),
    WordTagging("panx", "NER", 40, epochs=10.0, eval_every=1000, seed=1),
)

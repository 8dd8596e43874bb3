"""What XNLI and PAWS-X share: what holds between two sentences, their files, their score.

Sentences are given as the file has them. XTREME wrote them as csv: a field that holds a quotation
mark stands in quotation marks, with those inside doubled. Its reader does NOT undo that, so the
models that it measures see the doubled marks, and so do those that are measured here.

Source: ``utils_preprocess.py`` and ``third_party/processors`` of
https://github.com/google-research/xtreme.
"""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from crosszero.bitext import lines as text_lines
from crosszero.bitext.numbered import read_lines
from crosszero.errors import DataError
from crosszero.tasks.fine_tuned_task import FineTunedTask, Split
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.hub import Rows, take_text
from crosszero.tasks.prediction_files import check_count, find_file, name_file, write_lines
from crosszero.tasks.task import Items, count_hits

if TYPE_CHECKING:
    from crosszero.tasks.finetune.classification import Classifier


class SentencePairTask(FineTunedTask[SentencePairExample]):
    """A label for each pair of sentences, scored by accuracy.

    Example:
        >>> task = find_task("xnli")                                              # doctest: +SKIP
        >>> config = task.make_config(steps=1000)                                 # doctest: +SKIP
        >>> model = task.fine_tune("runs/one", "xtreme", config, Path("model"))   # doctest: +SKIP
        >>> task.predict(model, "xtreme", "out", ["fr"])                          # doctest: +SKIP
        [PosixPath('out/xnli/test-fr.tsv')]
    """

    metric = "accuracy"
    unit = "pairs of sentences"
    robust = True
    columns: ClassVar[tuple[str, str, str]]  # of the hub: two sentences and their label

    def read(
        self, data: str | Path, split: Split, language: str, *, gold: bool = False
    ) -> list[SentencePairExample]:
        """Read pairs, one for each line. A sentence may be empty, as XTREME allows."""
        path = self._find(data, split, language)
        needed = 2 if split == "test" else 3
        examples = []
        for number, line in enumerate(text_lines.read_lines(path), start=1):
            if isinstance(line, text_lines.BadText):
                raise DataError(path, line.message, number)
            columns = line.split("\t")
            if len(columns) != needed:
                raise DataError(
                    path,
                    f"{needed} columns parted by tabs are needed, {len(columns)} found",
                    number,
                )
            if needed == 3:
                self.check_label(columns[2], path, number)
            examples.append(SentencePairExample(*columns))
        if not gold or split != "test":
            return examples
        folder = Path(data) / "labels"
        labels = self.read_labels(folder, language)
        place = name_file(folder, self.name, language)
        check_count(place, len(labels), len(examples), f"{self.unit} in {path}")
        pairs = zip(examples, labels, strict=True)
        return [SentencePairExample(pair.first, pair.second, label) for pair, label in pairs]

    def read_labels(self, labels: str | Path, language: str) -> list[str]:
        """Read a file of labels, gold or predicted."""
        path = find_file(labels, self.name, language)
        found = read_lines(path)
        for number, label in enumerate(found, start=1):
            self.check_label(label, path, number)
        return found

    def read_predictions(
        self, predictions: str | Path, language: str, gold: Sequence[str]
    ) -> list[str]:
        """Read a label for each pair."""
        found = self.read_labels(predictions, language)
        path = name_file(predictions, self.name, language)
        check_count(path, len(found), len(gold), self.unit)
        return found

    def count(self, found: Sequence[str], gold: Sequence[str]) -> Items:
        """Items are the pairs."""
        return count_hits(one == other for one, other in zip(found, gold, strict=True))

    def write(self, predictions: str | Path, language: str, found: Sequence[str]) -> Path:
        """Write a label a line."""
        path = name_file(predictions, self.name, language)
        for number, label in enumerate(found, start=1):
            self.check_label(label, path, number)
        return write_lines(path, found, source=path)

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

    @abstractmethod
    def open_rows(self, split: Split, language: str, revision: str | None) -> Rows:
        """Open a split of the hub."""

    def fetch_language(
        self, language: str, texts: Path, labels: Path, revision: str | None
    ) -> None:
        """Write dev and test; the label of a test pair stands apart."""
        if language != "en":
            self._fetch_labelled("dev", language, texts, revision)
        source = self.open_rows("test", language, revision)
        pairs = list(self._list_pairs(source))
        name = f"test-{language}.tsv"
        write_lines(texts / name, _write_csv(pair[:2] for pair in pairs), source=source.place)
        write_lines(labels / name, (label for *_, label in pairs), source=source.place)

    def fetch_training(self, texts: Path, revision: str | None) -> None:
        """Write English train and dev."""
        for split in ("train", "dev"):
            self._fetch_labelled(split, "en", texts, revision)

    def _fetch_labelled(
        self, split: Split, language: str, texts: Path, revision: str | None
    ) -> None:
        source = self.open_rows(split, language, revision)
        lines = _write_csv(self._list_pairs(source))
        write_lines(texts / f"{split}-{language}.tsv", lines, source=source.place)

    def _list_pairs(self, source: Rows) -> Iterator[tuple[str, str, str]]:
        for number, row in enumerate(source.rows, start=1):
            first, second, label = (take_text(row, name, source.place) for name in self.columns)
            self.check_label(label, source.place, number)
            yield _flatten(first), _flatten(second), label


def _flatten(text: str) -> str:
    """A text that fits into a line and a column."""
    return " ".join(text.replace("\t", " ").splitlines())


def _write_csv(rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Tabs, CRLF, a field with quotation marks in quotation marks: as XTREME writes them."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, delimiter="\t").writerow(row)
        yield line.getvalue().removesuffix("\n")  # leaves the carriage return

"""What XNLI and PAWS-X share: what holds between two sentences, their files, their score.

Sentences are used as they are in the file. XTREME wrote them as CSV: a field that contains a
quotation mark is quoted, and the marks inside are doubled. Its reader does NOT undo that, so models
see the doubled marks, there and here.

Source: ``utils_preprocess.py`` and ``third_party/processors`` of
https://github.com/google-research/xtreme.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from crosszero.bitext.decoding import BadText
from crosszero.bitext.lines import read_lines, require_lines
from crosszero.errors import DataError
from crosszero.tasks.fine_tuned_task import FineTunedTask, Lines, Split
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample
from crosszero.tasks.hub import Rows, take_text
from crosszero.tasks.prediction_files import check_count, name_file
from crosszero.tasks.task import Folder, Items, count_hits

if TYPE_CHECKING:
    from crosszero.tasks.finetune.classification import Classifier

_log = logging.getLogger("crosszero")


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
        self, data: Folder, split: Split, language: str, *, gold: bool = False
    ) -> list[SentencePairExample]:
        """Read pairs, one for each line. A sentence may be empty, as XTREME allows."""
        path = self.find_split(data, split, language)
        needed = 2 if split == "test" else 3
        rows = []
        for number, line in enumerate(read_lines(path), start=1):
            if isinstance(line, BadText):
                raise DataError(path, line.message, number)
            rows.append(line.split("\t"))
            if len(rows[-1]) != needed:
                message = f"{len(rows[-1])} columns found; {needed}, separated by tabs, are needed"
                raise DataError(path, message, number)
            if needed == 3:
                self.check_label(rows[-1][2], path, number)
        if gold and split == "test":
            folder = Path(data) / "labels"
            labels = self.read_labels(folder, language)
            self.check_fit(name_file(folder, self.name, language), labels, rows, str(path))
            rows = [[*row, label] for row, label in zip(rows, labels, strict=True)]
        return [SentencePairExample(*row) for row in rows]

    def parse(self, path: Path) -> list[str]:
        """Read a label a line."""
        return list(require_lines(path))

    def number(self, found: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Number the lines."""
        return enumerate(found, start=1)

    def check_fit(self, path: Path, found: Sized, gold: Sized, place: str) -> None:
        """There must be as many labels as pairs."""
        check_count(path, len(found), len(gold), f"{self.unit} in {place}")

    def count(self, found: Sequence[str], gold: Sequence[str]) -> Items:
        """Items are the pairs."""
        return count_hits(one == other for one, other in zip(found, gold, strict=True))

    def fine_tune(
        self, encoder: str | Path, data: Folder, config: FineTuneConfig, out: Path
    ) -> Classifier:
        """Fine-tune; accuracy on English dev decides."""
        from crosszero.tasks.finetune.classification import fine_tune_classifier

        train, dev = self.read_english(data)
        if missing := set(self.labels) - {example.label for example in train}:
            _log.warning(
                "%s has no example of %s: a model that learns from it never predicts that",
                self.find_split(data, "train", "en"),
                " or ".join(sorted(missing)),
            )
        return fine_tune_classifier(encoder, train, dev, config, out=out)

    def load_model(self, folder: Path) -> Classifier:
        """Load a classifier."""
        from crosszero.tasks.finetune.classification import Classifier

        return Classifier.load(folder)

    def list_lines(self, source: Rows) -> Iterator[Lines]:
        """Texts as XTREME's csv has them."""
        for number, row in enumerate(source.rows, start=1):
            first, second, label = (take_text(row, name, source.place) for name in self.columns)
            self.check_label(label, source.place, number)
            pair = _flatten(first), _flatten(second)
            yield Lines([_write_csv(*pair)], [label], [_write_csv(*pair, label)])


def _flatten(text: str) -> str:
    """A text that fits into a line and a column."""
    return " ".join(text.replace("\t", " ").splitlines())


def _write_csv(*columns: str) -> str:
    """Tabs, CRLF, a field with quotation marks in quotation marks: as XTREME writes them."""
    line = io.StringIO()
    csv.writer(line, delimiter="\t").writerow(columns)
    return line.getvalue().removesuffix("\n")  # leaves the carriage return

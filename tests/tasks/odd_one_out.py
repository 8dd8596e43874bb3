"""Odd one out: three sentences a line, of which one means something else.

The data are ``<data>/odd-one-out/test-<xx>.tsv``, three sentences parted by tabs a line, and
``<data>/labels/odd-one-out/test-<xx>.tsv``, the place of the odd one, from 0.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.bitext.lines import require_lines
from crosszero.search.mining import SentenceEncoder
from crosszero.tasks.prediction_files import (
    find_file,
    name_file,
    read_numbers,
    write_lines,
)
from crosszero.tasks.task import Items, Task, count_hits


class OddOneOut(Task):
    """The task ``odd-one-out``."""

    name = "odd-one-out"
    title = "odd one"
    metric = "accuracy"
    unit = "lines"
    needs = "sentences"

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, tuple[list[str], list[int]]]]:
        """Read lines and gold."""
        for language in self.choose_languages(data, languages):
            lines = list(require_lines(find_file(data, self.name, language)))
            gold = find_file(Path(data) / "labels", self.name, language)
            yield language, (lines, read_numbers(gold, len(lines), 3, unit=self.unit))

    def predict(
        self,
        model: SentenceEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Take the sentence that is least like the others."""
        written = []
        for language, (lines, _) in self.load(data, languages):
            texts = [text for line in lines for text in line.split("\t")]
            vectors = np.asarray(model.encode(texts)).reshape(len(lines), 3, -1)
            likeness = np.einsum("lih,ljh->li", vectors, vectors)
            path = name_file(predictions, self.name, language)
            written.append(write_lines(path, likeness.argmin(axis=1)))
        return written

    def read_predictions(self, predictions: str | Path, language: str, gold: Any) -> list[int]:
        """Read a place for each line."""
        path = find_file(predictions, self.name, language)
        return read_numbers(path, len(gold[1]), 3, unit=self.unit)

    def count(self, found: list[int], gold: Any) -> Items:
        """Items are the lines."""
        return count_hits(np.equal(found, gold[1]))


TASKS = (OddOneOut(),)

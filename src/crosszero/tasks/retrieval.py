"""Retrieval over held-out samples: queries in one language, answers in the other.

The data is a store of samples that no training has seen, as ``crosszero prepare --hold-out`` writes
it. A prediction file has a line for each query with the 0-based number of a candidate. The nearest
is searched by cosine, without a margin.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.samples.columns import METADATA
from crosszero.search.neighbours import AnyFloats, check_some, find_neighbours
from crosszero.tasks.prediction_files import find_file, name_file, read_numbers, write_lines
from crosszero.tasks.task import Folder, Languages, Task


def find_nearest(queries: AnyFloats, candidates: AnyFloats) -> list[int]:
    """Find the nearest candidate of every query, of (queries, dim) and (candidates, dim) vectors.

    Returns:
        (queries,) row numbers; on a tie the lowest. -1 for a vector of zeros, of which the model
        saw nothing: it would tie with everything.

    Raises:
        CrosszeroError: there are no queries or no candidates, or a vector is not finite.

    Example:
        >>> find_nearest(np.eye(3), np.eye(3)[[1, 2, 0]])
        [2, 0, 1]
    """
    check_some(queries, candidates)
    found = find_neighbours(queries, candidates).index[:, 0]
    return [int(row) for row in np.where(np.asarray(queries).any(axis=1), found, -1)]


class RetrievalTask(Task):
    """A task whose "languages" are directions such as ``en-fr``: who asks, and who is asked.

    What is asked in a direction has `queries` and `candidates`.
    """

    data_setting = "held_out"
    pairs_of_languages = True

    @abstractmethod
    def ask(self, data: Folder, languages: Languages) -> Iterator[Mapping[str, Any]]:
        """Read what is asked in each direction, as many directions at once as memory allows."""

    @abstractmethod
    def answer(self, encoder: Any, asked: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
        """Find for each direction the nearest candidate of each query; -1 for none."""

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, Any]]:
        """Read what is asked, and what is right, in each direction."""
        for asked in self.ask(data, languages):
            yield from asked.items()

    def predict(
        self, encoder: Any, data: Folder, predictions: Folder, languages: Languages = None
    ) -> list[Path]:
        """Search what is nearest to every query; -1 stands for a vector of zeros."""
        return [
            write_lines(name_file(predictions, self.name, direction), found)
            for asked in self.ask(data, languages)
            for direction, found in self.answer(encoder, asked)
        ]

    def read_predictions(self, predictions: Folder, language: str, gold: Any) -> list[int]:
        """Read a number for each query."""
        path = find_file(predictions, self.name, language)
        sizes = len(gold.queries), len(gold.candidates)
        return read_numbers(path, *sizes, unit=f"{self.unit} that ask", unanswered=True)

    def locate(self, data: Folder) -> Path:
        """The store: in `data` by the task's or the words' name, or `data` itself."""
        for name in (self.name, "word-retrieval"):
            if (Path(data) / name).exists():
                return Path(data) / name
        return Path(data) if (Path(data) / METADATA).is_file() else Path(data) / self.name

    def list_files(self, data: Folder) -> list[Path]:
        """The store."""
        store = self.locate(data)
        return [store] if store.exists() else []

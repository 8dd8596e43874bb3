"""Small files, and encoders whose vectors a test can foresee."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from crosszero.tasks.catalogue import find_task
from crosszero.tasks.fine_tuned_task import FineTunedTask, Split
from crosszero.tasks.score import Score


def write(path: Path, lines: list[str], *, ending: str = "\n", start: bytes = b"") -> None:
    """Write lines, in the way of the system that `ending` and `start` tell of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(start + "".join(line + ending for line in lines).encode())


class Table:
    """Vectors by text, with small differences so that nothing ties; unknown texts get zeros."""

    def __init__(self, meanings: dict[str, int]) -> None:
        self.meanings = meanings

    def encode(self, texts: list[str]) -> np.ndarray:
        """One direction for each meaning."""
        rows = np.zeros((len(texts), 30))
        for row, text in zip(rows, texts, strict=True):
            if text in self.meanings:
                row[self.meanings[text]] = 1.0
                row[29] = 0.5  # real sentences are never quite unlike
                row[20:29] = np.random.default_rng(len(text)).normal(size=9) / 50
        return rows

    def encode_words(self, texts: list[str], spans: list[list[tuple[int, int]]]) -> list:
        """The same for words."""
        return [
            self.encode([text[start:end] for start, end in words])
            for text, words in zip(texts, spans, strict=True)
        ]


def find_fine_tuned(task: str) -> FineTunedTask[Any]:
    """A task by its name, which has to be one that is fine-tuned."""
    found = find_task(task)
    assert isinstance(found, FineTunedTask)
    return found


def read(data: Path, task: str, split: Split, language: str, *, gold: bool = False) -> list[Any]:
    """Examples of a task."""
    return find_fine_tuned(task).read(data, split, language, gold=gold)


def make_score(name: str, language: str, value: float, count: int) -> Score:
    """A score by its name, such as ``udpos/f1``."""
    task, metric = name.split("/")
    return Score(task=task, metric=metric, language=language, value=value, count=count)


def count_items(task, predictions, data, language):
    """Count the items of one language, as ``crosszero compare`` does."""
    ((code, gold),) = task.load_gold(data, [language])
    return task.count(task.read_predictions(predictions, code, gold), gold)

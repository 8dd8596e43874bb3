"""What every evaluation task offers: languages, predictions in XTREME's format, scores of them.

Scores are always computed from the files that were written, never from what is in memory, so that
anybody who reads the files gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class TaskScore(NamedTuple):
    """One number of one language.

    Attributes:
        metric: names protocol, task and measure: ``xtreme/udpos/f1``.
        language: such as ``fr``; ``en-fr`` where two are measured together.
        value: share in [0, 1].
        size: items it was measured on.
    """

    metric: str
    language: str
    value: float
    size: int


class Task(Protocol):
    """One evaluation task.

    Attributes:
        name: such as ``udpos``; the folder of its data and of its predictions.
        fine_tuned: whether an encoder is trained on the English part first.
    """

    name: str
    fine_tuned: bool

    def list_languages(self, data: Path) -> list[str]:
        """List the languages that can be tested with what is in `data`, sorted."""
        ...

    def score(
        self, predictions: Path, data: Path, languages: Sequence[str] | None = None
    ) -> list[TaskScore]:
        """Score the files ``predictions/<name>/test-<xx>.tsv`` against the gold in `data`."""
        ...

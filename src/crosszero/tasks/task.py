"""What every evaluation task offers: languages, data, predictions in XTREME's format, their scores.

Scores are always computed from the files that were written, never from what is in memory, so that
anybody who reads the files gets the same numbers. The eight tasks are in
:mod:`crosszero.tasks.catalogue`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol


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
        fine_tuned: whether an encoder is trained on the English part first; then the task is a
            :class:`crosszero.tasks.zero_shot.ZeroShotTask`.
    """

    name: str
    fine_tuned: bool

    def list_languages(self, data: Path, /) -> list[str]:
        """List the languages of which any test file is in `data`, sorted; DataError if none.

        A language that lacks one of its files is listed, too: left out, it would change the mean
        over languages unseen. To load it is an error.
        """
        ...

    def load(
        self, data: Path, languages: Sequence[str] | None = None, /
    ) -> Iterator[tuple[str, Any]]:
        """Read what languages are tested on, gold included, one language after the other.

        Raises:
            ConfigError: a language is not in the data.
            DataError: a file is missing or can't be used.
        """
        ...

    def predict(
        self, model: Any, data: Path, predictions: Path, languages: Sequence[str] | None = None, /
    ) -> list[Path]:
        """Run a model over the data and write ``predictions/<name>/test-<xx>.tsv``.

        The model is an encoder, or, for a task that is fine-tuned, what fine-tuning gave.
        """
        ...

    def score(
        self, predictions: Path, data: Path, languages: Sequence[str] | None = None, /
    ) -> list[TaskScore]:
        """Score the files ``predictions/<name>/test-<xx>.tsv`` against the gold in `data`."""
        ...


def check_data(task: Task, data: Path, languages: Sequence[str] | None = None) -> None:
    """See that all that a task is tested on can be read, before hours are spent on it.

    Raises:
        ConfigError, DataError: as :meth:`Task.load`.
    """
    for _ in task.load(data, languages):
        pass

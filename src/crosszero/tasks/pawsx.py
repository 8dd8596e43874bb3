"""PAWS-X: do two sentences that share most of their words say the same?"""

from __future__ import annotations

from types import MappingProxyType

from crosszero.tasks.fine_tuned_task import Split
from crosszero.tasks.hub import Rows, open_rows
from crosszero.tasks.sentence_pairs import SentencePairTask


class PawsX(SentencePairTask):
    """The task ``pawsx``: 1 is a paraphrase, 0 is none."""

    name = "pawsx"
    title = "PAWS-X"
    labels = ("0", "1")
    fine_tuning = MappingProxyType({"epochs": 5.0, "eval_every": 200, "seed": 42})
    hub_languages = ("de", "en", "es", "fr", "ja", "ko", "zh")
    columns = ("sentence1", "sentence2", "label")
    rank = 20

    def open_rows(self, split: Split, language: str, revision: str | None) -> Rows:
        """Open a split of the hub, which has everything, test labels included."""
        return open_rows(f"PAWS-X.{language}", split, revision)


TASKS = (PawsX(),)

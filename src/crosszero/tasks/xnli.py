"""XNLI: does one sentence follow from the other, contradict it, or neither?

The hub's ``google/xtreme`` has dev and test with their labels, all languages in one configuration.
It has no training data: the English part of ``facebook/xnli``, which is MultiNLI's training set,
takes its place.
"""

from __future__ import annotations

from types import MappingProxyType

from crosszero.tasks.fine_tuned_task import Split
from crosszero.tasks.hub import Rows, open_rows
from crosszero.tasks.sentence_pairs import SentencePairTask


class Xnli(SentencePairTask):
    """The task ``xnli``."""

    name = "xnli"
    title = "XNLI"
    labels = ("contradiction", "entailment", "neutral")
    fine_tuning = MappingProxyType({"epochs": 5.0, "eval_every": 100, "seed": 42, "copies": 3})
    hub_languages = (
        "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
    )  # fmt: skip
    columns = ("sentence1", "sentence2", "gold_label")
    rank = 10

    def open_rows(self, split: Split, language: str, revision: str | None) -> Rows:
        """Open a split of the hub; `revision` is that of ``google/xtreme``."""
        if split == "train":
            found = open_rows("en", split, name="facebook/xnli")
            columns = {"premise": "sentence1", "hypothesis": "sentence2", "label": "gold_label"}
            named = ({columns.get(k, k): v for k, v in row.items()} for row in found.rows)
            return Rows(found.place, named)
        found = open_rows("XNLI", split, revision)
        own = (row for row in found.rows if row.get("language") == language)
        return Rows(f"{found.place} ({language})", own)


TASKS = (Xnli(),)

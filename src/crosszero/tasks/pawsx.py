"""PAWS-X: do two sentences that share most of their words have the same meaning?"""

from __future__ import annotations

from types import MappingProxyType

from crosszero.tasks.sentence_pairs import SentencePairTask


class PawsX(SentencePairTask):
    """The task ``pawsx``: 1 is a paraphrase, 0 is none."""

    name = "pawsx"
    title = "PAWS-X"
    labels = ("0", "1")
    fine_tuning = MappingProxyType({"epochs": 5.0, "eval_every": 200, "seed": 42, "copies": 10})
    hub_languages = ("de", "en", "es", "fr", "ja", "ko", "zh")
    columns = ("sentence1", "sentence2", "label")
    subset = "PAWS-X.{}"
    rank = 20


TASKS = (PawsX(),)

"""PANX (WikiAnn): names of persons, places and organisations."""

from __future__ import annotations

from types import MappingProxyType

from crosszero.tasks.tagging import TaggingTask


class Panx(TaggingTask):
    """The task ``panx``."""

    name = "panx"
    title = "NER"
    labels = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
    fine_tuning = MappingProxyType({"epochs": 10.0, "eval_every": 1000, "seed": 1})
    hub_languages = (
        "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi",
        "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru",
        "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
    )  # fmt: skip
    column = "ner_tags"
    subset = "PAN-X.{}"
    rank = 40


TASKS = (Panx(),)

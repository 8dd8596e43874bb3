"""UDPOS: the part of speech of each word, from the treebanks of Universal Dependencies 2.5.

The hub has everything but the dev sets of four languages. It cuts contractions into their parts
(French *du* into *de le*), where XTREME keeps them as one word: scores differ a little from those
on the data of XTREME's script where a language has contractions.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from crosszero.tasks.fine_tuned_task import Split
from crosszero.tasks.hub import Rows
from crosszero.tasks.tagging import TaggingTask

_TREEBANKS = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "ko": "Korean",
    "mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu",
    "vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese",
}  # fmt: skip


class Udpos(TaggingTask):
    """The task ``udpos``."""

    name = "udpos"
    title = "POS"
    labels = (
        "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
        "PUNCT", "SCONJ", "SYM", "VERB", "X", "_",
    )  # fmt: skip
    fine_tuning = MappingProxyType({"epochs": 10.0, "eval_every": 500, "seed": 1})
    hub_languages = tuple(_TREEBANKS)
    without_dev = ("kk", "th", "tl", "yo")
    subset = "udpos.{}"
    column = "pos_tags"
    rank = 30

    def open_rows(self, split: Split, language: str, revision: str | None) -> Rows:
        """Open a split of a treebank."""
        return super().open_rows(split, _TREEBANKS[language], revision)

    def clear_word(self, word: str) -> str:
        """Spaces within words and non-joiners go, too, as in XTREME's treebanks."""
        return super().clear_word(re.sub("[ \u200c]", "", word))


TASKS = (Udpos(),)

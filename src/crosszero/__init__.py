"""Post-train multilingual encoders so that words and sentences that mean the same lie together.

    pairs = cz.read_bitext("corpus.en-fr.tsv")
    cz.prepare(pairs, out="samples/")
    cz.train("google-bert/bert-base-multilingual-cased", "samples/", out="run/")
    cz.Embedder.load("run/").encode(["Good morning."])

Names are imported when they are first used: importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosszero.bitext import SentencePair as SentencePair
    from crosszero.bitext import read_bitext as read_bitext
    from crosszero.embed.embedder import Embedder as Embedder
    from crosszero.errors import CrosszeroError as CrosszeroError
    from crosszero.model.losses import cz_nce as cz_nce
    from crosszero.model.losses import info_nce as info_nce
    from crosszero.samples import Sample as Sample
    from crosszero.samples import SampleStore as SampleStore
    from crosszero.samples import prepare as prepare
    from crosszero.training.config import TrainConfig as TrainConfig
    from crosszero.training.loop import train as train

__version__ = "0.1.0"

_HOMES = {
    "CrosszeroError": "crosszero.errors",
    "Embedder": "crosszero.embed.embedder",
    "Sample": "crosszero.samples",
    "SampleStore": "crosszero.samples",
    "SentencePair": "crosszero.bitext",
    "TrainConfig": "crosszero.training.config",
    "cz_nce": "crosszero.model.losses",
    "info_nce": "crosszero.model.losses",
    "prepare": "crosszero.samples",
    "read_bitext": "crosszero.bitext",
    "train": "crosszero.training.loop",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'crosszero' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

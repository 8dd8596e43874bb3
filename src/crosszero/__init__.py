"""Post-train multilingual encoders, so that words and sentences with the same meaning lie together.

    pairs = cz.read_bitext("corpus.en-fr.tsv")
    cz.prepare(pairs, out="samples/")
    cz.train("google-bert/bert-base-multilingual-cased", "samples/", out="run/")
    cz.Encoder.load("run/").encode(["Good morning."])

Names are imported when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.bitext import SentencePair as SentencePair
    from crosszero.bitext import read_bitext as read_bitext
    from crosszero.errors import CrosszeroError as CrosszeroError
    from crosszero.experiment.evaluation import evaluate as evaluate
    from crosszero.experiment.scores import Scores as Scores
    from crosszero.interop.hub import push as push
    from crosszero.model.encoder import Encoder as Encoder
    from crosszero.model.losses import cz_nce as cz_nce
    from crosszero.model.losses import info_nce as info_nce
    from crosszero.samples import Sample as Sample
    from crosszero.samples import SampleStore as SampleStore
    from crosszero.samples import prepare as prepare
    from crosszero.search import mine as mine
    from crosszero.tasks.score import Score as Score
    from crosszero.training.loop import train as train
    from crosszero.training.train_config import TrainConfig as TrainConfig

__version__ = "0.1.0"

_HOMES = {
    "CrosszeroError": "errors",
    "Encoder": "model.encoder",
    "Sample": "samples",
    "SampleStore": "samples",
    "Score": "tasks.score",
    "Scores": "experiment.scores",
    "SentencePair": "bitext",
    "TrainConfig": "training.train_config",
    "cz_nce": "model.losses",
    "evaluate": "experiment.evaluation",
    "info_nce": "model.losses",
    "mine": "search",
    "prepare": "samples",
    "push": "interop.hub",
    "read_bitext": "bitext",
    "train": "training.loop",
}
__all__ = ["__version__", *_HOMES]
__getattr__, __dir__ = import_when_used(__name__, _HOMES)

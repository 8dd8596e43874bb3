"""Fine-tuning on the English part of a task: sentence pairs, words, and robust losses."""

from crosszero.finetune.classification import Classifier, fine_tune_classifier
from crosszero.finetune.config import FineTuneConfig
from crosszero.finetune.tagging import Metric, Tagger, fine_tune_tagger

__all__ = [
    "Classifier",
    "FineTuneConfig",
    "Metric",
    "Tagger",
    "fine_tune_classifier",
    "fine_tune_tagger",
]

"""Fine-tuning on the English part of a task: sentence pairs, words, and robust losses.

Names are imported when they are first used: reading settings and data needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.tasks.finetune.classification import Classifier as Classifier
    from crosszero.tasks.finetune.classification import fine_tune_classifier as fine_tune_classifier
    from crosszero.tasks.finetune.config import FineTuneConfig as FineTuneConfig
    from crosszero.tasks.finetune.tagging import Tagger as Tagger
    from crosszero.tasks.finetune.tagging import fine_tune_tagger as fine_tune_tagger

_HOMES = {
    "Classifier": "classification",
    "FineTuneConfig": "config",
    "Tagger": "tagging",
    "fine_tune_classifier": "classification",
    "fine_tune_tagger": "tagging",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)

"""The plain loss of fine-tuning; those that make a model robust are in ``robust/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from crosszero.tasks.finetune.features import IGNORED

Loss = Callable[[PreTrainedModel, Mapping[str, Tensor], Tensor], Tensor]
"""Model, its inputs each (batch, tokens), and labels to the mean loss of what has a label."""


def measure_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy in float32, nats, over what has a label.

    Args:
        logits: (batch, labels) or (batch, tokens, labels).
        labels: (batch,) or (batch, tokens); -100 where there is none.
    """
    flat = logits.flatten(0, -2).float()
    return cross_entropy(flat, labels.flatten(), ignore_index=IGNORED)


def plain_loss(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy of the model's outputs (docs/xtreme.md)."""
    return measure_cross_entropy(model(**inputs).logits, labels)

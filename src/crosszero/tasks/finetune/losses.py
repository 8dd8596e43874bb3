"""From settings to the loss of fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.features import IGNORED
from crosszero.tasks.finetune.heads import TaskModel
from crosszero.tasks.finetune.robust.ball import Embedded, find_worst, measure_scale, sample_ball
from crosszero.tasks.finetune.robust.ear import measure_ear

Loss = Callable[[PreTrainedModel, Mapping[str, Tensor], Tensor], Tensor]
"""Model, its inputs each (batch, tokens), and labels to the mean loss of what has a label."""


def plain_loss(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Mean cross-entropy in float32, nats, over whatever has a label (docs/xtreme.md)."""
    logits = model(**inputs).logits
    return cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED)


def make_loss(config: FineTuneConfig, task: TaskModel) -> Loss:
    """Choose the loss of a classification.

    `task` is as it is at the start: its embeddings set the scale of radii.
    """
    if config.robust in ("none", "synonyms"):
        return plain_loss
    layer = config.ear_layer or max(1, task.model.config.num_hidden_layers // 2)
    scale, special = measure_scale(task.model), task.tokenizer.all_special_ids

    def loss(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        if config.robust == "ear":
            terms = measure_ear(model, inputs, labels, layer=layer)
            return terms.add_up(config.ear_embedding_weight, config.ear_attention_weight)
        batch = Embedded.of(model, inputs, special)
        if config.robust == "smoothing":  # noise drawn anew at every call (RS-RP)
            shift = sample_ball(batch.embeddings, config.smoothing_radius * scale)
        else:
            shift = find_worst(
                model,
                batch,
                labels,
                radius=config.adversarial_radius * scale,
                steps=config.adversarial_steps,
                step_size=config.adversarial_step_size,
            )
        return cross_entropy(batch.run(model, shift).float(), labels)

    return loss

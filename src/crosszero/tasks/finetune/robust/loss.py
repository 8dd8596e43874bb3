"""From settings to the loss of a classification."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from transformers import PreTrainedModel

from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.heads import TaskModel
from crosszero.tasks.finetune.losses import Loss, plain_loss
from crosszero.tasks.finetune.robust.ball import (
    Embedded,
    adversarial_loss,
    measure_scale,
    smoothing_loss,
)
from crosszero.tasks.finetune.robust.ear import measure_ear


def make_loss(config: FineTuneConfig, task: TaskModel) -> Loss:
    """Choose the loss. `task` is as it is at the start: its embeddings set the scale of radii."""
    if config.robust in ("none", "synonyms"):
        return plain_loss
    layer = config.ear_layer or max(1, task.model.config.num_hidden_layers // 2)
    scale, special = measure_scale(task.model), task.tokenizer.all_special_ids

    def loss(model: PreTrainedModel, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        if config.robust == "ear":
            terms = measure_ear(model, inputs, labels, layer=layer)
            return terms.add_up(config.ear_embedding_weight, config.ear_attention_weight)
        batch = Embedded.of(model, inputs, special)
        if config.robust == "smoothing":
            radius = config.smoothing_radius * scale
            return smoothing_loss(model, batch, labels, radius=radius)
        return adversarial_loss(
            model,
            batch,
            labels,
            radius=config.adversarial_radius * scale,
            steps=config.adversarial_steps,
            step_size=config.adversarial_step_size,
        )

    return loss

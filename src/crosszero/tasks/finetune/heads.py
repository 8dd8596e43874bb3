"""An encoder with a new head for a task, and the folder in which both are saved."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from crosszero.config import read_json
from crosszero.errors import CheckpointError, ConfigError, DataError, TrainingError, visible
from crosszero.folders import atomic_folder
from crosszero.model.backbone import Backbone
from crosszero.model.loading import locate_encoder, quiet_transformers
from crosszero.model.options import Precision
from crosszero.model.precision import choose_precision
from crosszero.model.saving import save_tokenizer
from crosszero.samples.gold import read_hashes, write_hashes
from crosszero.tasks.finetune.config import FineTuneConfig

SETTINGS = "finetune.json"
_KINDS = {
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
}


@dataclass(frozen=True)
class TaskModel:
    """A model that names labels, with all that is needed to use it.

    Attributes:
        model: encoder and head.
        tokenizer: the encoder's.
        labels: names, in the order of the model's outputs.
        max_length: tokens of an example, special ones included.
        precision: number format of its training; a model that was loaded predicts in fp32.
        gold: hashes of the gold sentences that the encoder was trained on.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    max_length: int
    precision: Precision = "fp32"
    gold: frozenset[str] = frozenset()


def add_head(
    name: str | Path, kind: str, labels: Sequence[str], config: FineTuneConfig
) -> TaskModel:
    """Put a new head on an encoder, random: seed torch before. `kind` is a key of ``_KINDS``.

    Raises:
        DataError: there is one label, or the encoder's ``gold.json`` is damaged.
        CheckpointError: the encoder can't be loaded.
        ConfigError: it can't take so long examples, or transformers knows no such head for it.
    """
    if len(labels) < 2:
        raise DataError("train", f"all examples have the label {labels[0]!r}; two are needed")
    backbone = Backbone.load(name)
    backbone.check_length(config.max_length)
    settings = copy.deepcopy(backbone.model.config)
    settings.id2label = dict(enumerate(labels))
    settings.label2id = {label: i for i, label in enumerate(labels)}
    settings.problem_type = None if kind == "tagging" else "single_label_classification"
    options: dict[str, Any] = {"dtype": torch.float32, "trust_remote_code": False}
    if config.robust == "ear":
        options["attn_implementation"] = "eager"  # the only one that hands its weights out
    with quiet_transformers():
        try:
            model = _KINDS[kind].from_config(settings, **options)
        except ValueError as error:
            raise ConfigError(f"{name}: transformers has no {kind} head for it") from error
    # A head may do without the pooler that the encoder has, or have one where it has none.
    left = model.base_model.load_state_dict(backbone.base.state_dict(), strict=False)
    missing = [key for key in left.missing_keys if "pooler" not in key.split(".")]
    if missing:
        raise CheckpointError(f"{name}: its weights do not fit its {kind} model ({missing[0]})")
    if torch.cuda.is_available():
        backbone.to("cuda")  # where it is trained: the number format is chosen for that
    precision = choose_precision(backbone, config.precision)
    if config.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    return TaskModel(
        model, backbone.tokenizer, tuple(labels), config.max_length, precision, read_hashes(name)
    )


def save_task_model(task: TaskModel, folder: Path, settings: dict[str, Any]) -> None:
    """Write a model folder whole or not at all, `settings` into its ``finetune.json``."""
    try:
        with atomic_folder(folder) as new, quiet_transformers():
            task.model.save_pretrained(new)
            save_tokenizer(task.tokenizer, new)
            write_hashes(task.gold, new)
            content = json.dumps({"max_length": task.max_length, **settings}, indent=2)
            (new / SETTINGS).write_text(content, encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{folder}: can't be written ({error}); free some space there"
        ) from error


def load_task_model(folder: str | Path, kind: str) -> TaskModel:
    """Load what :func:`save_task_model` wrote, or CheckpointError. No code is run."""
    path = Path(locate_encoder(folder))
    try:
        settings = read_json(path / SETTINGS, dict[str, Any])
    except DataError:
        settings = {}
    found, max_length = settings.get("kind"), settings.get("max_length")
    if found is None or not isinstance(max_length, int):
        raise CheckpointError(
            f"{folder}: has no readable {SETTINGS}, so it was not fine-tuned by crosszero"
        )
    if found != kind:
        raise CheckpointError(
            f"{folder}: it was fine-tuned for {visible(str(found))[:40]}, not for {kind}"
        )
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            model, info = _KINDS[kind].from_pretrained(
                path,
                dtype=torch.float32,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except Exception as error:  # tokenizers and others raise what they like
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{folder}: can't be loaded: {reason}") from error
    if info["missing_keys"]:
        raise CheckpointError(f"{folder}: weights are missing ({min(info['missing_keys'])})")
    labels = tuple(model.config.id2label[i] for i in range(model.config.num_labels))
    model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return TaskModel(model, tokenizer, labels, max_length)

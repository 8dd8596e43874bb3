"""A trained encoder as an ordinary folder: transformers and sentence-transformers both load it.

Beside the model stand the files by which ``SentenceTransformer(folder)`` finds the pooling that was
trained (first + last layer, mean over tokens, unit length), the projection head, so that training
can go on, and a model card. The layout that sentence-transformers reads is stable since its version
2 and is written here by hand, so that saving does not need that package.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from crosszero.errors import CheckpointError
from crosszero.files import atomic_file
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.loading import quiet_transformers

PROJECTION = "projection.safetensors"
_MODULES = "sentence_transformers.models."


def save_encoder(
    backbone: Backbone, folder: str | Path, *, head: ProjectionHead | None = None, card: str = ""
) -> None:
    """Write an encoder into a folder that may hold other files.

    Every file is written aside and renamed; ``config.json``, without which nothing loads the
    folder, comes last. A folder is therefore never half a model.

    Args:
        backbone: what to save; its MLM head is saved with it.
        folder: made if missing.
        head: saved as ``projection.safetensors``.
        card: Markdown of the model card, saved as README.md.

    Raises:
        CrosszeroError: the folder can't be written.
    """
    folder = Path(folder)
    with atomic_file(folder / "modules.json") as file:  # also proves that the folder is writable
        json.dump(_modules(), file, indent=2)
    with (
        tempfile.TemporaryDirectory(prefix=".export.", dir=folder) as temporary,
        quiet_transformers(),
    ):
        staged = Path(temporary)
        backbone.model.save_pretrained(staged)
        backbone.tokenizer.save_pretrained(staged)
        if head is not None:
            save_file(
                {key: value.contiguous() for key, value in head.state_dict().items()},
                staged / PROJECTION,
                metadata={"level": head.level},
            )
        for name, content in _sentence_transformers_files(backbone).items():
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
        weights = torch.zeros(backbone.layers)
        weights[0] += 1.0
        weights[-1] += 1.0
        save_file(
            {"layer_weights": weights}, staged / "1_WeightedLayerPooling" / "model.safetensors"
        )
        if card:
            (staged / "README.md").write_text(card, encoding="utf-8")
        (folder / "config.json").unlink(missing_ok=True)  # while files change, nothing loads it
        files = [path for path in staged.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda p: p.name == "config.json" and p.parent == staged):
            path.chmod(0o644)
            goal = folder / path.relative_to(staged)
            goal.parent.mkdir(exist_ok=True)
            os.replace(path, goal)


def load_head(folder: str | Path, head: ProjectionHead) -> None:
    """Fill a projection head from a folder that :func:`save_encoder` wrote.

    Raises:
        CheckpointError: there is none, it is damaged, or it is of another size or level.
    """
    path = Path(folder) / PROJECTION
    try:
        head.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path}: no projection head that fits can be read there") from error


def _modules() -> list[dict[str, Any]]:
    kinds = (
        [("", "Transformer")]
        + [(f"{i}_{kind}", kind) for i, kind in enumerate(("WeightedLayerPooling", "Pooling"), 1)]
        + [("3_Normalize", "Normalize")]
    )
    return [
        {"idx": i, "name": str(i), "path": path, "type": _MODULES + kind}
        for i, (path, kind) in enumerate(kinds)
    ]


def _sentence_transformers_files(backbone: Backbone) -> dict[str, Any]:
    width = backbone.hidden_size
    return {
        "sentence_bert_config.json": {
            "max_seq_length": backbone.max_length,
            "do_lower_case": False,
            "config_args": {"output_hidden_states": True},
        },
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "similarity_fn_name": "cosine",
        },
        "1_WeightedLayerPooling/config.json": {
            "word_embedding_dimension": width,
            "num_hidden_layers": backbone.layers,
            "layer_start": 1,
        },
        "2_Pooling/config.json": {
            "word_embedding_dimension": width,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "3_Normalize/config.json": {},
    }

"""A trained encoder as an ordinary folder that transformers and sentence-transformers load.

Beside the model are the files by which ``SentenceTransformer(folder)`` and
:mod:`crosszero.model.readout` find the pooling that was trained (first + last layer, mean over
tokens, unit length), the projection head, so that training can go on, and a model card. The layout
is stable since sentence-transformers 2, so that saving does not need that package.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerBase

from crosszero.errors import CheckpointError
from crosszero.files import atomic_file
from crosszero.locks import temporary_folder
from crosszero.model.backbone import Backbone
from crosszero.model.head import ProjectionHead
from crosszero.model.loading import quiet_transformers
from crosszero.model.parts import OWN_SETTINGS, PROJECTION

_PARTS = {"": "Transformer", "1_WeightedLayerPooling": "WeightedLayerPooling"}
_PARTS |= {"2_Pooling": "Pooling", "3_Normalize": "Normalize"}
_MODULES = [
    {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
    for i, (path, kind) in enumerate(_PARTS.items())
]


def save_encoder(
    backbone: Backbone,
    folder: str | Path,
    *,
    head: ProjectionHead | None = None,
    card: str = "",
    layer: int | None = None,
    alignment_layer: int | None = None,
    word_layer: int | None = None,
) -> None:
    """Write an encoder into a folder that may hold other files.

    Every file is written aside and renamed; ``config.json``, without which nothing loads the
    folder, comes last. A folder is therefore never half a model.

    Args:
        backbone: what to save; its MLM head is saved with it.
        folder: made if missing.
        head: saved as ``projection.safetensors``.
        card: Markdown of the model card, saved as README.md.
        layer: that vectors of sentences are read from, from 1 or from -1 backwards; ``None`` for
            the mean of first and last.
        alignment_layer: by which words are linked, if that was found out.
        word_layer: that vectors of words are read from; ``None`` for the sum of first and last.

    Raises:
        CrosszeroError: the folder can't be written.
    """
    folder = Path(folder)
    with atomic_file(folder / "modules.json") as file:  # proves that the folder is writable
        json.dump(_MODULES, file, indent=2)
    with temporary_folder(folder / "export") as staged, quiet_transformers():
        backbone.model.save_pretrained(staged)
        save_tokenizer(backbone.tokenizer, staged)
        if head is not None and head.state_dict():
            save_file(
                {key: value.contiguous() for key, value in head.state_dict().items()},
                staged / PROJECTION,
                metadata={"level": head.level},
            )
        sizes = {"hidden_size": backbone.hidden_size, "layers": backbone.layers}
        write_readout(staged, **sizes, max_length=backbone.max_length, layer=layer)
        write_layers(staged, alignment_layer=alignment_layer, word_layer=word_layer)
        if card:
            (staged / "README.md").write_text(card, encoding="utf-8")
        (folder / "config.json").unlink(missing_ok=True)  # while files change, nothing loads it
        files = [path for path in staged.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda p: p.name == "config.json" and p.parent == staged):
            path.chmod(0o644)
            goal = folder / path.relative_to(staged)
            goal.parent.mkdir(exist_ok=True)
            os.replace(path, goal)


def write_layers(folder: Path, **layers: int | None) -> None:
    """Write ``crosszero.json`` beside a model: layers of :func:`save_encoder`, if known."""
    if known := {name: value for name, value in layers.items() if value is not None}:
        (folder / OWN_SETTINGS).write_text(json.dumps(known, indent=2), encoding="utf-8")


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a tokeniser without the truncation and the padding that the last text has left in it."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is not None:
        fast.no_truncation()
        fast.no_padding()
    tokenizer.save_pretrained(folder)


def load_head(folder: str | Path, head: ProjectionHead) -> None:
    """Fill a projection head from a folder that :func:`save_encoder` wrote.

    CheckpointError: there is none, it is damaged, or it is of another size or level.
    """
    path = Path(folder) / PROJECTION
    try:
        head.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path}: no matching projection head can be read from it") from error


def read_head_level(folder: str | Path) -> str | None:
    """Read the level that a saved projection head was trained at, if it says; CheckpointError."""
    path = Path(folder) / PROJECTION
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("level")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: damaged ({error})") from error


def write_readout(
    folder: Path, *, hidden_size: int, layers: int, max_length: int, layer: int | None = None
) -> None:
    """Write beside a model how it is read; `layer` is that of :func:`save_encoder`."""
    files: dict[str, Any] = {
        "modules.json": _MODULES,
        "sentence_bert_config.json": {
            "max_seq_length": max_length,
            "do_lower_case": False,
            "config_args": {"output_hidden_states": True},
        },
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "similarity_fn_name": "cosine",
        },
        "1_WeightedLayerPooling/config.json": {
            "word_embedding_dimension": hidden_size,
            "num_hidden_layers": layers,
            "layer_start": 1,
        },
        "2_Pooling/config.json": {
            "word_embedding_dimension": hidden_size,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "3_Normalize/config.json": {},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    weights = torch.zeros(layers)
    if layer is None:
        weights[0] += 1.0
        weights[-1] += 1.0  # of a model with one layer it counts twice
    else:
        weights[layer - 1 if layer > 0 else layer] = 1.0
    save_file({"layer_weights": weights}, folder / "1_WeightedLayerPooling" / "model.safetensors")

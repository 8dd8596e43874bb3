"""The files that make an encoder, among whatever else stands in its folder."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

PROJECTION, OWN_SETTINGS = "projection.safetensors", "crosszero.json"
PARTS = (
    "*config*.json", "modules.json", OWN_SETTINGS, "model*.safetensors", PROJECTION,
    "adapter_model.safetensors", "model.safetensors.index.json", "*token*.json", "*vocab*.json",
    "unigram.json", "vocab.txt", "dict.txt", "merges.txt", "bpe.codes", "*.model",
)  # fmt: skip
"""Patterns of their names. None fits samples, scores, notes or the state of a training."""
MODULE = "[0-9]_*"
"""Folders of the modules that sentence-transformers reads, such as 1_Pooling."""


def list_parts(folder: Path) -> list[Path]:
    """List the files of the encoder in a folder: its own, then those of its modules, by name.

    Example:
        >>> list_parts(Path("a/folder/without/an/encoder"))
        []
    """
    found = [{*folder.glob(at + part)} for at in ("", f"{MODULE}/") for part in PARTS]
    own = {path for path in chain(*found) if path.is_file() and not path.name.startswith(".")}
    return sorted(own, key=lambda path: (path.parent != folder, path))

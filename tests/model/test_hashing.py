"""An encoder's hash tells it from others, whatever else its folder holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.model.backbone import Backbone
from crosszero.model.hashing import hash_encoder
from crosszero.model.saving import save_encoder

BESIDE = (
    "notes.txt", "scores.json", "failed-batch.json", "training.json", "gold.json", "extra.txt",
    "vectors.safetensors", "2_Pooling/notes.txt", "2_Pooling/.config.json", "7_old/scores.json",
)  # fmt: skip


@pytest.fixture(params=[None, -1], ids=["first-last", "last layer"])
def folder(
    request: pytest.FixtureRequest, model_folder: Callable[..., Path], tmp_path: Path
) -> Path:
    path = Path(shutil.copytree(model_folder(), tmp_path / "saved"))
    save_encoder(Backbone.load(path), path, layer=request.param, alignment_layer=1)
    return path


def test_what_stands_beside_an_encoder_does_not_count(folder: Path) -> None:
    before = hash_encoder(folder)
    for name in BESIDE:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    assert hash_encoder(folder) == before


def test_what_vectors_depend_on_counts(folder: Path) -> None:
    """Each file of it alone; those of modules where they say more than first + last layer."""
    seen = {hash_encoder(folder)}
    settings = folder / "2_Pooling" / "config.json"
    (folder / "dict.txt").write_text("a 1")
    seen.add(hash_encoder(folder))
    for name in ("model.safetensors", "tokenizer.json", "config.json", "crosszero.json"):
        path = folder / name
        kept = path.read_bytes()
        path.write_bytes(kept + b" ")
        seen.add(hash_encoder(folder))
        path.write_bytes(kept)
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"pooling_mode": "max"}))
    seen.add(hash_encoder(folder))
    assert len(seen) == 7

"""An encoder packed for a journey arrives byte for byte, or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from research.e5_travel import pack, quantise, unpack
from safetensors.numpy import save_file


def make_folder(path: Path) -> Path:
    random = np.random.default_rng(0)
    scales = random.normal(size=(24, 1)).astype(np.float16).astype(np.float32)
    codes = random.integers(0, 16, size=(24, 32))
    codes[:, 5] = 0  # the weight furthest from zero
    weights = {
        "table": ((codes - 8).astype(np.float32) * scales).reshape(12, 64),
        "identity": np.eye(32, dtype=np.float32),
        "bias": random.normal(size=7).astype(np.float32),
        "other": random.normal(size=(3, 32)).astype(np.float32),
    }
    (path / "1_Pooling").mkdir(parents=True)
    (path / "1_Pooling/config.json").write_text("{}")
    (path / "tokenizer.json").write_text('{"é": 1}', encoding="utf-8")
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return path


def test_all_files_arrive_as_they_were(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a")
    pack(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
    assert {"codes/table", "raw/identity/32x32", "raw/bias/7", "raw/other/3x32"} <= set(names)
    unpack(tmp_path / "a.zip", tmp_path / "b")
    for path in filter(Path.is_file, folder.rglob("*")):
        assert (tmp_path / "b" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    pack(make_folder(tmp_path / "a"), tmp_path / "a.zip")
    with (
        zipfile.ZipFile(tmp_path / "a.zip") as source,
        zipfile.ZipFile(tmp_path / "other.zip", "w") as archive,
    ):
        for name in source.namelist():
            content = source.read(name)
            archive.writestr(name, bytes(len(content)) if name.startswith("raw/bias") else content)
    with pytest.raises(SystemExit, match="not those that were packed"):
        unpack(tmp_path / "other.zip", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_only_exact_weights_are_coded() -> None:
    assert quantise(np.zeros((2, 31), np.float32)) is None
    assert quantise(np.full((1, 32), 0.1, np.float32)) is None  # 0.1 / -8 is no float16

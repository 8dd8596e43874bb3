"""Sentence vectors cached on disk, under names that depend on everything they were made from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.files import atomic_file, hash_files
from crosszero.model.encoder import Encoder
from crosszero.model.inference import Vectors
from crosszero.model.loading import find_folder, quiet_transformers
from crosszero.model.readout import FIRST_LAST, read_readout

_log = logging.getLogger("crosszero")
_READ = ["*.safetensors", "*.json", "*.txt", "*.model"]


def hash_encoder(name: str | Path) -> str:
    """Hash what an encoder is: weights, configuration and tokeniser, and how it is read.

    What training leaves beside them (metrics, checkpoints) does not count. An encoder of the hub is
    hashed as its newest revision, which is fetched first, or, without network, as the one that the
    hub's cache holds. Where there is neither, its name is hashed; to load it will be an error.
    """
    folder = find_folder(name)
    if not folder.is_dir():
        folder = _find_snapshot(str(name)) or folder
    if not folder.is_dir():
        return hashlib.sha256(f"hub\0{name}".encode()).hexdigest()
    files = sorted({path for pattern in _READ for path in folder.glob(pattern)})
    kept = [path for path in files if path.name not in ("training.json", "projection.safetensors")]
    readout = read_readout(name).name
    if readout == FIRST_LAST.name:
        return hash_files(*kept)
    behind = sorted(path for path in folder.glob("[0-9]_*/*") if path.is_file())
    return hashlib.sha256(f"{hash_files(*kept, *behind)}\0{readout}".encode()).hexdigest()


def _find_snapshot(name: str) -> Path | None:
    """Folder of the revision of a hub's encoder that is going to be loaded."""
    from huggingface_hub import snapshot_download

    try:
        with quiet_transformers():  # it keeps the hub's bars off, too
            return Path(snapshot_download(name, allow_patterns=_READ, ignore_patterns="*/*"))
    except Exception as error:  # no such name, no network, no right: loading says which
        _log.debug("%s: no snapshot: %s", name, error)
        return None


class CachedEncoder:
    """An encoder whose sentence vectors are kept as ``<folder>/<hash>.npy``; remove them any time.

    `identity` is the hash of the encoder.
    """

    def __init__(self, encoder: Encoder, identity: str, folder: Path) -> None:
        self.encoder, self._folder = encoder, folder
        settings = f"{identity}\0{encoder.max_length}\0{encoder.layer}"
        if encoder.layer is None and encoder.pooling != FIRST_LAST.name:
            settings += f"\0{encoder.pooling}"
        if encoder.precision != "fp32":
            settings += f"\0{encoder.precision}"
        self._settings = settings.encode()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give one unit vector per text; see :meth:`Encoder.encode`."""
        digest = hashlib.sha256(self._settings)
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
        path = self._folder / f"{digest.hexdigest()[:32]}.npy"
        if (known := _read(path, (len(texts), self.encoder.dimension))) is not None:
            return known
        vectors = self.encoder.encode(texts)
        with atomic_file(path, "wb") as file:
            np.save(file, vectors, allow_pickle=False)
        return vectors


def _read(path: Path, shape: tuple[int, int]) -> Vectors | None:
    """Read vectors; ``None`` where there are none, or the file is damaged."""
    if not path.is_file():
        return None
    try:
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # numpy raises what it likes
        return None
    fits = isinstance(found, np.ndarray) and (found.shape, found.dtype) == (shape, np.float32)
    return np.array(found) if fits else None

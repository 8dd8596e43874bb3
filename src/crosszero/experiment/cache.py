"""Sentence vectors cached on disk, under names that depend on everything they were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder
from crosszero.model.inference import Vectors
from crosszero.model.readout import FIRST_LAST


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

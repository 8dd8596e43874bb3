"""Sentence vectors cached on disk, under names that depend on everything they were made from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.errors import ConfigError, DataError
from crosszero.files import atomic_file, real_place
from crosszero.locks import lock_output, name_beside
from crosszero.model.encoder import Encoder
from crosszero.model.inference import Vectors
from crosszero.model.options import BLOCK
from crosszero.model.readout import FIRST_LAST

_STRETCH = 4 * BLOCK  # texts of a file; with whole blocks the vectors are those of one call


class CachedEncoder:
    """An encoder whose sentence vectors are kept as ``<folder>/<hash>.npy``; remove them any time.

    Of many texts they are written a stretch at a time, so that a run that was killed goes on with
    what it has. `identity` is the hash of the encoder.
    """

    def __init__(self, encoder: Encoder, identity: str, folder: Path) -> None:
        self.encoder, self._folder = encoder, folder
        settings = f"{identity}\0sentences of {encoder.sentence_length}\0{encoder.layer}"
        if encoder.layer is None and encoder.pooling != FIRST_LAST.name:
            settings += f"\0{encoder.pooling}"
        if encoder.precision != "fp32":
            settings += f"\0{encoder.precision}"
        self._settings = settings.encode()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give one unit vector per text; see :meth:`Encoder.encode`."""
        vectors = np.empty((len(texts), self.encoder.dimension), np.float32)
        for start in range(0, len(texts), _STRETCH):
            part = slice(start, start + _STRETCH)
            vectors[part] = self._encode_stretch(texts[part])
        return vectors

    def _encode_stretch(self, texts: Sequence[str]) -> Vectors:
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


@contextmanager
def keep_until_done(out: Path) -> Iterator[Path]:
    """Give a folder beside an output for vectors, which only a run that has not ended leaves there.

    They stay after an error that is not about the input: a full disk, say, or too little memory.

    Raises:
        CrosszeroError: another process writes the output, or its folder can't be written.
    """
    out = real_place(out)
    folder = name_beside(out, "vectors")
    with lock_output(out):
        try:
            yield folder
        except (ConfigError, DataError):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


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

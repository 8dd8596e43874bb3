"""Vectors in an ``.npy`` file, written as they come, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from crosszero.errors import ConfigError, CrosszeroError
from crosszero.files import atomic_file
from crosszero.model.options import BLOCK
from crosszero.search.mining import SentenceEncoder


def encode_to_file(encoder: SentenceEncoder, texts: Iterable[str], out: str | Path) -> Path:
    """Encode texts in the memory of a block of them.

    Returns:
        The path `out`, an ``.npy`` file: what ``encoder.encode(texts)`` gives, (texts, H) float32.
        ``np.load(out, mmap_mode="r")`` reads it without memory.

    Raises:
        CrosszeroError: there is no text, or `out` can't be written.

    Example:
        >>> encoder = Encoder.load("run/")                                 # doctest: +SKIP
        >>> encode_to_file(encoder, open("en.txt"), "en.npy")               # doctest: +SKIP
    """
    lines = iter(texts)
    blocks = iter(lambda: list(islice(lines, BLOCK)), [])
    return write_vectors(out, map(encoder.encode, blocks))


def write_vectors(out: str | Path, blocks: Iterable[npt.NDArray[np.float32]]) -> Path:
    """Write blocks of rows, (rows, H) each, as :func:`encode_to_file` does."""
    out, shape = Path(out), (0, 0)
    if out.suffix == ".gz":
        raise ConfigError(f"{out}: vectors are not compressed; name an .npy file")
    with atomic_file(out, "wb") as file:
        for block in blocks:
            if shape[0] == 0:
                _write_header(file, block.shape)  # keeps the room until the rows are counted
            shape = shape[0] + len(block), block.shape[1]
            file.write(block.astype("<f4", copy=False).tobytes())
        if shape[0] == 0:
            raise CrosszeroError(f"{out}: not written, there is no text to encode")
        file.seek(0)
        _write_header(file, shape)
    return out


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """Write the head of an array, whose size does not depend on the number of rows."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)

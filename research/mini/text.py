"""The text of a run as numbers, in one small file: packed training rows and held-out lines.

With it, a machine without the corpus can train; the file holds all that the training reads.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .corpus import Split
from .rows import encode_lines, pack_lines, unpack_lines

NAME = "text.npz.xz"


@dataclass(frozen=True, kw_only=True)
class Text:
    """Both parts of every language, as packed rows (rows, row length)."""

    train: dict[str, NDArray[np.uint16]]
    heldout: dict[str, NDArray[np.uint16]]

    @classmethod
    def of(cls, corpus: Mapping[str, Split], tokenizer: Tokenizer, *, row: int) -> Text:
        """Tokenise and pack a corpus."""

        def pack(lines: list[str]) -> NDArray[np.uint16]:
            return pack_lines(encode_lines(tokenizer, lines, longest=row), row=row)

        return cls(
            train={name: pack(split.train) for name, split in corpus.items()},
            heldout={name: pack(split.heldout) for name, split in corpus.items()},
        )

    def save(self, folder: Path) -> None:
        """Write the file."""
        parts = {"train": self.train, "heldout": self.heldout}
        arrays = {
            f"{part} {name}": table for part, own in parts.items() for name, table in own.items()
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        (folder / NAME).write_bytes(lzma.compress(buffer.getvalue()))

    @classmethod
    def load(cls, folder: Path) -> Text:
        """Read the file."""
        data = np.load(io.BytesIO(lzma.decompress((folder / NAME).read_bytes())))
        parts: dict[str, dict[str, NDArray[np.uint16]]] = {"train": {}, "heldout": {}}
        for key in data.files:
            part, name = key.split()
            parts[part][name] = data[key]
        return cls(**parts)

    def train_lines(self) -> dict[str, list[np.ndarray]]:
        """Training lines, in any order."""
        return {name: unpack_lines(rows) for name, rows in self.train.items()}

    def heldout_lines(self) -> dict[str, list[np.ndarray]]:
        """Held-out lines, in any order."""
        return {name: unpack_lines(rows) for name, rows in self.heldout.items()}

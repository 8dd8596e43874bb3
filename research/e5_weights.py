"""The file of 4-bit weights that :mod:`research.e5` reads: its layout and its numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosszero.errors import DataError

Floats = NDArray[np.float32]

_AGAIN = "the file is damaged; download it again"
BLOCK = 32  # weights that share a scale
_MOST_SEGMENTS = 16  # whose rows the file need not have, so that its end does not bound them


class Reader:
    """Numbers and bytes of a little-endian file, never from behind its end.

    Args:
        path: for messages.
        content: of the file.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self._content, self._place = path, content, 0

    def take(self, count: int, start: int | None = None) -> bytes:
        """Give the next `count` bytes, or those at `start`; DataError if they are not all there."""
        first = self._place if start is None else start
        if count < 0 or first < 0 or first + count > len(self._content):
            raise DataError(
                self.path,
                f"{count:,} bytes are to stand at byte {first:,}, the file has "
                f"{len(self._content):,}: {_AGAIN}",
            )
        if start is None:
            self._place += count
        return self._content[first : first + count]

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Give the next numbers, in the letters of :mod:`struct`."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))


@dataclass(frozen=True)
class Shape:
    """Sizes of the model, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    segments: int


@dataclass(frozen=True)
class Weights:
    """What the file of weights holds.

    Attributes:
        shape: sizes.
        epsilon: of the layer norms.
        pieces: tokens of the vocabulary, in order; the table of embeddings may have more rows.
        places: first byte and number of bytes of each tensor, by name.
        reader: of the file.
    """

    shape: Shape
    epsilon: float
    pieces: list[str]
    places: dict[str, tuple[int, int]]
    reader: Reader


def read_weights(path: Path) -> Weights:
    """Read the head of the file: sizes, vocabulary, and where the tensors stand.

    Raises:
        DataError: it is another kind of file, cut off or damaged.
    """
    reader = Reader(path, path.read_bytes())
    if reader.take(4) != b"E5S1" or reader.unpack("I") != (1,):
        raise DataError(path, "is no file of 4-bit weights of E5, or of a version not known here")
    shape = Shape(*reader.unpack("7i"))
    epsilon, block = reader.unpack("fi")
    possible = min(vars(shape).values()) > 0 and shape.segments <= _MOST_SEGMENTS
    if block != BLOCK or not possible or shape.hidden % shape.heads:
        raise DataError(path, f"has sizes that no model has ({shape}): {_AGAIN}")
    count, *_ = reader.unpack("5i")
    (length,) = reader.unpack("Q")
    bounds = np.frombuffer(reader.take(4 * (count + 1)), "<u4").astype(np.int64)
    reader.take(4 * count)  # scores; tokenizer.json has them, too
    text = reader.take(length)
    if (np.diff(bounds) < 0).any() or bounds[-1] > length:
        raise DataError(path, f"has a vocabulary that is out of order: {_AGAIN}")
    spans = pairwise(bounds)
    pieces = [text[start:end].decode("utf-8", "replace") for start, end in spans]
    reader.take(reader.unpack("iI")[1])  # the normaliser; tokenizer.json has it, too
    places = {}
    for _ in range(*reader.unpack("i")):
        name = reader.take(*reader.unpack("H")).decode("utf-8", "replace")
        *_, start, size = reader.unpack("BIQQ")
        places[name] = (start, size)
    return Weights(shape, epsilon, pieces, places, reader)


def dequantise(raw: bytes, rows: int, columns: int) -> Floats:
    """Turn 4-bit blocks into weights.

    Args:
        raw: for each 32 weights of a row a float16 scale and 16 bytes. Byte j holds weight j in its
            lower half and weight j + 16 in its upper half, as a multiple of the scale, plus 8.
        rows, columns: of the matrix; `columns` is a multiple of 32.
    """
    blocks = np.frombuffer(raw, np.uint8).reshape(rows, columns // BLOCK, 2 + BLOCK // 2)
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[..., 2:] & 15, blocks[..., 2:] >> 4], axis=-1)
    with np.errstate(invalid="ignore"):  # make_tensors tells of scales that are not finite
        return ((halves.astype(np.float32) - 8) * scales).reshape(rows, columns)


def make_tensors(weights: Weights) -> dict[str, Floats]:
    """Give all weights in float32, by the names that transformers' BertModel has for them.

    The file has no pooler, since E5 takes the mean over tokens; the identity stands for it, so that
    loading makes up none at random.

    Raises:
        DataError: a tensor is missing or has another size, or one is not known.
    """
    shape, left = weights.shape, dict(weights.places)

    def find(name: str, *sizes: int) -> Floats:
        packed = (name.endswith(".w") and len(sizes) == 2) or name == "emb.word"
        if packed and sizes[1] % BLOCK:
            raise DataError(weights.reader.path, f"{name}: its rows are no whole blocks: {_AGAIN}")
        needed = prod(sizes) // BLOCK * 18 if packed else prod(sizes) * 4
        start, size = left.pop(name, (0, 0))
        if size != needed:
            message = f"{name}: {needed:,} bytes are needed, {size:,} are there: {_AGAIN}"
            raise DataError(weights.reader.path, message)
        raw = weights.reader.take(size, start)
        found = dequantise(raw, *sizes) if packed else np.frombuffer(raw, "<f4").reshape(sizes)
        if not np.isfinite(found).all():
            raise DataError(weights.reader.path, f"{name}: is not finite: {_AGAIN}")
        return found

    hidden = shape.hidden
    stored = left.get("emb.type", (0, 0))[1] // 4 // hidden  # often the first segment alone
    segments = find("emb.type", min(max(stored, 1), shape.segments), hidden)
    made = {
        "embeddings.word_embeddings.weight": find("emb.word", shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": find("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": np.concatenate(
            [segments, np.repeat(segments[:1], shape.segments - len(segments), axis=0)]
        ),
        "pooler.dense.weight": np.eye(hidden, dtype=np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for name, short, *sizes in _list_layers(shape):
        made[f"{name}.weight"] = find(f"{short}.w", *sizes)
        made[f"{name}.bias"] = find(f"{short}.b", sizes[0])
    if left:
        raise DataError(weights.reader.path, f"holds tensors not known here: {', '.join(left)}")
    return made


def _list_layers(shape: Shape) -> Iterator[tuple[Any, ...]]:
    """Name of each layer with a bias: transformers' and the file's, and the weight's sizes."""
    hidden, inner = shape.hidden, shape.inner
    yield "embeddings.LayerNorm", "emb.ln", hidden
    for number in range(shape.layers):
        name, short = f"encoder.layer.{number}", f"l{number}"
        yield f"{name}.attention.self.query", f"{short}.q", hidden, hidden
        yield f"{name}.attention.self.key", f"{short}.k", hidden, hidden
        yield f"{name}.attention.self.value", f"{short}.v", hidden, hidden
        yield f"{name}.attention.output.dense", f"{short}.ao", hidden, hidden
        yield f"{name}.attention.output.LayerNorm", f"{short}.aln", hidden
        yield f"{name}.intermediate.dense", f"{short}.fi", inner, hidden
        yield f"{name}.output.dense", f"{short}.fo", hidden, inner
        yield f"{name}.output.LayerNorm", f"{short}.oln", hidden

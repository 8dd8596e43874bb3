"""Vectors of more texts than one machine can encode: an array in a file, row for row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from crosszero.cluster.session import Cluster, Job, name_part, work_folder
from crosszero.files import atomic_file
from crosszero.model.options import BLOCK, Pooling
from crosszero.model.vector_file import write_vectors
from crosszero.search.top_k import Floats

_TEXTS = "texts.parquet"


def encode_texts(
    encoder: str | Path,
    texts: Iterable[str],
    out: str | Path,
    *,
    cluster: Cluster,
    pooling: Pooling | None = None,
    max_length: int | None = None,
    layer: int | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> Path:
    """Encode texts on a cluster.

    The numbers are those of ``Encoder.load(encoder, precision="fp32").encode(texts)``. Where the
    workers have another number of threads, or another processor, the last bits may differ: the
    matrix product is then cut differently.

    Args:
        encoder: ``crosszero-mini``, a folder that all machines see, or a hub id.
        texts: any iterable; read once, in constant memory. Those of a store:
            ``(sample.source for sample in SampleStore.open("samples"))``.
        out: an ``.npy`` file, in a folder that all machines see; beside it the work takes the room
            of the texts and of one more file until it is done. ``np.load(out, mmap_mode="r")``
            reads it without memory.
        cluster: an open one. A GPU is used where a worker sees one.
        pooling, max_length, layer, precision: see :meth:`crosszero.Encoder.load`.

    Returns:
        The path `out`: (texts, H) float32, unit vectors.

    Raises:
        CrosszeroError: there is no text, the encoder can't be loaded, or `out` can't be written.

    Example:
        >>> with Cluster("auto", cores=4) as cluster:                        # doctest: +SKIP
        ...     encode_texts("run/", open("en.txt"), "en.npy", cluster=cluster)
    """
    from crosszero.model.loading import resolve_encoder

    out = Path(out).resolve()
    with work_folder(out.parent) as folder:
        blocks = _write_texts(folder, texts)
        job = EncodeTexts(
            resolve_encoder(encoder), folder,
            pooling=pooling, max_length=max_length, layer=layer, precision=precision,
        )  # fmt: skip

        def read() -> Iterator[Floats]:
            for number, _ in enumerate(cluster.run(job, list(range(blocks)))):
                part = name_part(folder, number, ".npy")
                yield np.load(part)
                part.unlink()

        return write_vectors(out, read())


class EncodeTexts(Job):
    """The job of a worker: the vectors of a row group of the texts in `folder`."""

    def __init__(self, encoder: str, folder: Path, **settings: Any) -> None:
        self._name, self._folder, self._settings = encoder, folder, settings
        self._encoder: Any = None

    def start(self) -> None:
        """Load the encoder."""
        from crosszero.model.encoder import Encoder

        self._encoder = Encoder.load(self._name, **self._settings)

    def do(self, number: int, block: int) -> dict[str, Any]:
        """Encode row group `block`."""
        import pyarrow.parquet as pq

        with (self._folder / _TEXTS).open("rb") as opened, pq.ParquetFile(opened) as file:
            texts = file.read_row_group(block).column("text").to_pylist()
        vectors = self._encoder.encode(texts)
        with atomic_file(name_part(self._folder, number, ".npy"), "wb") as out:
            np.save(out, vectors)
        return {}


def _write_texts(folder: Path, texts: Iterable[str]) -> int:
    """Write the texts, a row group for each block; returns the number of blocks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    blocks, lines = 0, iter(texts)
    schema = pa.schema([("text", pa.string())])
    with (folder / _TEXTS).open("wb") as opened, pq.ParquetWriter(opened, schema) as writer:
        while members := list(islice(lines, BLOCK)):
            writer.write_table(pa.table({"text": members}), row_group_size=BLOCK)
            blocks += 1
    return blocks

"""Samples as rows of a Parquet table, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosszero.align.spans import Span, WordPair
from crosszero.samples.sample import Sample

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SCHEMA_VERSION = 1
METADATA = "_metadata.json"  # the underscore: data set readers pass over it
TEXTS = ("source", "target", "source_language", "target_language", "origin", "group", "finder")
ENDS = ("source_start", "source_end", "target_start", "target_end")
_NEEDED = ("source", "target", "source_language", "target_language")


def schema() -> pa.Schema:
    """Give the Parquet schema of a store."""
    import pyarrow as pa

    code = pa.dictionary(pa.int32(), pa.string())
    word = pa.struct([*((name, pa.int32()) for name in ENDS), ("score", pa.float32())])
    return pa.schema(
        [
            ("source", pa.string()),
            ("target", pa.string()),
            ("source_language", code),
            ("target_language", code),
            ("origin", pa.string()),
            ("group", pa.string()),
            ("finder", code),
            ("words", pa.list_(word)),
        ],
        metadata={"crosszero.schema_version": str(SCHEMA_VERSION)},
    )


def open_file(path: Path, mode: str = "rb") -> pa.NativeFile:
    """Open a file for Arrow, which takes names of any bytes as bytes only."""
    import pyarrow as pa

    return pa.OSFile(os.fsencode(path), mode)


def open_writer(where: Any) -> pq.ParquetWriter:
    """Write a Parquet file of the store's schema to an open file.

    Without statistics: nobody asks for the smallest and the largest text of a row group, and they
    would make up most of the footer, which is all that is read when a store is opened.
    """
    import pyarrow.parquet as pq

    return pq.ParquetWriter(where, schema(), compression="zstd", write_statistics=False)


def to_table(samples: list[Sample]) -> pa.Table:
    """Make the Parquet table of some samples."""
    import pyarrow as pa

    rows = [(*one, *other, score) for sample in samples for one, other, score in sample.words]
    fields: list[Any] = list(zip(*rows, strict=True)) or [()] * 5
    ends = [0, *accumulate(len(sample.words) for sample in samples)]
    kind = schema().field("words").type
    word = list(kind.value_type)
    columns = [pa.array(f, w.type) for f, w in zip(fields, word, strict=True)]
    struct = pa.StructArray.from_arrays(columns, fields=word)
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), struct, type=kind)
    texts = [
        pa.array([getattr(s, name) for s in samples], type=schema().field(name).type)
        for name in TEXTS
    ]
    return pa.Table.from_arrays([*texts, lists], schema=schema())


def from_table(table: pa.Table) -> Iterator[Sample]:
    """Give the rows of a Parquet table as samples, spans checked.

    Raises:
        ValueError: a text or a language is null, or a span lies outside its text.
    """
    import pyarrow as pa

    texts = [_texts(table, name) for name in TEXTS]
    words = table.column("words").combine_chunks()
    if isinstance(words, pa.ChunkedArray):  # an empty column has no chunk to combine
        words = words.chunk(0) if words.num_chunks else pa.array([], type=words.type)
    lengths = words.value_lengths().to_pylist()
    flat = words.flatten()
    a, b, c, d = (flat.field(name).to_pylist() for name in ENDS)
    scores = flat.field("score").to_pylist()
    pairs = [WordPair(Span(a[i], b[i]), Span(c[i], d[i]), scores[i]) for i in range(len(scores))]
    position = 0
    for values, length in zip(zip(*texts, strict=True), lengths, strict=True):
        end = position + (length or 0)
        sample = Sample(**dict(zip(TEXTS, values, strict=True)), words=tuple(pairs[position:end]))
        check_spans(sample)
        yield sample
        position = end


def _texts(table: pa.Table, name: str) -> list[str]:
    """A column of text; null means nothing where nothing is allowed."""
    column = table.column(name)
    if not column.null_count:
        values: list[str] = column.to_pylist()
        return values
    texts = column.to_pylist()
    if name in _NEEDED:
        raise ValueError(f"column {name!r} is null in row {texts.index(None)}; text is needed")
    return [text or "" for text in texts]


def check_spans(sample: Sample) -> None:
    """See that the word pairs of a sample lie inside its texts (ValueError)."""
    source_length, target_length = len(sample.source), len(sample.target)
    for (a, b), (c, d), _ in sample.words:
        if not (0 <= a < b <= source_length and 0 <= c < d <= target_length):
            raise ValueError(
                f"{sample.origin}: word pair {a}:{b} - {c}:{d} lies outside its texts of "
                f"{source_length} and {target_length} characters, or is empty"
            )

"""Samples as rows of a Parquet table, and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from crosszero.align.spans import Span, WordPair
from crosszero.bitext.formats.parquet import STORE_VERSION
from crosszero.samples.sample import Sample
from crosszero.samples.tally import cut_units

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
        metadata={STORE_VERSION: str(SCHEMA_VERSION)},
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


class RowGroup(Sequence[Sample]):
    """Rows of a Parquet table, spans checked; a row becomes a sample when it is asked for.

    Raises:
        ValueError: a text or a language is null, or a span lies outside its text.
    """

    def __init__(self, table: pa.Table) -> None:
        import numpy as np
        import pyarrow as pa

        self._texts = [_texts(table, name) for name in TEXTS]
        words = table.column("words").combine_chunks()
        if isinstance(words, pa.ChunkedArray):  # an empty column has no chunk to combine
            words = words.chunk(0) if words.num_chunks else pa.array([], type=words.type)
        lengths = words.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        self._ends = np.append(0, np.cumsum(lengths)).astype(np.int64)
        flat = words.flatten()
        fields = [flat.field(name).to_numpy(zero_copy_only=False) for name in ENDS]
        self._spans = np.stack(fields, axis=1) if len(flat) else np.zeros((0, 4), np.int64)
        self._scores = flat.field("score").to_numpy(zero_copy_only=False)
        self._check()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        inside = slice(self._ends[index], self._ends[index + 1])
        words = tuple(
            WordPair(Span(a, b), Span(c, d), score)
            for (a, b, c, d), score in zip(
                self._spans[inside].tolist(), self._scores[inside].tolist(), strict=True
            )
        )
        texts = {name: column[index] for name, column in zip(TEXTS, self._texts, strict=True)}
        return Sample(**texts, words=words)

    def cut_units(self, *, with_words: bool) -> list[list[int]]:
        """Rows of each unit (:func:`crosszero.samples.tally.cut_units`), with words if so asked."""
        import numpy as np

        groups = self._texts[TEXTS.index("group")]
        kept = np.diff(self._ends) > 0 if with_words else np.ones(len(self), bool)
        units = ([row for row in unit if kept[row]] for unit in cut_units(groups))
        return [unit for unit in units if unit]

    def _check(self) -> None:
        """See that no word lies outside its text."""
        import numpy as np

        counts = np.diff(self._ends)
        sides = [self._texts[TEXTS.index(name)] for name in ("source", "target")]
        sizes = [np.repeat(np.fromiter(map(len, s), np.int64, len(s)), counts) for s in sides]
        (a, b, c, d) = self._spans.T
        good = (a >= 0) & (a < b) & (b <= sizes[0]) & (c >= 0) & (c < d) & (d <= sizes[1])
        if not good.all():
            row = int(np.searchsorted(self._ends, int(np.argmin(good)), side="right")) - 1
            check_spans(self[row])


def _texts(table: pa.Table, name: str) -> list[str]:
    """A column of text; null means nothing where nothing is allowed."""
    column = table.column(name)
    if not column.null_count:
        values: list[str] = column.to_numpy().tolist()  # each entry of a dictionary made once
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

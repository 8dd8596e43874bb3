"""Write a store of samples; no other kind of folder is ever replaced."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from crosszero.bitext.pair import SentencePair
from crosszero.files import hash_files
from crosszero.folders import atomic_folders
from crosszero.samples.columns import (
    METADATA,
    SCHEMA_VERSION,
    check_spans,
    open_file,
    open_writer,
    to_table,
)
from crosszero.samples.sample import Sample
from crosszero.samples.store_places import PARTNER, check_place
from crosszero.samples.tally import Tally, count_samples, write_counts

if TYPE_CHECKING:
    import pyarrow as pa


T = TypeVar("T", bound=SentencePair)


def cut_row_groups(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut pairs or samples where :class:`SampleWriter` cuts: a group of a line stays whole.

    A row group has `size` rows; it ends with the group that reaches it.
    """
    members: list[T] = []
    for row in rows:
        if _is_full(members, size, row):
            yield members
            members = []
        members.append(row)
    if members:
        yield members


def _is_full(members: Sequence[SentencePair], size: int, row: SentencePair) -> bool:
    return len(members) >= size and not (row.group and members[-1].group == row.group)


class SampleWriter:
    """Write samples as they come; made by :func:`write_store`.

    Args:
        folder: an existing empty folder.
        row_group: rows of a row group. A group of the same non-empty `group` key, whose rows must
            follow each other, is never cut, so that a row group can be a little longer.
        part: rows after which the next Parquet file is begun, at the end of a row group.
    """

    def __init__(self, folder: Path, *, row_group: int = 1024, part: int = 1_000_000) -> None:
        if row_group < 1 or part < 1:
            raise ValueError("row_group and part must be at least 1")
        self.folder, self.row_group, self.part = folder, row_group, part
        self.rows = self.rows_with_words = self.words = 0
        self.pairs: Counter[str] = Counter()
        self.finders: Counter[str] = Counter()
        self.languages: set[str] = set()
        self.units: list[int] = []  # of each row group, as is the next
        self.units_with_words: list[int] = []
        self._buffer: list[Sample] = []
        self._open: list[Any] = []  # the writer of the last part, and its file
        self._parts = self._in_part = 0

    def add(self, sample: Sample) -> None:
        """Take one sample; ValueError if a span is empty, upside down or outside its text."""
        check_spans(sample)
        buffer = self._buffer
        if _is_full(buffer, self.row_group, sample):
            self._write(buffer)
            buffer.clear()
        buffer.append(sample)

    def close(self) -> None:
        """Write what is left and finish the last file; a store without rows keeps one file."""
        if self._buffer or not self._parts:
            self._write(self._buffer)
            self._buffer = []
        self.abort()

    def abort(self) -> None:
        """Let go of the open file, after an error: the folder is thrown away by the caller."""
        while self._open:
            self._open.pop(0).close()

    def add_row_group(self, table: pa.Table, tally: Tally) -> None:
        """Take a whole row group that was made elsewhere; not to be mixed with :meth:`add`."""
        if not self._open:
            file = open_file(self.folder / f"part-{self._parts:05d}.parquet", "wb")
            self._open = [open_writer(file), file]
            self._parts += 1
            self._in_part = 0
        self._open[0].write_table(table, row_group_size=max(tally.rows, 1))
        if tally.rows:
            self.units.append(tally.units)
            self.units_with_words.append(tally.units_with_words)
        self.pairs.update(tally.pairs)
        self.finders.update(tally.finders)
        self.languages.update(tally.languages)
        self.words += tally.words
        self.rows_with_words += tally.rows_with_words
        self.rows += tally.rows
        self._in_part += tally.rows
        if self._in_part >= self.part:
            self.abort()

    def _write(self, samples: list[Sample]) -> None:
        self.add_row_group(to_table(samples), count_samples(samples))


@contextmanager
def write_store(
    path: str | Path,
    *,
    row_group: int = 1024,
    part: int = 1_000_000,
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[SampleWriter]:
    """Open a new store for writing; it takes its name only when the block ends without an error.

    Args:
        path: the folder; an older store of that name is replaced in one step. A folder that holds
            anything else is never replaced.
        row_group, part: see :class:`SampleWriter`.
        metadata: what to keep in ``_metadata.json`` beside the counts. It is read when the block
            ends, so that it may be filled meanwhile.

    Raises:
        ConfigError: `path` is there and is neither a store nor an empty folder.
        CrosszeroError: the folder can't be written.

    Example:
        >>> with write_store("samples") as writer:      # doctest: +SKIP
        ...     writer.add(sample)
    """
    given = {Path(path): metadata or {}}
    with write_stores(given, row_group=row_group, part=part) as (writer,):
        yield writer


@contextmanager
def write_stores(
    stores: Mapping[Path, Mapping[str, Any]], *, row_group: int = 1024, part: int = 1_000_000
) -> Iterator[list[SampleWriter]]:
    """Open one store, or two that belong together: they are whole before either takes its name.

    Each of two says in its metadata what the other holds, so that neither is taken for the partner
    of another store; see :func:`check_partner`.

    Args:
        stores: folders and their metadata, in the order in which they take their names.
        row_group, part: see :class:`SampleWriter`.
    """
    for path in stores:
        check_place(path)
    with atomic_folders(*stores) as folders:
        writers = [SampleWriter(folder, row_group=row_group, part=part) for folder in folders]
        try:
            yield writers
        except BaseException:
            for writer in writers:
                writer.abort()
            raise
        for writer in writers:
            writer.close()
        contents = dict(zip(stores, map(hash_files, folders), strict=True))
        for writer, (path, metadata) in zip(writers, stores.items(), strict=True):
            partner: dict[str, Any] = {}
            for other in stores.keys() - {path}:  # where it stands, so that both may be moved
                place = os.path.relpath(other.resolve(), path.resolve())
                partner = {PARTNER: {"folder": place, "content": contents[other]}}
            record = {
                "schema_version": SCHEMA_VERSION,
                "rows": writer.rows,
                "words": writer.words,
                "languages": sorted(writer.languages),
                "language_pairs": dict(sorted(writer.pairs.items())),
                "finders": dict(sorted(writer.finders.items())),
                "units": write_counts(writer.units),
                "units_with_words": write_counts(writer.units_with_words),
                "content": contents[path],
                **partner,
                **metadata,
            }
            text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
            (writer.folder / METADATA).write_text(text, encoding="utf-8", errors="backslashreplace")

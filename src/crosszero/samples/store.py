"""The store of samples: a folder of Parquet files and a small JSON file with its numbers.

Parquet, because any tool reads it; spans in characters, because a sample must survive a change of
tokeniser; row groups that end where a `group` ends, because a reader takes one row group at a time
and multi-way training wants all languages of one meaning together.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from crosszero.bitext.formats.parquet import STORE_VERSION
from crosszero.config import build, read_json
from crosszero.errors import ConfigError, DataError
from crosszero.samples.columns import METADATA, SCHEMA_VERSION, TEXTS, RowGroup, open_file
from crosszero.samples.columns import schema as schema
from crosszero.samples.sample import Sample
from crosszero.samples.store_places import check_partner
from crosszero.samples.tally import count_samples, read_counts
from crosszero.samples.writer import SampleWriter as SampleWriter
from crosszero.samples.writer import write_store as write_store


class SampleStore:
    """Read a store, one row group at a time.

    Attributes:
        path: the folder.
        rows: rows in all files.
        row_groups: rows of every row group in order, from the footers only.
        metadata: what ``_metadata.json`` holds.
        fingerprint: a hash that changes with the content; cheap: of sizes and footers only.

    Example:
        >>> store = SampleStore.open("samples")          # doctest: +SKIP
        >>> store.read_row_group(0)[0].words             # doctest: +SKIP
        (WordPair(source=Span(start=4, end=11), target=Span(start=3, end=8), score=0.83),)
    """

    def __init__(self, path: Path, files: list[Path], metadata: dict[str, Any]) -> None:
        self.path, self.metadata = path, metadata
        self.row_groups: list[int] = []
        self._where: list[tuple[Path, int]] = []
        self._open: tuple[Path, Any] | None = None
        digest = hashlib.sha256(str(metadata.get("content")).encode())
        for file in files:
            footer = _open_parquet(file).metadata
            digest.update(os.fsencode(f"{file.name}:{file.stat().st_size}"))
            for index in range(footer.num_row_groups):
                group = footer.row_group(index)
                if not group.num_rows:
                    continue  # a store without rows keeps one empty group, for its schema
                self.row_groups.append(group.num_rows)
                self._where.append((file, index))
                digest.update(f":{group.num_rows}:{group.total_byte_size}".encode())
            with file.open("rb") as handle:
                handle.seek(max(0, file.stat().st_size - 65_536))
                digest.update(handle.read())
        self.rows = sum(self.row_groups)
        self.fingerprint = digest.hexdigest()

    @classmethod
    def open(cls, path: str | Path) -> SampleStore:
        """Open a store and check that it is one.

        Raises:
            DataError: no such folder, not a store, a column is missing, a file is cut off, the
                store was written by another version, or stands beside a held-out store that was
                not made together with it.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(path, "is not a folder of samples; 'crosszero prepare' makes one")
        files = sorted(path.glob("*.parquet"))
        if not files:
            raise DataError(path, "holds no .parquet file; 'crosszero prepare' makes a store")
        for file in files:
            _check_columns(file)
        metadata = _read_metadata(path / METADATA)
        check_partner(path)
        store = cls(path, files, metadata)
        if metadata.get("rows", store.rows) != store.rows:
            raise DataError(
                path,
                f"the metadata lists {metadata['rows']} rows, but {store.rows} were found: a file "
                "is missing",
            )
        return store

    @property
    def languages(self) -> list[str]:
        """Language codes of the store, sorted."""
        known = self.metadata.get("languages")
        if known is None:  # made by another tool, without _metadata.json
            known = {code for s in self for code in (s.source_language, s.target_language)}
        return sorted(known)

    @property
    def language_pairs(self) -> list[str]:
        """Language pairs of the store, such as ``en-fr``, sorted."""
        known = self.metadata.get("language_pairs")
        if known is None:
            known = {f"{s.source_language}-{s.target_language}" for s in self}
        return sorted(known)

    def list_sources(self) -> list[str]:
        """List the files and data sets that the pairs come from, sorted; each row is looked at."""
        import pyarrow.compute as pc

        found: set[str] = set()
        for file in dict.fromkeys(file for file, _ in self._where):
            for rows in _open_parquet(file).iter_batches(columns=["origin"]):
                names = pc.replace_substring_regex(rows["origin"], r":\d+$", "")
                found.update(pc.unique(names).drop_null().to_pylist())
        return sorted(found)

    def count_units(self, *, with_words: bool) -> list[int]:
        """Number of meanings in each row group: rows without a group, and groups.

        The counts come from ``_metadata.json``; a store made by another tool is read once.

        Args:
            with_words: count only meanings with a word pair in at least one row.

        Raises:
            DataError: the store has to be read and is damaged.
        """
        name = "units_with_words" if with_words else "units"
        known = read_counts(self.metadata.get(name), self.row_groups)
        if known is None:
            tallies = (count_samples(self.read_row_group(i)) for i in range(len(self.row_groups)))
            known = [t.units_with_words if with_words else t.units for t in tallies]
        return known

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self.row_groups)):
            yield from self.read_row_group(index)

    def read_row_group(self, index: int) -> RowGroup:
        """Read one row group; never more than that is held in memory.

        Args:
            index: from 0 to ``len(store.row_groups) - 1``.

        Raises:
            DataError: the file is damaged, a text is null, or a span lies outside its text.
        """
        import pyarrow as pa

        file, number = self._where[index]
        if self._open is None or self._open[0] != file:
            self._open = (file, _open_parquet(file))
        try:
            table = self._open[1].read_row_group(number, columns=[*TEXTS, "words"])
        except (OSError, ValueError, pa.ArrowException) as error:  # a name that is no text, too
            raise DataError(file, f"row group {number} can't be read ({error})") from error
        try:
            return RowGroup(table)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(file, f"row group {number}: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}  # open files don't travel to worker processes


def _open_parquet(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(open_file(file))
        _ = table.schema_arrow.names
        return table
    except (OSError, ValueError, pa.ArrowException) as error:  # a name that is no text, too
        raise DataError(file, f"is not a complete Parquet file ({error})") from error


def _check_columns(file: Path) -> None:
    found = _open_parquet(file).schema_arrow
    if missing := set(schema().names) - set(found.names):
        raise DataError(
            file,
            f"is not a store of samples: column {', '.join(map(repr, sorted(missing)))} is missing",
        )
    version = (found.metadata or {}).get(STORE_VERSION.encode(), b"1").decode(errors="replace")
    if version != str(SCHEMA_VERSION):
        raise DataError(
            file,
            f"has schema version {version}, this library reads {SCHEMA_VERSION}: prepare it again",
        )
    words, wanted = found.field("words").type, schema().field("words").type
    if words != wanted:
        raise DataError(file, f"column 'words' has type {words}, {wanted} is needed")


def _read_metadata(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    metadata = read_json(path, dict[str, Any], "prepare it again")
    version = metadata.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            path,
            f"schema version {version}, this library reads {SCHEMA_VERSION}: prepare it again",
        )
    try:
        build(_Used, {f.name: metadata.get(f.name) for f in fields(_Used)})
    except ConfigError as error:
        raise DataError(path, f"damaged ({error}); prepare it again") from error
    return metadata


@dataclass(frozen=True, kw_only=True)
class _Used:
    """Of ``_metadata.json`` what is used; all of it may be missing."""

    rows: int | None
    languages: list[str] | None
    language_pairs: dict[str, int] | None
    finder_config: dict[str, Any] | None


def collect(samples: Iterable[Sample], path: str | Path) -> SampleStore:
    """Write samples that are at hand to a store and open it."""
    with write_store(path) as writer:
        for sample in samples:
            writer.add(sample)
    return SampleStore.open(path)

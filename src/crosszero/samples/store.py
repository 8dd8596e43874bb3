"""The store of samples: a folder of Parquet files and a small JSON file with its numbers.

Parquet, because any tool reads it; spans in characters, because a sample must survive a change of
tokeniser; row groups that end where a `group` ends, because a reader takes one row group at a time
and multi-way training wants all languages of one meaning together.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosszero.errors import DataError
from crosszero.files import atomic_folder, hash_files
from crosszero.samples.sample import Sample, Span, WordPair

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
METADATA = "_metadata.json"  # the underscore: data set readers pass over it
_TEXTS = ("source", "target", "source_language", "target_language", "origin", "group", "finder")
_ENDS = ("source_start", "source_end", "target_start", "target_end")


def schema() -> pa.Schema:
    """Give the Parquet schema of a store."""
    import pyarrow as pa

    code = pa.dictionary(pa.int32(), pa.string())
    word = pa.struct([*((name, pa.int32()) for name in _ENDS), ("score", pa.float32())])
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
        self.rows = 0
        self.words = 0
        self.pairs: Counter[str] = Counter()
        self.finders: Counter[str] = Counter()
        self.languages: set[str] = set()
        self._buffer: list[Sample] = []
        self._tail = 0  # where the group of the last row begins
        self._file: Any = None
        self._parts = 0
        self._in_part = 0

    def add(self, sample: Sample) -> None:
        """Take one sample.

        Raises:
            ValueError: a span is empty, upside down or outside its text.
        """
        _check(sample)
        buffer = self._buffer
        if not (buffer and sample.group and buffer[-1].group == sample.group):
            if len(buffer) >= self.row_group:
                self._write(buffer)
                buffer.clear()
            self._tail = len(buffer)
        buffer.append(sample)

    def close(self) -> None:
        """Write what is left and finish the last file; a store without rows keeps one file."""
        if self._buffer or not self._parts:
            self._write(self._buffer)
            self._buffer = []
        self._end_part()

    def abort(self) -> None:
        """Let go of the open file after an error; the folder is thrown away by the caller."""
        self._end_part()

    def _write(self, samples: list[Sample]) -> None:
        import pyarrow.parquet as pq

        if self._file is None:
            path = self.folder / f"part-{self._parts:05d}.parquet"
            self._file = pq.ParquetWriter(path, schema(), compression="zstd")
            self._parts += 1
            self._in_part = 0
        table = _table(samples)
        self._file.write_table(table, row_group_size=max(len(samples), 1))
        for sample in samples:
            self.pairs[f"{sample.source_language}-{sample.target_language}"] += 1
            self.finders[sample.finder] += 1
            self.languages.update((sample.source_language, sample.target_language))
            self.words += len(sample.words)
        self.rows += len(samples)
        self._in_part += len(samples)
        if self._in_part >= self.part:
            self._end_part()

    def _end_part(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


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
        path: the folder; an older store of that name is replaced in one step.
        row_group, part: see :class:`SampleWriter`.
        metadata: what to keep in ``_metadata.json`` beside the counts. It is read when the block
            ends, so that it may be filled meanwhile.

    Raises:
        CrosszeroError: the folder can't be written.

    Example:
        >>> with write_store("samples") as writer:      # doctest: +SKIP
        ...     writer.add(sample)
    """
    with atomic_folder(path) as folder:
        writer = SampleWriter(folder, row_group=row_group, part=part)
        try:
            yield writer
        except BaseException:
            writer.abort()
            raise
        writer.close()
        record = {
            "schema_version": SCHEMA_VERSION,
            "rows": writer.rows,
            "words": writer.words,
            "languages": sorted(writer.languages),
            "language_pairs": dict(sorted(writer.pairs.items())),
            "finders": dict(sorted(writer.finders.items())),
            "content": hash_files(folder),
            **(metadata or {}),
        }
        text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
        (folder / METADATA).write_text(text, encoding="utf-8")


class SampleStore:
    """Read a store, one row group at a time.

    Attributes:
        path: the folder.
        rows: rows in all files.
        row_groups: rows of every row group in order, from the footers only.
        metadata: what ``_metadata.json`` holds.

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
            digest.update(f"{file.name}:{file.stat().st_size}".encode())
            for index in range(footer.num_row_groups):
                group = footer.row_group(index)
                if not group.num_rows:
                    continue  # a store without rows keeps one empty group, for its schema
                self.row_groups.append(group.num_rows)
                self._where.append((file, index))
                digest.update(f":{group.num_rows}:{group.total_byte_size}".encode())
            digest.update(_last_bytes(file))
        self.rows = sum(self.row_groups)
        self._fingerprint = digest.hexdigest()

    @classmethod
    def open(cls, path: str | Path) -> SampleStore:
        """Open a store and check that it is one.

        Raises:
            DataError: no such folder, not a store, a column is missing, a file is cut off, or the
                store was written by another version.
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
        store = cls(path, files, metadata)
        if metadata.get("rows", store.rows) != store.rows:
            raise DataError(
                path,
                f"{metadata['rows']} rows are announced, {store.rows} found: a file is missing",
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
    def fingerprint(self) -> str:
        """A hash that changes with the content; cheap: reads sizes and footers only."""
        return self._fingerprint

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self.row_groups)):
            yield from self.read_row_group(index)

    def read_row_group(self, index: int) -> list[Sample]:
        """Read one row group; never more than that is held in memory.

        Args:
            index: from 0 to ``len(store.row_groups) - 1``.

        Raises:
            DataError: the file is damaged, or a span lies outside its text.
        """
        import pyarrow as pa

        file, number = self._where[index]
        if self._open is None or self._open[0] != file:
            self._open = (file, _open_parquet(file))
        try:
            table = self._open[1].read_row_group(number, columns=[*_TEXTS, "words"])
        except (OSError, pa.ArrowException) as error:
            raise DataError(file, f"row group {number} can't be read ({error})") from error
        try:
            samples = list(_samples(table))
            for sample in samples:
                _check(sample)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(file, f"row group {number}: {error}") from error
        return samples

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}  # open files don't travel to worker processes


def _table(samples: list[Sample]) -> pa.Table:
    import pyarrow as pa

    words = [word for sample in samples for word in sample.words]
    ends = [0, *accumulate(len(sample.words) for sample in samples)]
    fields: list[list[Any]] = [
        [word.source.start for word in words],
        [word.source.end for word in words],
        [word.target.start for word in words],
        [word.target.end for word in words],
        [word.score for word in words],
    ]
    kind = schema().field("words").type.value_type
    struct = pa.StructArray.from_arrays(
        [pa.array(f, kind.field(i).type) for i, f in enumerate(fields)], fields=list(kind)
    )
    lists = pa.ListArray.from_arrays(
        pa.array(ends, pa.int32()), struct, type=schema().field("words").type
    )
    texts = [
        pa.array([getattr(s, name) for s in samples], type=schema().field(name).type)
        for name in _TEXTS
    ]
    return pa.Table.from_arrays([*texts, lists], schema=schema())


def _samples(table: pa.Table) -> Iterator[Sample]:
    import pyarrow as pa

    texts = [table.column(name).to_pylist() for name in _TEXTS]
    words = table.column("words").combine_chunks()
    if isinstance(words, pa.ChunkedArray):  # an empty column has no chunk to combine
        words = words.chunk(0) if words.num_chunks else pa.array([], type=words.type)
    lengths = words.value_lengths().to_pylist()
    flat = words.flatten()
    a, b, c, d = (flat.field(name).to_pylist() for name in _ENDS)
    scores = flat.field("score").to_pylist()
    pairs = [WordPair(Span(a[i], b[i]), Span(c[i], d[i]), scores[i]) for i in range(len(scores))]
    position = 0
    for values, length in zip(zip(*texts, strict=True), lengths, strict=True):
        end = position + (length or 0)
        yield Sample(**dict(zip(_TEXTS, values, strict=True)), words=tuple(pairs[position:end]))
        position = end


def _check(sample: Sample) -> None:
    source_length, target_length = len(sample.source), len(sample.target)
    for (a, b), (c, d), _ in sample.words:
        if not (0 <= a < b <= source_length and 0 <= c < d <= target_length):
            raise ValueError(
                f"{sample.origin}: word pair {a}:{b} - {c}:{d} lies outside its texts of "
                f"{source_length} and {target_length} characters, or is empty"
            )


def _open_parquet(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(file, f"is not a whole Parquet file ({error})") from error


def _check_columns(file: Path) -> None:
    found = _open_parquet(file).schema_arrow
    missing = [name for name in schema().names if name not in found.names]
    if missing:
        raise DataError(
            file, f"is not a store of samples: column {', '.join(map(repr, missing))} is missing"
        )
    version = (found.metadata or {}).get(b"crosszero.schema_version", b"1").decode()
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
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, f"can't be read as JSON ({error})") from error
    if not isinstance(metadata, dict):
        raise DataError(path, "must hold a JSON object")
    version = metadata.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            path,
            f"schema version {version}, this library reads {SCHEMA_VERSION}: prepare it again",
        )
    return metadata


def _last_bytes(file: Path, count: int = 65_536) -> bytes:
    with file.open("rb") as handle:
        handle.seek(max(0, file.stat().st_size - count))
        return handle.read()


def collect(samples: Iterable[Sample], path: str | Path) -> SampleStore:
    """Write samples that are at hand to a store and open it."""
    with write_store(path) as writer:
        for sample in samples:
            writer.add(sample)
    return SampleStore.open(path)

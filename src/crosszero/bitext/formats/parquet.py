"""Local Parquet: which files make a split, and their rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crosszero.bitext.decoding import BadText
from crosszero.bitext.lines import check_file
from crosszero.bitext.reader import Place
from crosszero.errors import ConfigError, DataError, one_line, suggest

STORE_VERSION = "crosszero.schema_version"  # the key in the metadata of a store of samples
_BATCH = 1024
_DEFAULT = "train"
_SPLIT = re.compile(r"(train|test|validation|valid|val|dev)(?![A-Za-z])", re.IGNORECASE)
_SAME = dict.fromkeys(("valid", "val", "dev"), "validation")


def choose_split(path: str | Path, split: str = _DEFAULT) -> tuple[list[Path], list[Path]]:
    """Choose the files of a split: those whose name, or a folder of theirs, starts with it.

    ``valid``, ``val`` and ``dev`` mean ``validation``. Where no name tells a split, ``train`` is
    all files. Also given are the files that belong to no split while others do.
    """
    folder = Path(path).is_dir()
    files = sorted(Path(path).rglob("*.parquet")) if folder else [Path(path)]
    if not files:
        raise DataError(path, "no *.parquet file in this folder")
    told = {
        file: _split_of(file.relative_to(path) if folder else Path(file.name)) for file in files
    }
    known = {name for name in told.values() if name}
    if split == _DEFAULT and (not known or not folder):
        return files, []
    if not known:
        problem = f"split is {split!r}, but the file names show no splits: remove split"
        raise ConfigError(f"{path}: {problem}, or call the files like {split}-0.parquet")
    chosen = [file for file, name in told.items() if name == _SAME.get(split, split)]
    if not chosen:
        raise ConfigError(f"{path}: no file of the split {split!r}; {suggest(str(split), known)}")
    return chosen, [file for file, name in told.items() if name is None]


def _split_of(file: Path) -> str | None:
    for part in reversed(file.parts):
        if match := _SPLIT.match(part):
            name = match[1].lower()
            return _SAME.get(name, name)
    return None


class ParquetRows:
    """Rows of local Parquet files, batch by batch, through pyarrow.

    `columns` are those of the first file, and of each the keys, if it is a struct; none if it is a
    map, ``None`` if it is anything else.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        for file in files:
            check_file(file, text=False)
        self.columns = _read_columns(files[0])

    def read(self, columns: list[str]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Yield file and row number from 1, and the row's values in these columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for file in self.files:
            number = 0
            if missing := set(columns) - _read_columns(file).keys():
                problem = f"has no column {min(missing)!r}, which {self.files[0].name} has"
                raise DataError(file, problem)
            try:
                with file.open("rb") as opened, pq.ParquetFile(opened) as table:
                    for batch in table.iter_batches(_BATCH, columns=columns):
                        for row in _read_rows(batch):
                            number += 1
                            yield (file, number), row
            except (pa.ArrowException, OSError, ValueError) as error:
                problem = f"damaged Parquet ({one_line(error)}): download it again"
                raise DataError(file, problem, line=number + 1) from error


def _read_columns(file: Path) -> dict[str, list[str] | None]:
    """Name the columns, and the keys of those that are structs (none for maps)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with file.open("rb") as opened, pq.ParquetFile(opened) as table:
            schema = table.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:  # a name that is no text, too
        raise DataError(file, f"is not Parquet ({one_line(error)})") from error
    if STORE_VERSION.encode() in (schema.metadata or {}):
        raise DataError(
            file,
            "is of a store of samples, each row of which has languages of its own: prepare the "
            "text that it was made from, or in Python cz.prepare(cz.SampleStore.open(...))",
        )
    found: dict[str, list[str] | None] = {}
    for name, kind in {column.name: column.type for column in schema}.items():
        found[name] = [] if pa.types.is_map(kind) else None
        if pa.types.is_struct(kind):
            found[name] = [kind.field(i).name for i in range(kind.num_fields)]
    return found


def _read_rows(batch: Any) -> list[dict[str, Any]]:
    """Give rows their values; in the place of one that is not UTF-8 what is wrong with it."""
    try:
        return batch.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        names = batch.schema.names
        return [
            {name: _read_value(name, batch.column(name)[row]) for name in names}
            for row in range(batch.num_rows)
        ]


def _read_value(name: str, scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return BadText("not UTF-8", f"column {name!r} is not UTF-8: write the file again")

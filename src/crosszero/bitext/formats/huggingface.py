"""Hugging Face data sets: from the hub (extra ``datasets``), or local Parquet (needs no extra)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crosszero.bitext.columns import check_columns, find_columns, find_languages
from crosszero.bitext.decoding import BadText
from crosszero.bitext.formats.parquet import ParquetRows, choose_split
from crosszero.bitext.languages import pick_languages
from crosszero.bitext.reader import Place, Reader, Row
from crosszero.errors import ConfigError, DataError, MissingExtraError, one_line, suggest

_STRUCT = "translation"  # {"en": "...", "fr": "..."}: the form of the hub's translation data sets


class HuggingFaceReader(Reader):
    """Read a data set of the Hugging Face hub, or a local Parquet file or folder of them.

    Two forms are known: a column ``translation`` with one text for each language, and a column for
    each language, called like it unless `columns` says how.

    Of local files those are read whose names or folders start with the split, if any name tells one
    (``train-00000-of-00002.parquet``, ``test/0.parquet``); a file that is itself named as the path
    is read whatever it is, unless the split was set to another.
    """

    format = "huggingface"
    suffixes = (".parquet",)
    options = ("pairs", "columns", "subset", "split", "revision")
    folders = True
    columns: Sequence[int | str] | None = None
    subset: str | None = None
    split = "train"
    revision: str | None = None

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        (path,) = self.paths
        self._source: ParquetRows | _HubRows
        if Path(path).exists() or str(path).endswith(".parquet"):
            for option in ("subset", "revision"):
                if (value := getattr(self, option)) is not None:
                    raise ConfigError(
                        f"{path}: {option} is {value!r}, but only data sets on the hub have that, "
                        f"and this one is local: remove {option}"
                    )
            files, others = choose_split(path, self.split)
            for file in others:
                self.skip_log.leave_out(file, None, "file without a split")
            self._source = ParquetRows(files)
        else:
            self._source = _HubRows(self.name, self.subset, self.split, self.revision)
        found, self._fields = _choose_columns(path, self._source.columns, languages, self.columns)
        return found

    def rows(self) -> Iterator[Row]:
        columns = list(dict.fromkeys(column for column, _ in self._fields))
        for place, row in self._source.read(columns):
            texts = [_text(row, column, key) for column, key in self._fields]
            yield Row(texts, [place] * len(texts))


def _choose_columns(
    name: str | Path,
    known: Mapping[str, list[str] | None],
    languages: Sequence[str] | None,
    columns: Sequence[int | str] | None,
) -> tuple[Sequence[str], list[tuple[str, str | None]]]:
    """Say for each language in which column, and under which key in it, its text stands."""
    if columns is not None:
        if languages is None:
            raise ConfigError(
                f"{name}: columns names {len(columns)} columns; name as many languages, in the "
                "same order: --languages en fr"
            )
        try:
            return languages, _choose_named(list(known), languages, columns)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from error
    keys, there = known.get(_STRUCT), f"(there are: {', '.join(known)})"
    if languages is None and not keys:
        raise ConfigError(
            f"{name}: the languages are not known; give them, and their columns: "
            f"--languages en fr --columns A B {there}"
        )
    languages = languages or keys or ()
    # A map column has no fixed keys; then the language as asked for is the key.
    codes = known if keys is None else keys
    found = languages if keys == [] else pick_languages(languages, codes, name)
    if None in found:
        language = languages[found.index(None)]
        raise ConfigError(
            f"{name}: no column is called {language!r}; say which columns hold "
            f"{' '.join(languages)}: --columns A B {there}"
            if keys is None
            else f"{name}: {_STRUCT} has no {language!r}; {suggest(language, keys)}"
        )
    return languages, [(str(x), None) if keys is None else (_STRUCT, x) for x in found]


def _choose_named(
    names: Sequence[str], languages: Sequence[str], columns: Sequence[int | str]
) -> list[tuple[str, str | None]]:
    check_columns(columns, languages)
    positions = find_columns(columns, names)
    if max(positions) >= len(names):
        raise ConfigError(f"no column {max(positions)}; there are 0 to {len(names) - 1}")
    called = [names[position] for position in positions]
    find_languages(languages, called, columns)
    return [(column, None) for column in called]


def _text(row: Mapping[str, Any], column: str, key: str | None) -> str | BadText:
    value = row.get(column)
    if key is not None and isinstance(value, Mapping | list):  # a Parquet map arrives as pairs
        value = dict(value).get(key)
    if value is None:
        return ""
    if isinstance(value, str | BadText):
        return value
    return BadText("not text", f"column {column!r} holds {type(value).__name__}, text is needed")


class _HubRows:
    """Rows of a data set of the hub, streamed. `columns` is as in :class:`ParquetRows`."""

    def __init__(self, name: str, subset: str | None, split: str, revision: str | None) -> None:
        try:
            import datasets
        except ImportError as error:
            raise MissingExtraError("datasets", "datasets", f"the hub data set {name!r}") from error
        self.name = name
        try:
            self._data = datasets.load_dataset(
                name, subset, split=split, revision=revision, streaming=True
            )
            features = self._data.features or self._data.resolve_features().features
        except Exception as error:  # of dozens of types, which all mean the same to the user
            raise DataError(
                name,
                f"can't be loaded from the hub ({type(error).__name__}: {one_line(error)}): "
                "check name, subset, split, revision and the connection",
            ) from error
        self.columns = {column: _keys(feature) for column, feature in features.items()}

    def read(self, columns: list[str]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        number = 0
        try:
            for row in self._data.select_columns(columns):
                number += 1
                yield (self.name, number), row
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(
                self.name,
                f"reading stopped ({type(error).__name__}: {one_line(error)}): check the "
                "connection and start again",
                line=number + 1,
            ) from error


def _keys(feature: Any) -> list[str] | None:
    """Name the keys of a feature that is a struct, or a Translation; ``None`` for other columns."""
    keys = feature if isinstance(feature, Mapping) else getattr(feature, "languages", None)
    return list(keys) if keys else None

"""Hugging Face data sets: from the hub (extra ``datasets``), or local Parquet (needs no extra)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crosszero.bitext.formats.parquet import ParquetRows, choose_split, first_line
from crosszero.bitext.languages import check_languages, find_language
from crosszero.bitext.lines import BadText
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import cut_row, plan_pairs
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, MissingExtraError, suggest

_STRUCT = "translation"  # {"en": "...", "fr": "..."}: the form of the hub's translation data sets


class HuggingFaceReader:
    """Read a data set of the Hugging Face hub, or a local Parquet file or folder of them.

    Two forms are known: a column ``translation`` with one text for each language, and a column for
    each language.

    Args:
        path: a Parquet file, a folder with ``*.parquet``, or a hub id like ``org/name``.
        languages: which to read. ``None`` takes those of the column ``translation``, if two.
        columns: the name of each language's column; ``None`` looks for ``translation``, then for
            columns that are called like the languages.
        subset: name of the data set's configuration (hub only).
        split: which split. Of local files those whose names or folders start with it, if any name
            tells a split (``train-00000-of-00002.parquet``, ``test/0.parquet``); a file that is
            itself named as `path` is read whatever it is, unless `split` was set to another.
        revision: commit or tag of the data set (hub only); name one to be able to repeat a run.
        pairs: for more than two languages: ``"all"``, or a pivot language.
        skip_log: takes what is left out; ``None`` raises at the first bad row.

    Raises:
        ConfigError: the languages are not known; a column or split is not there; a local path is
            given and an option of the hub.
        DataError: the data can't be read or is not text.
        MissingExtraError: a hub id is given and ``datasets`` is not installed.

    Example:
        >>> reader = HuggingFaceReader("Helsinki-NLP/opus-100", subset="en-fr",
        ...                            languages=["en", "fr"])  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path,
        *,
        languages: Sequence[str] | None = None,
        columns: Sequence[int | str] | None = None,
        subset: str | None = None,
        split: str = "train",
        revision: str | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        asked = None if languages is None else check_languages(languages)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self._rows = (
            _open_local(path, subset, split, revision, self.skip_log)
            if Path(path).exists() or str(path).endswith(".parquet")
            else _HubRows(str(path), subset=subset, split=split, revision=revision)
        )
        self.languages, self._fields = self._choose(asked, columns)
        self._plan = plan_pairs(self.languages, pairs)

    def __iter__(self) -> Iterator[SentencePair]:
        for place, number, row in self._rows.read([column for column, _ in self._fields]):
            texts = [_text(row, column, key) for column, key in self._fields]
            yield from cut_row(
                texts,
                [(place, number)] * len(texts),
                languages=self.languages,
                plan=self._plan,
                log=self.skip_log,
                group=f"{place}:{number}" if len(texts) > 2 else "",
            )

    def _choose(
        self, languages: tuple[str, ...] | None, columns: Sequence[int | str] | None
    ) -> tuple[tuple[str, ...], list[tuple[str, str | None]]]:
        """Say for each language in which column, and under which key in it, its text stands."""
        name, known = self._rows.name, self._rows.columns
        if columns is not None:
            if languages is None or len(columns) != len(languages):
                raise ConfigError(
                    f"{name}: columns names {len(columns)} columns; name as many languages, in the "
                    "same order: --languages en fr"
                )
            for column in columns:
                if not isinstance(column, str) or column not in known:
                    raise ConfigError(
                        f"{name}: no column {column!r}; {suggest(str(column), known)}"
                    )
            return languages, [(str(column), None) for column in columns]
        keys = known.get(_STRUCT)
        if keys is not None:
            languages = check_languages(keys) if languages is None else languages
            # A map column has no fixed keys; then the language as asked for is the key.
            found = [find_language(language, keys) if keys else language for language in languages]
            for language, key in zip(languages, found, strict=True):
                if key is None:
                    raise ConfigError(
                        f"{name}: {_STRUCT} has no {language!r}; {suggest(language, keys)}"
                    )
            return languages, [(_STRUCT, key) for key in found]
        if languages is None:
            raise ConfigError(
                f"{name}: the languages are not known; give them, and their columns: "
                f"--languages en fr --columns A B (there are: {', '.join(known)})"
            )
        picked = [find_language(language, known) for language in languages]
        for language, name_of in zip(languages, picked, strict=True):
            if name_of is None:
                raise ConfigError(
                    f"{name}: no column is called {language!r}; say which columns hold "
                    f"{' '.join(languages)}: --columns A B (there are: {', '.join(known)})"
                )
        return languages, [(str(column), None) for column in picked]


def _text(row: Mapping[str, Any], column: str, key: str | None) -> str | BadText:
    value = row.get(column)
    if key is not None:
        # A Parquet map arrives as pairs.
        value = dict(value).get(key) if isinstance(value, Mapping | list) else value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return BadText("not text", f"column {column!r} holds {type(value).__name__}, text is needed")


def _open_local(
    path: str | Path, subset: str | None, split: str, revision: str | None, log: SkipLog
) -> ParquetRows:
    for name, value in (("subset", subset), ("revision", revision)):
        if value is not None:
            raise ConfigError(
                f"{path}: {name} is {value!r}, which there is only on the hub, and this is local: "
                f"remove {name}"
            )
    files, others = choose_split(path, split)
    for file in others:
        log.leave_out(file, None, "file of no split")
    return ParquetRows(path, files)


class _HubRows:
    """Rows of a data set of the hub, streamed."""

    def __init__(self, name: str, *, subset: str | None, split: str, revision: str | None) -> None:
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
        except Exception as error:
            # The library and the network raise dozens of types; all mean the same to the user.
            raise DataError(
                name,
                f"can't be loaded from the hub ({type(error).__name__}: {first_line(error)}): "
                "check name, subset, split, revision and the connection",
            ) from error
        self.columns = {column: _keys(feature) for column, feature in features.items()}

    def read(self, columns: Sequence[str]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
        number = 0
        try:
            for row in self._data.select_columns(list(dict.fromkeys(columns))):
                number += 1
                yield self.name, number, row
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(
                self.name,
                f"reading stopped ({type(error).__name__}: {first_line(error)}): check the "
                "connection and start again",
                line=number + 1,
            ) from error


def _keys(feature: Any) -> list[str] | None:
    """Name the keys of a feature that is a struct, or a Translation; ``None`` for other columns."""
    if isinstance(feature, Mapping):
        return list(feature)
    languages = getattr(feature, "languages", None)
    return list(languages) if languages else None

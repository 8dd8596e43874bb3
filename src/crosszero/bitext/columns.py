"""Columns of a table that are chosen for the languages, by position or by name."""

from __future__ import annotations

from collections.abc import Sequence

from crosszero.bitext.languages import find_language
from crosszero.config import require
from crosszero.errors import ConfigError, suggest


def check_columns(columns: Sequence[int | str], languages: Sequence[str] | None) -> None:
    """See that columns can be those of the languages, if these are given (ConfigError)."""
    for column in columns:
        counted = isinstance(column, str) or column >= 0
        require("columns", column, counted, "names, or positions: 0 or more")
    if languages is not None and len(columns) != len(languages):
        raise ConfigError(
            f"columns names {len(columns)} columns for {len(languages)} languages "
            f"({' '.join(languages)}); one column for each language is needed, in the same order"
        )
    _check_once(columns, columns)


def find_columns(columns: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Give the positions of columns, some of which are called by name.

    Raises:
        ConfigError: a name is not there, or there twice, or two columns are the same one.
    """
    positions = []
    for column in columns:
        if isinstance(column, str) and (count := names.count(column)) != 1:
            raise ConfigError(
                f"{count} columns are called {column!r}: choose by position"
                if count
                else f"no column {column!r}; {suggest(column, names)}"
            )
        positions.append(names.index(column) if isinstance(column, str) else column)
    _check_once(columns, positions)
    return positions


def find_languages(
    languages: Sequence[str], names: Sequence[str], columns: Sequence[int | str] | None = None
) -> list[int] | None:
    """Say at which of the names of columns each language stands; ``None`` if they name not all.

    Raises:
        ConfigError: these `columns` were chosen, and stand in another order than the languages.
    """
    codes = [find_language(language, names) for language in languages]
    if None in codes or len(set(codes)) < len(codes):
        return None
    order = [names.index(code) for code in codes if code is not None]
    if columns is not None and order != sorted(order):
        raise ConfigError(
            f"the columns {' '.join(map(str, columns))} are called {' '.join(names)}, --languages "
            f"says {' '.join(languages)}: bring them into the same order"
        )
    return order


def _check_once(columns: Sequence[int | str], places: Sequence[int | str]) -> None:
    if len(set(places)) < len(places):
        raise ConfigError(f"columns is {list(columns)}; name every column only once")

"""Tab-separated text: one row per line, one language per column.

Quotation marks are text here. Undoing CSV quoting would join all lines from one lone ``"`` to the
next, and corpora are full of them. A file that looks quoted, or like it has a header, causes a
warning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

from crosszero.bitext.columns import check_columns, find_columns, find_languages
from crosszero.bitext.decoding import BadText
from crosszero.bitext.languages import (
    LANGUAGE_NAMES,
    base_language,
    is_known,
    languages_in_name,
)
from crosszero.bitext.lines import check_file, read_lines
from crosszero.bitext.reader import Reader, Row
from crosszero.errors import ConfigError, DataError

_logger = logging.getLogger("crosszero.bitext")

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')  # a cell as CSV writes it
_MANY = 50  # lines of the first hundred; if more are unlike the first line, that one is wrong
_WORDS = re.compile(r"[^\W\d_]+")
_COLUMNS = """
source target src trg tgt ref reference text sentence segment string phrase original translation
translated lang language
"""
_HEADER = LANGUAGE_NAMES | frozenset(_COLUMNS.split())


class TsvReader(Reader):
    """Read a TSV file, plain or gzip.

    Languages that are not given come from the file name, ``corpus.en-fr.tsv``. Without columns, any
    other number of columns than languages is an error. If the header names the languages, in any
    order, it says which column is which. Names in `columns` imply a header, and a first line of
    just the language codes is always taken for one, and counted if it was not announced.
    """

    format = "tsv"
    suffixes = (".tsv", ".tab")
    options = ("pairs", "columns", "header")
    columns: Sequence[int | str] | None = None
    header = False

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        (self.path,) = self.paths
        check_file(self.path)
        found = languages if languages is not None else languages_in_name(self.path)
        if found is None:
            raise ConfigError(
                f"{self.path}: the languages are not known; name the file like corpus.en-fr.tsv, "
                "or give them in the order of the columns: --languages en fr"
            )
        if self.columns is not None:
            check_columns(self.columns, found)
            self.header = self.header or any(isinstance(column, str) for column in self.columns)
        return found

    def rows(self) -> Iterator[Row]:
        positions = self._find_columns([]) if not self.header else []
        width = len(self.languages) if self.columns is None else 0
        quoted, odd = False, 0
        for number, line in enumerate(read_lines(self.path), start=1):
            if isinstance(line, BadText):
                if number == 1 and self.header:
                    raise DataError(self.path, f"the header can't be read: {line.message}", 1)
                self.skip_log.bad(self.path, number, line.reason, line.message)
                continue
            cells = line.split("\t")
            # Chosen columns: a line has to be as wide as the first, or a stray tab shifts them.
            width = width or len(cells)
            if number == 1:
                names = [cell.strip() for cell in cells]
                positions = self._find_columns(names)
                order = self._find_languages(names, positions)
                if order is None and self.columns is None:
                    self._check_name()
                positions = order or positions
                if order and not self.header:
                    self.skip_log.leave_out(self.path, 1, "header")
                if order or self.header:
                    continue
            if len(cells) != width or max(positions) >= width:
                odd += len(cells) != width
                if self.columns is not None and odd > _MANY >= number - _MANY:
                    raise DataError(
                        self.path,
                        f"has {width} tab-separated columns, but most of the next lines have not: "
                        "correct this line, or remove it",
                        1,
                    )
                self.skip_log.bad(self.path, number, "wrong columns", self._say(cells, width))
                continue
            texts = [cells[position] for position in positions]
            if number == 1 and self._is_like_header(texts):
                self._warn(1, "looks like a header: with --header it is not read as text")
            if not quoted and '"' in line and _is_quoted(texts, first=number == 1):
                quoted = True
                self._warn(
                    number,
                    "looks like quoted CSV, but quotation marks are read as text: remove the "
                    "quoting",
                )
            yield Row(texts, [(self.path, number)] * len(texts))

    def _check_name(self) -> None:
        """Refuse languages that the name of the file tells in the other order."""
        named = languages_in_name(self.path) or ()
        if [*map(base_language, named)] == [*map(base_language, self.languages)][::-1] != []:
            asked, told = " ".join(self.languages), " ".join(named)
            raise DataError(
                self.path,
                f"its name says {told}, --languages says {asked}: give them in the order of the "
                "columns, or rename the file",
                1,
            )

    def _find_columns(self, names: list[str]) -> list[int]:
        """Find the asked columns; those asked for by name in the header."""
        wanted = self.columns if self.columns is not None else range(len(self.languages))
        try:
            return find_columns(wanted, names)
        except ConfigError as error:
            raise DataError(self.path, str(error), 1) from error

    def _find_languages(self, cells: list[str], positions: list[int]) -> list[int] | None:
        """Say where the header has each language; ``None`` if the first line names none of them."""
        chosen, asked = self.columns, " ".join(self.languages)
        called = [cells[position] for position in positions if position < len(cells)]
        whole = len(called) == len(positions) and (chosen is not None or called == cells)
        try:
            order = find_languages(self.languages, called, chosen) if whole else None
        except ConfigError as error:
            raise DataError(self.path, str(error), 1) from error
        if order is not None:
            return [positions[place] for place in order]
        if self.header and chosen is None and all(map(is_known, cells)):
            raise DataError(
                self.path,
                f"the header says {' '.join(cells)}, --languages says {asked}: correct one of "
                "them, or choose columns with --columns 0 1",
                line=1,
            )
        return None

    def _is_like_header(self, cells: list[str]) -> bool:
        known = _HEADER | {base_language(language) for language in self.languages}
        words = [_WORDS.findall(cell.casefold()) for cell in cells]
        return all(cell and known.issuperset(cell) for cell in words)

    def _warn(self, number: int, problem: str) -> None:
        _logger.warning("%s:%d: %s", self.path, number, problem)

    def _say(self, cells: list[str], width: int) -> str:
        found = f"{len(cells)} tab-separated columns, {width} are needed"
        if any(cell.startswith('"') and cell.count('"') % 2 for cell in cells):
            remedy = "if a cell continues on the next line, write the file without CSV quoting"
            found += f", and a quotation mark is not closed: {remedy}"
        if self.columns is None:
            why = f"one for each of {' '.join(self.languages)}"
            return f"{found} ({why}): remove stray tabs, or choose columns with --columns 0 1"
        if len(cells) != width:
            return f"{found} (as in the lines before): remove stray tabs"
        return (
            f"columns {', '.join(map(str, self.columns))} are selected (counted from 0), but the "
            f"line has {width}: correct --columns"
        )


def _is_quoted(cells: list[str], *, first: bool) -> bool:
    """Say whether a quotation mark is doubled in a quoted cell, or the first line all quoted."""
    matches = [_QUOTED.fullmatch(cell.strip()) for cell in cells]
    return any(m and '""' in m[1] for m in matches) or (first and all(m and m[1] for m in matches))

"""Bilingual word lists: reading them, and finding those for a language pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from crosszero.align.word_boundaries import iso_639_1
from crosszero.bitext.lines import require_lines, split_words
from crosszero.errors import ConfigError, DataError


class Lexicon:
    """Translations of words and multi-word entries, for any number of language pairs.

    Example:
        >>> lexicon = Lexicon()
        >>> lexicon.add("en", "fr", [("weather", "temps"), ("time", "temps")])
        >>> sorted(lexicon.language_pairs)
        [('en', 'fr')]
        >>> lexicon.entries("fr-CA", "en-US")
        [('temps', 'weather'), ('temps', 'time')]
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], dict[tuple[str, str], None]] = {}

    def add(self, source: str, target: str, entries: Iterable[tuple[str, str]]) -> None:
        """Add entries of one language pair; they serve for both directions."""
        self._entries.setdefault((source, target), {}).update((entry, None) for entry in entries)

    @property
    def language_pairs(self) -> list[tuple[str, str]]:
        """Language pairs that have entries, each in the direction in which it was added."""
        return [languages for languages, entries in self._entries.items() if entries]

    def entries(self, source: str, target: str) -> list[tuple[str, str]]:
        """Entries of a language pair, from lists of either direction.

        Lists of exactly these codes are taken, or else lists of the same languages where one of two
        codes is the bare language: ``en`` serves for ``en-US``, ``pt-PT`` does not for ``pt-BR``.
        """
        for same in (_equal, _related):
            found: dict[tuple[str, str], None] = {}
            for (a, b), entries in self._entries.items():
                if same(a, source) and same(b, target):
                    found.update(entries)
                elif same(b, source) and same(a, target):
                    found.update(((y, x), None) for x, y in entries)
            if found:
                return list(found)
        return []


def read_lexicon(specifications: Sequence[str]) -> Lexicon:
    """Read word lists, UTF-8, plain or gzip.

    Args:
        specifications: ``LANGUAGE,LANGUAGE=FILE`` for a list of two columns (separated by a tab,
            or, if a line has none, by one run of spaces: the format of MUSE), or
            ``LANGUAGE=FILE`` for each of several lists where equal line numbers mean the same.

    Raises:
        ConfigError: a specification is of another form, or a lone aligned list.
        DataError: a file can't be read, is not UTF-8, holds no entry, has a line of one column, or
            aligned lists differ in length.

    Example:
        >>> read_lexicon(["en,fr=muse.txt"])                            # doctest: +SKIP
        >>> read_lexicon(["en=en.txt", "fr=fr.txt", "ru=ru.txt"])       # doctest: +SKIP
    """
    columns, aligned = split_specifications(specifications)
    lexicon = Lexicon()
    for source, target, file in columns:
        entries = list(_two_columns(file))
        if not entries:
            raise DataError(file, "has no entries: write one entry per line")
        lexicon.add(source, target, entries)
    lists = {
        code: [text.strip() for text in require_lines(file, empty_lines=True)]
        for code, file in aligned.items()
    }
    for code, texts in lists.items():
        if not any(texts):
            raise DataError(aligned[code], "has no entries: write one entry per line")
    for (a, first), (b, second) in combinations(lists.items(), 2):
        if len(first) != len(second):
            raise DataError(
                aligned[b],
                f"has {len(second)} lines, {aligned[a]} has {len(first)}: aligned lists need one "
                "concept on the same line of every file",
                line=min(len(first), len(second)) + 1,
            )
        rows = zip(first, second, strict=True)
        lexicon.add(a, b, [(x, y) for x, y in rows if x and y])
    if not lexicon.language_pairs:
        files = ", ".join(aligned.values())
        raise DataError(files, "no line has an entry in two of the files: are they aligned?")
    return lexicon


def split_specifications(
    specifications: Sequence[str],
) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
    """Take apart what :func:`read_lexicon` is given; no file is read.

    Returns:
        Two languages and the file of each list of two columns; the file of each aligned list.

    Raises:
        ConfigError: a specification is of another form, or a lone aligned list.
    """
    columns: list[tuple[str, str, str]] = []
    aligned: dict[str, str] = {}
    for specification in specifications:
        languages, separator, file = specification.partition("=")
        codes = [code.strip() for code in languages.split(",")]
        if not separator or not file or not all(codes) or len(codes) > 2:
            raise ConfigError(
                f"lexicon {specification!r}: write LANGUAGE,LANGUAGE=FILE for a list of two "
                "columns, or LANGUAGE=FILE for lists that are aligned line by line"
            )
        if len(codes) == 2:
            if _equal(*codes):
                raise ConfigError(
                    f"lexicon {specification!r}: the two columns need two different languages"
                )
            columns.append((codes[0], codes[1], file))
        elif any(_equal(codes[0], code) for code in aligned):
            raise ConfigError(
                f"lexicon: two aligned lists for language {codes[0]!r}; give one for each language"
            )
        else:
            aligned[codes[0]] = file
    if len(aligned) == 1:
        raise ConfigError(
            f"lexicon: one aligned list ({next(iter(aligned))}) is not enough; give a second"
        )
    return columns, aligned


def _equal(code: str, other: str) -> bool:
    return _plain(code) == _plain(other)


def _related(code: str, other: str) -> bool:
    """The same language, and at least one of the codes says no more than the language."""
    bare = any(not set("-@") & set(_plain(c)) for c in (code, other))
    return bare and iso_639_1(code) == iso_639_1(other)


def _plain(code: str) -> str:
    return code.strip().lower().replace("_", "-")


def _two_columns(file: str | Path) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(require_lines(file, empty_lines=True), start=1):
        if not text.strip():
            continue
        columns = text.split("\t") if "\t" in text else split_words(text)
        columns = [column.strip() for column in columns]
        if len(columns) != 2 or not all(columns):
            raise DataError(
                file,
                f"{len(columns)} columns found, two needed; separate them by a tab",
                line=number,
            )
        yield columns[0], columns[1]

"""gettext catalogues: PO text and compiled MO, alone or joined by their keys.

In most catalogues the key (msgid) is the English text and msgstr its translation: one file is a
bitext. In others the key is a name (``menu.open``): then two or more catalogues of the same keys
are joined, msgstr with msgstr.

Left out by rule, and counted: untranslated, fuzzy (guessed by a tool) and obsolete entries. Of
plural forms that of n = 1 is read with the singular. Markup and placeholders stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.bitext.formats.gettext_entries import Entry, is_mo, read_entries
from crosszero.bitext.languages import check_languages, is_code, same_language, split_suffix
from crosszero.bitext.lines import check_file
from crosszero.bitext.reader import Reader, Row, has_text
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError


class GettextReader(Reader):
    """Read PO or MO files, also as .gz.

    Args:
        paths: one catalogue, or several to be joined on msgctxt and msgid, which are held in
            memory.
        languages: for one catalogue: the language of msgid, then that of msgstr, or the other way
            round if the header says so. For joined catalogues: one for each file. ``None`` takes
            ``en`` (or the header's X-Source-Language) and the header's Language; what is no code
            there, like ``French``, counts as not given.
        pairs, skip_log: as in :class:`Reader`.

    Raises:
        ConfigError: the languages are not known, or contradict the header.
        DataError: a file can't be read; while iterating also: a place is bad.

    Example:
        >>> reader = GettextReader("fr.po", languages=["en", "fr"])  # doctest: +SKIP
    """

    format = "gettext"
    suffixes = (".po", ".mo", ".gmo")
    several = True

    def __init__(
        self,
        *paths: str | Path,
        languages: Sequence[str] | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        for path in paths:
            check_file(path, text=not is_mo(path))
        self.paths, self._swap = paths, False
        if len(paths) == 1:
            found, self._swap = _languages_of_one(paths[0], languages)
        else:
            found = _languages_of_many(paths, languages)
        super().__init__(", ".join(map(str, paths)), found, pairs=pairs, skip_log=skip_log)

    def rows(self) -> Iterator[Row]:
        return self._read_one() if len(self.paths) == 1 else self._read_joined()

    def _read_one(self) -> Iterator[Row]:
        path = self.paths[0]
        for entry in self._usable(path):
            texts = [entry.text, entry.key] if self._swap else [entry.key, entry.text]
            yield Row(texts, [(path, entry.line)] * 2)

    def _read_joined(self) -> Iterator[Row]:
        tables = [self._index(path) for path in self.paths]
        for identity, entry in tables[0].items():
            first = (self.paths[0], entry.line)
            found = [table.get(identity) for table in tables]
            if sum(other is not None for other in found) < 2:
                two = len(found) == 2
                missing = f"no {self.languages[1]} text" if two else "no text in another language"
                self.skip_log.leave_out(*first, missing)
                continue
            texts = ["" if other is None else other.text for other in found]
            places = [
                (path, entry.line if other is None else other.line)
                for path, other in zip(self.paths, found, strict=True)
            ]
            yield Row(texts, places, f"{first[0]}:{first[1]}")
        for path, table in zip(self.paths[1:], tables[1:], strict=True):
            for identity, entry in table.items():
                if identity not in tables[0]:
                    self.skip_log.leave_out(path, entry.line, f"no {self.languages[0]} text")

    def _index(self, path: str | Path) -> dict[tuple[str | None, str], Entry]:
        """Read a catalogue's translations by what joins them with those of another."""
        table: dict[tuple[str | None, str], Entry] = {}
        for entry in self._usable(path):
            if table.setdefault((entry.context, entry.key), entry) is not entry:
                self.skip_log.leave_out(path, entry.line, "key repeated")
        return table

    def _usable(self, path: str | Path) -> Iterator[Entry]:
        """Yield the entries that are translations, and count the others."""
        for entry in read_entries(path, self.skip_log):
            if not entry.key:
                continue  # the header
            if entry.obsolete:
                self.skip_log.leave_out(path, entry.line, "obsolete")
            elif entry.fuzzy:
                self.skip_log.leave_out(path, entry.line, "fuzzy")
            elif not has_text(entry.text):
                self.skip_log.leave_out(path, entry.line, "untranslated")
            else:
                yield entry


def _header(path: str | Path) -> dict[str, str]:
    """Read the header entry; empty if there is none. Bad places are told when the text is read."""
    for entry in read_entries(path, SkipLog(keep=0)):
        if entry.key or entry.context:
            break
        lines = [line.partition(":") for line in entry.text.split("\n")]
        return {name.strip().lower(): value.strip() for name, _, value in lines}
    return {}


def _code(value: str) -> str:
    """Read a language code in a header, ``pt_BR`` or ``pt_BR.UTF-8``; empty if it is none."""
    code = value.split(".")[0]
    return code if is_code(code) else ""


def _languages_of_one(
    path: str | Path, languages: Sequence[str] | None
) -> tuple[tuple[str, ...], bool]:
    """Tell the two languages, and whether msgstr is the first of them."""
    header = _header(path)
    language = _code(header.get("language", ""))
    if languages is None:
        source = header.get("x-source-language") or "en"
        if language and _code(source):
            return check_languages([_code(source), language]), False
        wrong = source if language else header.get("language", "")
        raise ConfigError(
            f"{path}: the header "
            + (f"says {wrong!r}, which is no language code" if wrong else "names no language")
            + "; give that of msgid and that of msgstr: --languages en fr"
        )
    asked = check_languages(languages, exactly=2)
    if not language or same_language(asked[1], language):
        return asked, False
    if same_language(asked[0], language):
        return asked, True
    raise ConfigError(
        f"{path}: the header says that the text is in {language!r}; --languages says "
        f"{' '.join(asked)}: name the right file or languages"
    )


def _languages_of_many(
    paths: Sequence[str | Path], languages: Sequence[str] | None
) -> tuple[str, ...]:
    if languages is not None:
        return check_languages(languages, exactly=len(paths))
    found = []
    for path in paths:
        stem = Path(path).name.removesuffix(".gz").rpartition(".")[0]
        in_name = split_suffix(f"x.{stem}")  # fr.po
        code = _code(_header(path).get("language", "")) or (in_name[1] if in_name else "")
        if not code:
            raise ConfigError(
                f"{path}: neither header nor name tells the language; "
                "give one for each file: --languages en fr"
            )
        found.append(code)
    return check_languages(found)

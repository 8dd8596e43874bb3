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
from typing import Any

from crosszero.bitext.folding import has_text
from crosszero.bitext.formats.gettext_entries import is_mo, read_entries
from crosszero.bitext.languages import check_languages, is_code, same_language, split_suffix
from crosszero.bitext.lines import check_file
from crosszero.bitext.reader import Reader, Row
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError


class GettextReader(Reader):
    """Read one PO or MO file (also .gz), or several joined on msgctxt and msgid.

    Of one catalogue the languages are that of msgid, then that of msgstr, or the other way round if
    the header says so; of joined catalogues one for each file. Those that are not given are ``en``
    (or the header's X-Source-Language) and the header's Language; what is no code there, like
    ``French``, counts as not given.
    """

    format = "gettext"
    suffixes = (".po", ".mo", ".gmo")
    several = True
    _swap = False  # msgstr first

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        for path in self.paths:
            check_file(path, text=not is_mo(path))
        if len(self.paths) > 1:
            return _languages_of_many(self.paths, languages)
        found, self._swap = _languages_of_one(self.paths[0], languages)
        return found

    def rows(self) -> Iterator[Row]:
        return self._read_one() if len(self.paths) == 1 else self._read_joined()

    def _read_one(self) -> Iterator[Row]:
        path = self.paths[0]
        for entry in self._translations(path):
            texts = [entry.msgid, entry.msgstr]
            yield Row(texts[::-1] if self._swap else texts, [(path, entry.linenum)] * 2)

    def _read_joined(self) -> Iterator[Row]:
        tables = [self._index(path) for path in self.paths]
        for key, entry in tables[0].items():
            found = [table.get(key) for table in tables]
            first = (self.paths[0], entry.linenum)
            if sum(other is not None for other in found) < 2:
                two = len(found) == 2
                missing = f"no {self.languages[1]} text" if two else "no text in another language"
                self.skip_log.leave_out(*first, missing)
                continue
            texts = ["" if other is None else other.msgstr for other in found]
            lines = [(entry if other is None else other).linenum for other in found]
            yield Row(texts, list(zip(self.paths, lines, strict=True)), first)
        for path, table in zip(self.paths[1:], tables[1:], strict=True):
            for key, entry in table.items():
                if key not in tables[0]:
                    self.skip_log.leave_out(path, entry.linenum, f"no {self.languages[0]} text")

    def _index(self, path: str | Path) -> dict[tuple[str | None, str], Any]:
        """Read a catalogue's translations by what joins them with those of another."""
        table: dict[tuple[str | None, str], Any] = {}
        for entry in self._translations(path):
            if table.setdefault((entry.msgctxt, entry.msgid), entry) is not entry:
                self.skip_log.leave_out(path, entry.linenum, "key repeated")
        return table

    def _translations(self, path: str | Path) -> Iterator[Any]:
        """Yield the entries that are translations, and count the others."""
        for entry in read_entries(path, self.skip_log):
            if not entry.msgid:
                continue  # the header
            if entry.obsolete:
                self.skip_log.leave_out(path, entry.linenum, "obsolete")
            elif "fuzzy" in entry.flags:
                self.skip_log.leave_out(path, entry.linenum, "fuzzy")
            elif not has_text(entry.msgstr):
                self.skip_log.leave_out(path, entry.linenum, "untranslated")
            else:
                yield entry


def _header(path: str | Path) -> dict[str, str]:
    """Read the header entry; empty if there is none. Bad entries are reported when the text is
    read."""
    first = next(read_entries(path, SkipLog(keep=0)), None)
    if first is None or first.msgid or first.msgctxt:
        return {}
    lines = [line.partition(":") for line in first.msgstr.split("\n")]
    return {name.strip().lower(): value.strip() for name, _, value in lines}


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
            return (_code(source), language), False
        wrong = source if language else header.get("language", "")
        says = f"says {wrong!r}, which is not a language code" if wrong else "names no language"
        needed = "give the languages of msgid and msgstr: --languages en fr"
        raise ConfigError(f"{path}: the header {says}; {needed}")
    asked = check_languages(languages, exactly=2)
    if not language or same_language(asked[1], language):
        return asked, False
    if same_language(asked[0], language):
        return asked, True
    found = f"the header says that the text is in {language!r}; --languages says {' '.join(asked)}"
    raise ConfigError(f"{path}: {found}: name the right file or languages")


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
            problem = "neither the header nor the name gives the language"
            raise ConfigError(f"{path}: {problem}; give one for each file: --languages en fr")
        found.append(code)
    return tuple(found)

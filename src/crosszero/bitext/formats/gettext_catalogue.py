"""gettext catalogues: PO text and compiled MO, alone or joined by their keys.

In most catalogues the key (msgid) is the English text and msgstr its translation: one file is a
bitext. In others the key is a name (``menu.open``): then two or more catalogues of the same keys
are joined, msgstr with msgstr.

Left out by rule, and counted: untranslated, fuzzy (guessed by a tool) and obsolete entries. Of
plural forms the first is read with the singular. Markup and placeholders stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.bitext.formats.gettext_entries import Entry, read_mo
from crosszero.bitext.formats.po import read_po
from crosszero.bitext.languages import check_languages, is_code, same_language, split_suffix
from crosszero.bitext.lines import check_file
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import cut_row, has_text, plan_pairs
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError


class GettextReader:
    """Read PO or MO files (also .gz).

    Args:
        paths: one catalogue, or several to be joined on msgctxt and msgid. PO is read as a stream;
            MO, and all but the first of joined catalogues, are held in memory.
        languages: for one catalogue: the language of msgid, then that of msgstr, or the other way
            round if the header says so. For joined catalogues: one for each file. ``None`` takes
            ``en`` (or the header's X-Source-Language) and the header's Language; what is no code
            there, like ``French``, counts as not given.
        pairs: for three or more joined catalogues: ``"all"``, or a pivot language.
        skip_log: takes what is left out; ``None`` raises at the first bad place.

    Raises:
        ConfigError: the languages are not known, or contradict the header.
        DataError: a file can't be read; while iterating also: a place is bad.

    Example:
        >>> reader = GettextReader(["fr.po"], languages=["en", "fr"])  # doctest: +SKIP
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        languages: Sequence[str] | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        if not paths:
            raise ConfigError("no catalogue is given; one or more .po or .mo files are needed")
        for path in paths:
            check_file(path, text=not _is_mo(path))
        self.paths = list(paths)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self._swap = False
        if len(self.paths) == 1:
            self.languages, self._swap = _languages_of_one(self.paths[0], languages)
        else:
            self.languages = _languages_of_many(self.paths, languages)
        self._plan = plan_pairs(self.languages, pairs)

    def __iter__(self) -> Iterator[SentencePair]:
        return self._read_one() if len(self.paths) == 1 else self._read_joined()

    def _read_one(self) -> Iterator[SentencePair]:
        path = self.paths[0]
        for entry in self._usable(path):
            row = [entry.key, entry.text]
            yield from cut_row(
                row[::-1] if self._swap else row,
                [(path, entry.line)] * 2,
                languages=self.languages,
                plan=self._plan,
                log=self.skip_log,
            )

    def _read_joined(self) -> Iterator[SentencePair]:
        tables: list[dict[tuple[str | None, str], Entry]] = []
        for path in self.paths[1:]:
            table: dict[tuple[str | None, str], Entry] = {}
            for entry in self._usable(path):
                if entry.identity in table:
                    self.skip_log.leave_out(path, entry.line, "key repeated")
                else:
                    table[entry.identity] = entry
            tables.append(table)
        first = self.paths[0]
        seen: set[tuple[str | None, str]] = set()
        for entry in self._usable(first):
            if entry.identity in seen:
                self.skip_log.leave_out(first, entry.line, "key repeated")
                continue
            seen.add(entry.identity)
            row, places = [entry.text], [(first, entry.line)]
            for path, table in zip(self.paths[1:], tables, strict=True):
                other = table.get(entry.identity)
                row.append("" if other is None else other.text)
                places.append((path, entry.line if other is None else other.line))
            if len(row) == 2 and not row[1]:
                self.skip_log.leave_out(first, entry.line, f"no {self.languages[1]} text")
                continue
            if sum(map(bool, row)) < 2:
                self.skip_log.leave_out(first, entry.line, "no text in another language")
                continue
            yield from cut_row(
                row,
                places,
                languages=self.languages,
                plan=self._plan,
                log=self.skip_log,
                group=f"{first}:{entry.line}" if len(row) > 2 else "",
            )
        for path, table in zip(self.paths[1:], tables, strict=True):
            for identity, entry in table.items():
                if identity not in seen:
                    self.skip_log.leave_out(path, entry.line, f"no {self.languages[0]} text")

    def _usable(self, path: str | Path) -> Iterator[Entry]:
        """Yield the entries that are translations, and count the others."""
        for entry in _read(path, self.skip_log):
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


def _is_mo(path: str | Path) -> bool:
    return Path(path).name.removesuffix(".gz").endswith((".mo", ".gmo"))


def _read(path: str | Path, log: SkipLog) -> Iterator[Entry]:
    return read_mo(path, log) if _is_mo(path) else read_po(path, log)


def _header(path: str | Path) -> dict[str, str]:
    """Read the header entry; empty if there is none. Bad places are told when the text is read."""
    for entry in _read(path, SkipLog(keep=0)):
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

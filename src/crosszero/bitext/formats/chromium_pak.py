"""Chromium's interface strings, the text of the demo: one ``.pak`` file per locale.

The files are joined by resource id. Interface strings come with code between the words, and the
same text comes under many ids. What is read, and what is left out and counted, follows this rule:

1.  A row is one text of the base language (English if its file is there), with all its ids. Its
    translation in a language is the text that this language's file stores under one of these ids,
    the lowest first; a text that is only an alias of another entry comes after those.
2.  From every text are cut: anything short in angle brackets (HTML tags), placeholders in braces,
    printf placeholders (``%s``; but ``$1`` stays), the ``&`` before a shortcut letter, and a
    shortcut in brackets like ``(K)``. White space becomes single spaces.
3.  Left out: rows with a plural or select message, since only code can tell which form is meant;
    with no text in one of the languages; with a text equal to the base text but for case
    (untranslated); without a word of two letters in the base text; with a text in Latin letters
    where a third of the language's texts have others; and the second of two rows whose base texts
    have become equal.

For en ar es fr ru zh of PyQt6-WebEngine-Qt6 6.11.2 that makes 10,009 rows from 13,289 ids.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path

from crosszero.bitext.folding import has_text
from crosszero.bitext.languages import find_language, pick_languages
from crosszero.bitext.lines import check_file, read_block
from crosszero.bitext.reader import Reader, Row
from crosszero.errors import ConfigError, DataError, MissingExtraError, suggest
from crosszero.files import open_bytes

_PACKAGE, _LOCALES = "PyQt6-WebEngine-Qt6", "qtwebengine_locales"
_ENCODINGS = {1: "utf-8", 2: "utf-16-le"}
_MAX_SIZE = 1 << 28

# Where a language has several locales, the one that its bare code means.
_MAIN_LOCALE = {"en": "en-US", "zh": "zh-CN", "pt": "pt-BR", "no": "nb"}

_ICU = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,")
_CODE = re.compile(r"<[^<>]{1,200}>")
_BRACES = re.compile(r"\{[^{}]*\}")
_PRINTF = re.compile(r"%(?:\d\$)?[sd]")
_MNEMONIC = re.compile(r"&(?=\w)")
_SHORTCUT = re.compile(r"(?<!\s)\s*+\([A-Z]\)")  # every run of white space is tried once
_WORD = re.compile(r"[^\W\d_]{2}")
_FOREIGN = re.compile(r"[^\W\d_\0-\u024f\u1e00-\u1eff]")  # a letter that is not Latin


class ChromiumReader(Reader):
    """Read a folder of ``<locale>.pak`` files, or some such files, as multi-way text.

    Every row has a text in every language asked for; fewer languages give more rows. ``en`` is
    en-US, ``zh`` zh-CN; other codes find the locale of the same name.
    """

    format = "chromium"
    suffixes = (".pak",)
    folders = True
    several = True

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        locales = _find_locales(self.paths)
        asked = [_short_code(x, locales) for x in locales] if languages is None else languages
        self.files = [locales[_pick(language, locales)] for language in asked]
        self.base = locales.get("en-US", self.files[0])
        for file in {*self.files, self.base}:
            check_file(file, text=False)
        return asked

    def rows(self) -> Iterator[Row]:
        base = read_pak(self.base)
        columns: list[dict[str, str]] = []  # the translation of each base text
        for path in self.files:
            columns.append({})
            for number, text in read_pak(path).items():
                if (key := base.get(number)) is not None and text is not None:
                    columns[-1].setdefault(key, text)
        foreign = [
            3 * sum(_FOREIGN.search(text) is not None for text in column.values()) > len(column)
            for column in columns
        ]
        first_id: dict[str, int] = {}
        for number, text in sorted(base.items()):
            if text is None:
                self.skip_log.leave_out(self.base, number, "not text")
            elif first_id.setdefault(text, number) != number:
                self.skip_log.leave_out(self.base, number, "the same text under another id")
        seen: set[str] = set()
        folder = Path(self.base).parent
        for key, number in first_id.items():
            raw = [column.get(key, "") for column in columns]
            texts, base_text = [clean(text) for text in raw], clean(key)
            reason = ""
            if any(_ICU.search(text) for text in (key, *raw)):
                reason = "plural or select message"
            elif not base_text or not all(map(has_text, texts)):
                reason = "no text in one language"
            elif any(
                path != self.base and text.casefold() == base_text.casefold()
                for path, text in zip(self.files, texts, strict=True)
            ):
                reason = "untranslated"
            elif not _WORD.search(base_text):
                reason = "no word"
            elif not all(
                _FOREIGN.search(text) for text, other in zip(texts, foreign, strict=True) if other
            ):
                reason = "not in the script of the language"
            elif base_text in seen:
                reason = "the same text after cleaning"
            if reason:
                self.skip_log.leave_out(self.base, number, reason)
                continue
            seen.add(base_text)
            yield Row(texts, [(path, number) for path in self.files], (folder, number))


def clean(text: str) -> str:
    """Cut code out of an interface string.

    Example:
        >>> clean("Open <b>&File</b> {NAME} (K)")
        'Open File'
    """
    for pattern in (_CODE, _BRACES, _PRINTF):
        text = pattern.sub(" ", text)
    for pattern in (_MNEMONIC, _SHORTCUT):
        text = pattern.sub("", text)
    return " ".join(text.split())


def read_pak(path: str | Path) -> dict[int, str | None]:
    """Read the texts of a string file, plain or gzip, by their numbers; version 4 or 5.

        version 4   u32 version, u32 count, u8 encoding
        version 5   u32 version, u8 encoding, 3 bytes of padding, u16 count, u16 number of aliases
        both        (count + 1) × (u16 id, u32 offset): a resource ends where the next starts
        version 5   aliases × (u16 id, u16 index of the entry with the same content), come last

    Content that is no text (pictures and packed scripts occur) is ``None``.
    """
    with open_bytes(path) as file:
        data = read_block(file, path, _MAX_SIZE)
    damaged = DataError(path, "the .pak file is damaged or truncated: download it again")
    try:
        (version,), aliases, table = struct.unpack_from("<I", data), 0, 9
        if version == 4:
            count, code = struct.unpack_from("<IB", data, 4)
        elif version == 5:
            (code, count, aliases), table = struct.unpack_from("<B3xHH", data, 4), 12
        else:
            known = "versions 4 and 5 can be read"
            raise DataError(
                path, f"is a .pak file of version {version}, or not a .pak file; {known}"
            )
        if code not in _ENCODINGS:
            needed = "only 1 (UTF-8) and 2 (UTF-16) are text: use a file from a locales folder"
            raise DataError(path, f"the .pak file has encoding {code}; {needed}, such as fr.pak")
        end = table + 6 * (count + 1)
        entries = list(struct.iter_unpack("<HI", data[table:end]))
        copies = struct.iter_unpack("<HH", data[end : end + 4 * aliases])
        offsets = [end, *(offset for _, offset in entries), len(data)]
        if len(entries) != count + 1 or offsets != sorted(offsets):
            raise damaged
        contents = [
            _decode(data[start:stop], _ENCODINGS[code])
            for (_, start), (_, stop) in pairwise(entries)
        ]
        texts = {number: text for (number, _), text in zip(entries, contents, strict=False)}
        return texts | {number: contents[index] for number, index in copies}
    except (struct.error, IndexError) as error:
        raise damaged from error


def _decode(content: bytes, encoding: str) -> str | None:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def find_interface_strings() -> Path:
    """Find the folder of Chromium's interface strings in the installed package PyQt6-WebEngine-Qt6.

    Raises:
        MissingExtraError: the package is not installed (extra ``demo``).
    """
    try:
        files = metadata.distribution(_PACKAGE).files or []
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(_PACKAGE, "demo", "the text of the demonstration") from error
    for file in files:
        folder = Path(str(file.locate())).parent
        if folder.name == _LOCALES and folder.is_dir():
            return folder
    remedy = f"install it again with pip install --force-reinstall {_PACKAGE}"
    raise DataError(_PACKAGE, f"the installed package has no folder {_LOCALES}: {remedy}")


def _find_locales(paths: Sequence[str | Path]) -> dict[str, str | Path]:
    if len(paths) == 1:
        folder = Path(paths[0])
        if not folder.exists():
            raise DataError(folder, "no such file or folder: check the spelling")
        if not folder.is_dir():
            needed = "give a folder with one for each locale, or several files"
            raise DataError(folder, f"is one .pak file; {needed}")
        paths = [x for x in sorted(folder.iterdir()) if x.name.endswith((".pak", ".pak.gz"))]
        if len(paths) < 2:
            raise DataError(folder, f"{len(paths)} .pak files in this folder; two are needed")
    return {Path(file).name.removesuffix(".gz").removesuffix(".pak"): file for file in paths}


def _pick(language: str, files: Mapping[str, str | Path]) -> str:
    main = _MAIN_LOCALE.get(language)
    locale = main and find_language(main, files)
    if locale := locale or pick_languages([language], files, "the .pak files")[0]:
        return locale
    raise ConfigError(f"no .pak file for {language!r}; {suggest(language, files)}")


def _short_code(locale: str, files: Mapping[str, str | Path]) -> str:
    """Call en-US ``en`` and zh-CN ``zh``; leave other locales their names."""
    short = {"en-US": "en", "zh-CN": "zh"}.get(locale, locale)
    return locale if short in files else short

"""Chromium's interface strings: one ``.pak`` file for each locale, joined by resource id.

Interface strings come with code between the words, and the same text comes under many ids. What is
read, and what is left out and counted, follows this rule:

1.  A row is one text of the base language (English if its file is there), with all its ids. Its
    translation in a language is the text that this language's file stores under one of these ids,
    the lowest first; a text that is only an alias of another entry comes after those.
2.  From every text are cut: anything short in angle brackets (HTML tags), placeholders in braces,
    printf placeholders (``%s``; but ``$1`` stays), the ``&`` before a shortcut letter, and a
    shortcut in brackets like ``(K)``. White space becomes single spaces.
3.  Left out: rows with a plural or select message, since only code can tell which form is meant;
    with no text in one of the languages; with a text equal to the base text but for case
    (untranslated); without a word of two letters in the base text; with a text that has no letter
    of its language's script; and the second of two rows whose base texts have become equal.

For en ar es fr ru zh of PyQt6-WebEngine-Qt6 6.11.2 that makes 10,009 rows from 13,289 ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from crosszero.bitext.formats.pak import read_pak
from crosszero.bitext.languages import base_language, check_languages, find_language
from crosszero.bitext.lines import check_file
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.reader import cut_row, has_text, plan_pairs
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, MissingExtraError, suggest

_PACKAGE = "PyQt6-WebEngine-Qt6"
_LOCALES = "qtwebengine_locales"

# Where a language has several locales, the one that its bare code means.
_MAIN_LOCALE = {"en": "en-US", "zh": "zh-CN", "pt": "pt-BR", "no": "nb"}

_ICU = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,")
_TAG = re.compile(r"<[^<>]{1,200}>")
_BRACES = re.compile(r"\{[^{}]*\}")
_PRINTF = re.compile(r"%(?:\d\$)?[sd]")
_MNEMONIC = re.compile(r"&(?=\w)")
_SHORTCUT = re.compile(r"\s*\([A-Z]\)")
_WORD = re.compile(r"[^\W\d_]{2}")

# A letter that shows that a text is in its language, for languages not written in Latin script.
_CYRILLIC, _ARABIC, _HAN = "[\u0400-\u04ff]", "[\u0600-\u06ff]", "[\u4e00-\u9fff]"
_SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn"), re.compile(_CYRILLIC)),
    **dict.fromkeys(("ar", "fa", "ur"), re.compile(_ARABIC)),
    "zh": re.compile(_HAN),
    "ja": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    **dict.fromkeys(("hi", "mr", "ne"), re.compile("[\u0900-\u097f]")),
    "bn": re.compile("[\u0980-\u09ff]"),
    "gu": re.compile("[\u0a80-\u0aff]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
    "te": re.compile("[\u0c00-\u0c7f]"),
    "kn": re.compile("[\u0c80-\u0cff]"),
    "ml": re.compile("[\u0d00-\u0d7f]"),
    "am": re.compile("[\u1200-\u137f]"),
    "hy": re.compile("[\u0530-\u058f]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
}


class ChromiumReader:
    """Read a folder of ``<locale>.pak`` files, or some such files, as multi-way text.

    Every row has a text in every language asked for; fewer languages give more rows.

    Args:
        path: the folder, or the files.
        languages: which to read. ``en`` is en-US, ``zh`` zh-CN; other codes find the locale of the
            same name. ``None`` reads all locales.
        pairs: ``"all"``, or a pivot language.
        skip_log: takes what the rule leaves out; see the module.

    Raises:
        ConfigError: a language is not there.
        DataError: a file can't be read; while iterating also: it is damaged.

    Example:
        >>> reader = ChromiumReader(find_interface_strings(), languages=["en", "fr"])
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        languages: Sequence[str] | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        files = _find_locales(path)
        if languages is None:
            languages = [_short_code(locale, files) for locale in files]
        self.languages = check_languages(languages)
        self.paths = [files[_pick(language, files)] for language in self.languages]
        base = "en-US" if "en-US" in files else _pick(self.languages[0], files)
        self.base = files[base]
        for file in {*self.paths, self.base}:
            check_file(file, text=False)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self._plan = plan_pairs(self.languages, pairs)
        self._scripts = [_SCRIPTS.get(base_language(code)) for code in self.languages]

    def __iter__(self) -> Iterator[SentencePair]:
        base = read_pak(self.base)
        columns = [_by_base_text(read_pak(path), base) for path in self.paths]
        first_id: dict[str, int] = {}
        for number in sorted(base):
            text = base[number]
            if text is None:
                self.skip_log.leave_out(self.base, number, "not text")
            elif text in first_id:
                self.skip_log.leave_out(self.base, number, "the same text under another id")
            else:
                first_id[text] = number
        seen: set[str] = set()
        folder = Path(self.base).parent
        for key, number in first_id.items():
            raw = [column.get(key, "") for column in columns]
            row = [clean(text) for text in raw]
            reason = self._why_not(key, raw, row, seen)
            if reason:
                self.skip_log.leave_out(self.base, number, reason)
                continue
            seen.add(clean(key))
            yield from cut_row(
                row,
                [(path, number) for path in self.paths],
                languages=self.languages,
                plan=self._plan,
                log=self.skip_log,
                group=f"{folder}:{number}" if len(row) > 2 else "",
            )

    def _why_not(self, key: str, raw: list[str], row: list[str], seen: set[str]) -> str:
        """Name the reason why a row does not count; empty if it does."""
        base = clean(key)
        if any(_ICU.search(text) for text in (key, *raw)):
            return "plural or select message"
        if not base or not all(map(has_text, row)):
            return "no text in one language"
        for path, text in zip(self.paths, row, strict=True):
            if path != self.base and text.casefold() == base.casefold():
                return "untranslated"
        if not _WORD.search(base):
            return "no word"
        for script, text in zip(self._scripts, row, strict=True):
            if script is not None and not script.search(text):
                return "not in the script of the language"
        return "the same text after cleaning" if base in seen else ""


def clean(text: str) -> str:
    """Cut code out of an interface string.

    Example:
        >>> clean("Open <b>&File</b> {NAME} (K)")
        'Open File'
    """
    for pattern in (_TAG, _BRACES, _PRINTF):
        text = pattern.sub(" ", text)
    for pattern in (_MNEMONIC, _SHORTCUT):
        text = pattern.sub("", text)
    return " ".join(text.split())


def find_interface_strings() -> Path:
    """Find the folder of Chromium's interface strings in the installed package PyQt6-WebEngine-Qt6.

    Raises:
        MissingExtraError: the package is not installed (extra ``demo``).
        DataError: it is installed without these files.

    Example:
        >>> pairs = read_bitext(find_interface_strings(), languages=["en", "fr"])
        ... # doctest: +SKIP
    """
    try:
        files = metadata.distribution(_PACKAGE).files or []
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(_PACKAGE, "demo", "the text of the demonstration") from error
    for file in files:
        if file.parent.name == _LOCALES and file.suffix == ".pak":
            folder = Path(str(file.locate())).parent
            if folder.is_dir():
                return folder
    raise DataError(
        _PACKAGE,
        f"the installed package has no folder {_LOCALES}: install it again with "
        f"pip install --force-reinstall {_PACKAGE}",
    )


def _by_base_text(
    texts: Mapping[int, str | None], base: Mapping[int, str | None]
) -> dict[str, str]:
    """Give each base text its translation: the first in the order of `read_pak`."""
    found: dict[str, str] = {}
    for number, text in texts.items():
        key = base.get(number)
        if key is not None and text is not None:
            found.setdefault(key, text)
    return found


def _find_locales(path: str | Path | Sequence[str | Path]) -> dict[str, str | Path]:
    files: list[str | Path]
    if isinstance(path, str | Path):
        if not Path(path).is_dir():
            raise DataError(
                path,
                "is one .pak file; a folder with one for each locale, or several files, is needed"
                if Path(path).exists()
                else "no such file or folder: check the spelling",
            )
        files = [file for file in sorted(Path(path).iterdir()) if _is_pak(file)]
        if len(files) < 2:
            raise DataError(path, f"{len(files)} .pak files in this folder; two are needed")
    else:
        files = list(path)
    return {Path(file).name.removesuffix(".gz").removesuffix(".pak"): file for file in files}


def _is_pak(path: str | Path) -> bool:
    return Path(path).name.endswith((".pak", ".pak.gz"))


def _pick(language: str, files: Mapping[str, str | Path]) -> str:
    locale = find_language(_MAIN_LOCALE.get(language, language), files)
    locale = locale or find_language(language, files)
    if locale is None:
        raise ConfigError(f"no .pak file for {language!r}; {suggest(language, files)}")
    return locale


def _short_code(locale: str, files: Mapping[str, str | Path]) -> str:
    """Call en-US ``en`` and zh-CN ``zh``; leave other locales their names."""
    short = {main: code for code, main in _MAIN_LOCALE.items() if code not in files}
    return short.get(locale, locale) if locale in ("en-US", "zh-CN") else locale

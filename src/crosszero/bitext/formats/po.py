"""The syntax of gettext's PO files: from lines to entries.

PO is read here, and not by a library, for three things at once: constant memory, only line feeds
ending lines (catalogues do hold U+2028), and errors that name the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from crosszero.bitext.formats.gettext_entries import Entry, find_charset
from crosszero.bitext.lines import BadText, read_lines
from crosszero.bitext.skip import SkipLog
from crosszero.errors import DataError

_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s*(?:"(.*)")?$')
_CONTINUED = re.compile(r'"(.*)"$')
_BYTE = r"\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3})"
_ESCAPE = re.compile(rf"((?:{_BYTE})+)|\\(.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def read_po(path: str | Path, log: SkipLog) -> Iterator[Entry]:
    """Read the entries of a PO file, the header included.

    An entry with a bad line is left out as a whole: half a text is not its translation.

    Raises:
        DataError: the file can't be read, its header names another encoding than UTF-8, or a line
            is bad and `log` does not skip it.
    """
    entry: _Draft | None = None
    for number, line in enumerate(read_lines(path), start=1):
        problem = line if isinstance(line, BadText) else None
        text = "" if isinstance(line, BadText) else line.strip(" \t\f\v\r")
        obsolete = text.startswith("#~")
        if obsolete:
            text = text[2:].strip()
            if text.startswith("|"):
                continue
        if not text and problem is None:
            if entry is not None and (entry.field or entry.broken):
                yield from entry.finish(path)
                entry = None
            continue
        if text.startswith("#"):
            if entry is not None and entry.field == "msgstr":
                yield from entry.finish(path)
                entry = None
            entry = entry or _Draft(number)
            if text.startswith("#,"):
                entry.fuzzy |= "fuzzy" in {flag.strip() for flag in text[2:].split(",")}
            continue
        keyword = _KEYWORD.match(text)
        if keyword and entry is not None and entry.starts_anew(keyword[1]):
            yield from entry.finish(path)
            entry = None
        entry = entry or _Draft(number)
        if problem is None:
            problem = entry.take(text, keyword, number, obsolete)
        if problem is not None:
            log.bad(path, number, problem.reason, problem.message)
            entry.broken = True
    if entry is not None and entry.field:
        yield from entry.finish(path)


class _Draft:
    """An entry that is being read."""

    def __init__(self, number: int) -> None:
        self.line = number
        self.parts: dict[str, list[str]] = {}
        self.field = ""  # the keyword whose string is being read
        self.index = 0  # the plural form
        self.waiting = False  # for the first string after the keyword, on a line of its own
        self.fuzzy = self.obsolete = self.broken = False

    def starts_anew(self, keyword: str) -> bool:
        """Say whether a keyword belongs to the next entry (no blank line is needed between)."""
        if keyword == "msgctxt":
            return bool({"msgid", "msgstr"} & self.parts.keys())
        return keyword == "msgid" and "msgstr" in self.parts

    def take(
        self, text: str, keyword: re.Match[str] | None, number: int, obsolete: bool
    ) -> BadText | None:
        """Take one line; say what is wrong with it."""
        if keyword is not None:
            name, index, quoted = keyword[1], keyword[2], keyword[3]
            if self.waiting:
                return BadText("not PO", f"{self.field} has no text in double quotes: correct it")
            if not self.field:
                self.line = number  # not that of the comments above
            self.field, self.index = name, int(index or 0)
            self.waiting = quoted is None
            self.obsolete = obsolete
            if name == "msgstr" and "msgid" not in self.parts and not self.broken:
                return BadText("not PO", "msgstr without a msgid before it: correct the entry")
            if quoted is None:
                return None
        else:
            match = _CONTINUED.match(text)
            if match is None or not self.field:
                return BadText(
                    "not PO",
                    f"{text[:30]!r} is not PO: a keyword (msgid, msgstr, …) and a text in double "
                    "quotes are needed; msgfmt --check shows more",
                )
            quoted, self.waiting = match[1], False
        if re.search(r'(?<!\\)(?:\\\\)*"', quoted) or re.search(r"(?<!\\)(?:\\\\)*\\$", quoted):
            return BadText("not PO", 'a double quote in a text has to be written \\": correct it')
        string = _unescape(quoted)
        if isinstance(string, BadText):
            return string
        if self.index == 0:
            self.parts.setdefault(self.field, []).append(string)
        return None

    def finish(self, path: str | Path) -> Iterator[Entry]:
        """Hand the entry on, if it is whole."""
        if self.broken:
            return
        parts = {name: "".join(strings) for name, strings in self.parts.items()}
        if not parts.get("msgid") and "msgctxt" not in parts:
            _check_charset(path, self.line, parts.get("msgstr", ""))
        yield Entry(
            line=self.line,
            key=parts.get("msgid", ""),
            text=parts.get("msgstr", ""),
            context=parts.get("msgctxt"),
            fuzzy=self.fuzzy,
            obsolete=self.obsolete,
        )


def _unescape(quoted: str) -> str | BadText:
    """Undo escapes. Those of numbers are bytes, and bytes that follow each other one UTF-8 text."""
    if "\\" not in quoted:
        return quoted

    def read(match: re.Match[str]) -> str:
        if match[1] is None:
            return _LETTERS.get(match[2], match[2])
        codes = match[1][1:].split("\\")
        numbers = [int(code[1:], 16) if code[0] == "x" else int(code, 8) & 0xFF for code in codes]
        return bytes(numbers).decode("utf-8")

    try:
        return _ESCAPE.sub(read, quoted)
    except UnicodeDecodeError:
        return BadText(
            "not UTF-8",
            f"the escapes in {quoted[:30]!r} are not UTF-8: write the characters themselves",
        )


def _check_charset(path: str | Path, line: int, header: str) -> None:
    charset = find_charset(header)
    if charset not in (None, "utf-8", "utf8", "ascii", "us-ascii"):
        raise DataError(
            path,
            f"the header says charset={charset}, UTF-8 is needed: convert it with "
            "msgconv --to-code=UTF-8",
            line=line,
        )

"""The syntax of gettext's PO and MO files: from bytes to entries with their line.

PO is read here, and not by a library, for three things at once: constant memory, only line feeds
ending lines (catalogues do hold U+2028), and errors that name the line.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crosszero.bitext.lines import BadText, read_block, read_lines
from crosszero.bitext.skip import SkipLog
from crosszero.errors import DataError
from crosszero.files import open_bytes

_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s*"(.*)"$')
_CONTINUED = re.compile(r'"(.*)"$')
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CHARSET = re.compile(r"charset=([^\s;]+)", re.IGNORECASE)
_MAX_MO = 1 << 30


@dataclass(slots=True)
class Entry:
    """One message.

    Attributes:
        line: where it starts (PO), or its number (MO), from 1.
        key: msgid; empty for the header.
        text: msgstr, of plural forms the first.
        context: msgctxt, which makes equal keys different.
        fuzzy: a tool guessed the translation and nobody has confirmed it.
        obsolete: no longer in the program.
    """

    line: int
    key: str = ""
    text: str = ""
    context: str | None = None
    fuzzy: bool = False
    obsolete: bool = False

    @property
    def identity(self) -> tuple[str | None, str]:
        """What joins the entry with the same one of another catalogue."""
        return self.context, self.key


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
            if not self.field:
                self.line = number  # not that of the comments above
            self.field, self.index = name, int(index or 0)
            self.obsolete = obsolete
            if name == "msgstr" and "msgid" not in self.parts and not self.broken:
                return BadText("not PO", "msgstr without a msgid before it: correct the entry")
        else:
            match = _CONTINUED.match(text)
            if match is None or not self.field:
                return BadText(
                    "not PO",
                    f"{text[:30]!r} is not PO: a keyword (msgid, msgstr, …) and a text in double "
                    "quotes are needed; msgfmt --check shows more",
                )
            quoted = match[1]
        if re.search(r'(?<!\\)(?:\\\\)*"', quoted) or re.search(r"(?<!\\)(?:\\\\)*\\$", quoted):
            return BadText("not PO", 'a double quote in a text has to be written \\": correct it')
        if self.index == 0:
            self.parts.setdefault(self.field, []).append(_unescape(quoted))
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


def read_mo(path: str | Path, log: SkipLog) -> Iterator[Entry]:
    """Read the entries of an MO file of either byte order, the header included.

    Raises:
        DataError: the file can't be read or is damaged; a text is bad and `log` does not skip it.
    """
    with open_bytes(path) as file:
        data = read_block(file, path, _MAX_MO)
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(data[:4])
    if order is None:
        raise DataError(path, "is not an MO file (wrong first bytes): compile it with msgfmt")
    damaged = DataError(path, "the MO file is damaged or cut off: compile it again with msgfmt")
    try:
        count, keys, texts = struct.unpack_from(f"{order}III", data, 8)
        if max(keys, texts) + 8 * count > len(data):
            raise damaged
        charset = "utf-8"
        for number in range(count):
            sides = []
            for table in (keys, texts):
                size, start = struct.unpack_from(f"{order}II", data, table + 8 * number)
                if start + size > len(data):
                    raise damaged
                sides.append(data[start : start + size])
            if number == 0 and not sides[0]:
                charset = _charset(sides[1].decode("ascii", "replace")) or charset
            entry = _decode_entry(sides, charset, number + 1)
            if isinstance(entry, BadText):
                log.bad(path, number + 1, entry.reason, entry.message)
            else:
                yield entry
    except struct.error as error:
        raise damaged from error
    except LookupError as error:
        raise DataError(
            path, f"the header names an unknown encoding ({error}): convert it to UTF-8"
        ) from error


def _decode_entry(sides: list[bytes], charset: str, number: int) -> Entry | BadText:
    # A context stands before its key, with EOT between; plural forms follow each other after NUL.
    context, mark, key = sides[0].rpartition(b"\x04")
    try:
        return Entry(
            line=number,
            key=key.split(b"\0")[0].decode(charset),
            text=sides[1].split(b"\0")[0].decode(charset),
            context=context.decode(charset) if mark else None,
        )
    except UnicodeDecodeError:
        return BadText(
            f"not {charset}",
            f"entry {number} is not {charset}, as the header says: correct the charset of the PO "
            "file and compile it again",
        )


def _unescape(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted

    def read(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0] in "01234567":
            return chr(int(code, 8))
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(read, quoted)


def _charset(header: str) -> str | None:
    match = _CHARSET.search(header)
    return None if match is None or match[1] == "CHARSET" else match[1].lower()


def _check_charset(path: str | Path, line: int, header: str) -> None:
    charset = _charset(header)
    if charset not in (None, "utf-8", "utf8", "ascii", "us-ascii"):
        raise DataError(
            path,
            f"the header says charset={charset}, UTF-8 is needed: convert it with "
            "msgconv --to-code=UTF-8",
            line=line,
        )

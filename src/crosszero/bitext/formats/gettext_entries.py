"""Entries of gettext's catalogues, PO text and compiled MO, read by polib.

polib stops at the first mistake and trusts every length. So a PO file is cut into its entries here,
at line feeds only (catalogues do hold U+2028), and polib reads them one by one: a mistake has its
line and costs one entry. The table of an MO file is checked before polib follows it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from gettext import c2py
from itertools import chain
from pathlib import Path
from typing import Any

from crosszero.bitext.decoding import BadText
from crosszero.bitext.lines import read_block, read_lines
from crosszero.bitext.skip import SkipLog
from crosszero.errors import DataError, quote
from crosszero.files import open_bytes

_MAX_MO = 1 << 30
_MAX_ENTRY = 1 << 18  # characters: polib's time for a text grows with the square of its lines

_KEYWORD = r"msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?"
_BARE = re.compile(_KEYWORD)
_LINE = re.compile(rf'(?:({_KEYWORD})\s*)?("(?:[^"\\]|\\.)*")')
_BEGIN = re.compile(r"#|msgid(?!_)|(msgctxt)")
_ESCAPE = re.compile(r"((?:\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}))+)|\\.")
_CHARSET = re.compile(r"charset=([^\s;]+)", re.IGNORECASE)
_PLURAL = re.compile(r"^plural-forms:.*\bplural\s*=\s*([^;\n]+)", re.IGNORECASE | re.MULTILINE)


def is_mo(path: str | Path) -> bool:
    """Say whether a catalogue is compiled, by its name."""
    return Path(path).name.lower().removesuffix(".gz").endswith((".mo", ".gmo"))


def read_entries(path: str | Path, log: SkipLog) -> Iterator[Any]:
    """Read the entries of a catalogue as polib has them, the header (without msgid) included.

    ``linenum`` is the line of the first keyword, of MO the number of the entry, from 1. ``msgstr``
    is, of plural forms, that of n = 1, as msgid is. An entry with a bad line is left out as a
    whole: half a text is not its translation.

    Raises:
        DataError: the file can't be read, is damaged or names an encoding that can't be read; a
            text is bad and `log` does not skip it.
    """
    form: int | None = 0
    header = ""
    for line, entry in _read_mo(path) if is_mo(path) else _read_po(path):
        if not isinstance(entry, BadText):
            if not entry.msgid and not header:
                header = entry.msgstr
                form = _find_form(header)
            if entry.msgstr_plural and form is not None:
                entry.msgstr = entry.msgstr_plural.get(form, "")
            elif entry.msgstr_plural:
                problem = (
                    "the header's Plural-Forms can't be read, so the form for n = 1 is not known."
                )
                entry = BadText("plural form unknown", f"{problem} Correct the header")
        if isinstance(entry, BadText):
            log.bad(path, line, entry.reason, entry.message)
        else:
            entry.linenum = line
            yield entry


def _read_po(path: str | Path) -> Iterator[tuple[int, Any]]:
    import polib

    for line, lines in _cut_po(path):
        if isinstance(lines, BadText):
            yield line, lines
            continue
        try:
            catalogue = polib.pofile(_Lines(lines), encoding="utf-8")
        except OSError:
            order = "msgctxt, msgid, msgid_plural, msgstr"
            yield line, BadText("not PO", f"the entry's lines are not in the order {order}")
            continue
        if catalogue.metadata:
            header = catalogue.metadata_as_entry()
            charset = _find_charset(header.msgstr)
            if charset not in ("utf-8", "utf8", "ascii", "us-ascii"):
                found = f"the header says charset={quote(charset)[1:-1]}, UTF-8 is needed"
                raise DataError(path, f"{found}: convert it with msgconv --to-code=UTF-8", line)
            yield line, header
        for entry in catalogue:
            yield line, entry


class _Lines(list[str]):
    """What polib takes for text; ``str.splitlines`` would also end a line at U+2028."""

    def splitlines(self) -> list[str]:
        return list(self)


def _cut_po(path: str | Path) -> Iterator[tuple[int, list[str] | BadText]]:
    """Cut a PO file into entries: the number of the first line with a keyword, and the lines.

    The lines are as polib takes them: of comments only flags, keyword and text on one line, escapes
    of numbers undone. In place of an entry comes what is wrong with its lines.
    """
    lines: list[str] = []
    start = size = 0
    last = bare = ""  # the last keyword; one whose text is still to come, on the next line
    broken = False
    for number, line in chain(enumerate(read_lines(path), start=1), [(0, "")]):
        text = "?" if isinstance(line, BadText) else line.strip(" \t\f\v\r")
        mark = "#~ " if text.startswith("#~") else ""
        text = text.removeprefix("#~").strip()
        begins = _BEGIN.match(text)
        # No blank line is needed between entries.
        ends = begins and last and (last.startswith("msgstr") or begins[1] is not None)
        if start and (ends or not text):
            if not broken:
                yield start, lines
            lines, start, size, last, bare, broken = [], 0, 0, "", "", False
        if text.startswith("#,"):
            lines.append(f"#, {text[2:]}")
        if not text or text[0] in "#|":  # "|" was in an obsolete entry before
            continue
        start, size, text, bare = start or number, size + len(text), f"{bare} {text}".strip(), ""
        if _BARE.fullmatch(text):
            last = bare = text
            continue
        found = line if isinstance(line, BadText) else _read_line(text, size)
        if isinstance(found, BadText):
            yield number, found
            broken = True
        else:
            last = found[0] or last
            lines.append(mark + " ".join(filter(None, found)))


def _read_line(text: str, size: int) -> tuple[str, str] | BadText:
    """Part keyword and quoted text of a line."""
    match = _LINE.fullmatch(text)
    if match is None:
        return BadText(
            "not PO",
            f"{text[:30]!r} is not PO: a keyword (msgid, msgstr, …) and a text in double quotes "
            'are needed, with \\" for a quote in it; msgfmt --check shows more',
        )
    if size > _MAX_ENTRY:
        return BadText("entry too long", f"an entry of more than {_MAX_ENTRY:,} characters")
    try:
        return match[1] or "", _ESCAPE.sub(_undo_escape, match[2])
    except UnicodeDecodeError:
        message = f"the escapes in {text[:30]!r} are not UTF-8: write the characters themselves"
        return BadText("not UTF-8", message)


def _undo_escape(escape: re.Match[str]) -> str:
    """Undo what polib does not: numbers are bytes, and bytes in a row one UTF-8 text."""
    import polib

    if escape[1] is None:
        letter = escape[0][1]
        return escape[0] if letter in '\\"nrtbfv' else {"a": "\a"}.get(letter, letter)
    codes = escape[1][1:].split("\\")
    numbers = [int(code[1:], 16) if code[0] == "x" else int(code, 8) & 0xFF for code in codes]
    return str(polib.escape(bytes(numbers).decode("utf-8")))


def _read_mo(path: str | Path) -> Iterator[tuple[int, Any]]:
    import polib

    with open_bytes(path) as file:
        data = read_block(file, path, _MAX_MO)
    count = _check_mo(path, data)
    try:
        catalogue = polib.mofile(data, encoding="latin-1")  # which keeps the bytes as they are
    except OSError as error:
        raise DataError(path, f"the MO file can't be read ({error})") from error
    header = catalogue.metadata_as_entry()
    yield 1, header
    charset = _find_charset(header.msgstr)
    try:
        ascii_stays = b"msgid".decode(charset) == "msgid"
    except (LookupError, ValueError):  # UnicodeError, too
        ascii_stays = False
    if not ascii_stays:
        problem = f"the header names the charset {quote(charset)}, which can't be read"
        raise DataError(path, f"{problem}: convert the PO file to UTF-8 and compile it again")

    def decode(text: str) -> str:
        return text.encode("latin-1").decode(charset)

    for number, entry in enumerate(catalogue, start=1 + count - len(catalogue)):
        try:
            entry.msgid, entry.msgstr = decode(entry.msgid), decode(entry.msgstr)
            entry.msgstr_plural = {n: decode(text) for n, text in entry.msgstr_plural.items()}
            entry.msgctxt = None if entry.msgctxt is None else decode(entry.msgctxt)
            yield number, entry
        except UnicodeError:
            message = f"entry {number} is not {charset}, as the header says: correct the header"
            yield number, BadText(f"not {charset}", f"{message} and compile it again")


def _check_mo(path: str | Path, data: bytes) -> int:
    """See that the texts of an MO file stand inside it and beside each other; count them."""
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(data[:4])
    if order is None:
        raise DataError(path, "is not an MO file (wrong first bytes): compile it with msgfmt")
    damaged = DataError(path, "the MO file is damaged or truncated: compile it again with msgfmt")
    try:
        count, *tables = struct.unpack_from(f"{order}III", data, 8)
        places = [
            place
            for table in tables
            for place in struct.iter_unpack(f"{order}II", data[table : table + 8 * count])
        ]
    except struct.error as error:
        raise damaged from error
    inside = all(size + start <= len(data) for size, start in places)
    if len(places) != 2 * count or not inside or sum(size for size, _ in places) > 2 * len(data):
        raise damaged
    return int(count)


def _find_form(header: str) -> int | None:
    """Say which plural form is that of n = 1; ``None`` if the header's rule makes no sense.

    Arabic has a form for none before it, Slovenian counts from that of five. Without a rule it is
    the first, as in gettext.
    """
    rule = _PLURAL.search(header)
    if rule is None or rule[1] == "EXPRESSION":  # the template's
        return 0
    try:
        return c2py(rule[1])(1)  # a parser of just these expressions, in Python's own gettext
    except (ValueError, ArithmeticError):
        return None


def _find_charset(header: str) -> str:
    """Read the encoding in a header entry; UTF-8 if it names none."""
    match = _CHARSET.search(header)
    return "utf-8" if match is None or match[1] == "CHARSET" else match[1].lower()

"""Entries of gettext's catalogues, and the syntax of compiled MO; that of PO is in `po`."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crosszero.bitext.lines import BadText, read_block
from crosszero.bitext.skip import SkipLog
from crosszero.errors import DataError
from crosszero.files import open_bytes

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
                charset = find_charset(sides[1].decode("ascii", "replace")) or charset
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


def find_charset(header: str) -> str | None:
    """Read the encoding in a header entry; ``None`` if it names none."""
    match = _CHARSET.search(header)
    return None if match is None or match[1] == "CHARSET" else match[1].lower()

"""Bytes of a line as text, or what is wrong with them and how to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crosszero.errors import DataError

_CONTROL = re.compile("[\x80-\x84\x86-\x9f\ud800-\udfff]")  # U+0085 ends lines on old machines
_RETURN = b"\r"
_SIGNS = re.compile(rb"[\x80-\x9f]")
_FOREIGN = {  # how a file starts; UTF-32 before UTF-16, which is its prefix
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True, slots=True)
class BadText:
    """In the place of a text that can't be used: a few words for counting, and what to do."""

    reason: str
    message: str


def find_control(text: str) -> BadText | None:
    """Find what no text holds: a control character of Latin-1, half of a surrogate pair."""
    found = None if text.isascii() else _CONTROL.search(text)
    if found is None:
        return None
    name = f"U+{ord(found[0]):04X}"
    if found[0] >= "\ud800":
        return BadText("not text", f"{name} is half of a surrogate pair: correct the text")
    return BadText(
        "control character",
        f"{name} is a control character: the text was WINDOWS-1252 and has been converted as if it "
        "were ISO-8859-1; convert the original again with iconv -f WINDOWS-1252 -t UTF-8",
    )


def is_utf8(raw: bytes) -> bool:
    """Say whether a line is UTF-8 and more than ASCII."""
    return not raw.isascii() and isinstance(decode(raw), str)


def advise(raw: bytes, mixed: bool) -> str:
    """Say how to mend text that is not UTF-8, by the lines around it."""
    if mixed:
        return (
            "but other lines are; correct this line only, because converting the file would "
            "corrupt the others"
        )
    # Bytes that are letters or signs in the one are control characters in the other.
    code = "WINDOWS-1252" if _SIGNS.search(raw) else "ISO-8859-1"
    return f"convert the file, for example with iconv -f {code} -t UTF-8"


def check_start(path: str | Path, raw: bytes, *, alone: bool) -> None:
    """See that a file does not start as UTF-16, and that its lines end at line feeds."""
    check_unicode(path, raw)
    if alone and _RETURN in raw[:-1] and not raw.endswith(b"\n"):
        found = f"{raw.count(_RETURN):,} carriage returns but no line feed, which ends a line"
        raise DataError(path, f"holds {found}: convert it with tr '\\r' '\\n'", line=1)


def check_unicode(path: str | Path, head: bytes) -> None:
    """Refuse (DataError) a file that starts as UTF-16 or UTF-32."""
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(
                path, f"is {name}, UTF-8 is needed: convert it with iconv -f {name} -t UTF-8", 1
            )


def decode(raw: bytes) -> str | BadText:
    """Decode a line, without its end."""
    raw = raw[:-1] if raw.endswith(b"\n") else raw
    raw = raw[:-1] if raw.endswith(b"\r") else raw
    if b"\0" in raw:
        return BadText(
            "NUL byte",
            "there is a NUL byte: this is a binary file, or UTF-16 without a byte order mark "
            "(then convert it with iconv -f UTF-16LE -t UTF-8)",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, place = raw[error.start], error.start + 1
        return BadText("not UTF-8", f"byte 0x{byte:02x} at position {place} is not UTF-8")

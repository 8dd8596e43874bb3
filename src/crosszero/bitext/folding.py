"""When two texts are the same to whoever reads them, and to an encoder."""

from __future__ import annotations

import unicodedata

import regex

_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}]+")


def fold_text(text: str) -> str:
    """Give the key under which texts are compared that differ in nothing one can see.

    Letters with marks are composed (NFC), characters without a look (zero-width space, soft hyphen,
    byte order mark, direction marks) are left out, and white space of any kind and length is one
    space.

    Example:
        >>> fold_text("\\ufeffle  caf\\u00ade\\u0301\\u00a0!") == "le café !"
        True
    """
    folded = text
    if not (text.isascii() and text.isprintable()):
        folded = unicodedata.normalize("NFC", _INVISIBLE.sub(_keep_space, text))
    folded = " ".join(folded.split())
    return text if folded == text else folded


def _keep_space(found: regex.Match[str]) -> str:
    return " " if any(character.isspace() for character in found[0]) else ""

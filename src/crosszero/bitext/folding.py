"""When two texts look the same to a reader, and to an encoder."""

from __future__ import annotations

import unicodedata

import regex

# Also what is only as wide as a letter: the empty pattern of Braille, marks of annotations.
_VISIBLE = regex.compile(r"[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\u2800\ufff9-\ufffb]")
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


def has_text(text: str) -> bool:
    """Say whether there is anything to see: a text of zero-width characters only is empty.

    Example:
        >>> has_text("a"), has_text("\\u200b\\ufeff ")
        (True, False)
    """
    return _VISIBLE.search(text) is not None

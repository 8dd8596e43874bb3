"""Texts that nobody has checked, made fit for HTML, beyond the escaping that Jinja does.

A text of a corpus also gets an element of its own with ``dir="auto"`` (``templates/phrase.html``),
so that an Arabic sentence does not reorder the numbers beside it.
"""

from __future__ import annotations

import re
import unicodedata

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
# everything that HTML forbids in text, and lone surrogates, which UTF-8 can't hold
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: object) -> str:
    r"""Replace what HTML forbids.

    Example:
        >>> clean("a\x00b")
        'a\ufffdb'
    """
    return _FORBIDDEN.sub("\ufffd", str(text))


def make_language_tag(code: str) -> str:
    """Write a language as HTML's ``lang`` wants it; nothing where it is not well formed.

    Example:
        >>> make_language_tag("zh_CN"), make_language_tag("?")
        ('zh-CN', '')
    """
    tag = code.replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""


def is_rtl(text: str) -> bool:
    """Whether a text runs from right to left: its first letter with a direction decides.

    Example:
        >>> is_rtl("123 \u0633\u0644\u0627\u0645"), is_rtl("Peace \u0633\u0644\u0627\u0645")
        (True, False)
    """
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)

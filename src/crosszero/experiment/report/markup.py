"""Safe HTML out of texts that nobody has checked: corpora hold markup, control and bidi characters.

Every text goes through :func:`escape`; a text of a corpus also gets an element of its own with
``dir="auto"``, which takes the direction from the text's first letter and isolates it, so that an
Arabic sentence does not reorder the numbers beside it.
"""

from __future__ import annotations

import html
import re
import unicodedata

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
# everything that HTML forbids in text, and lone surrogates, which UTF-8 can't hold
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def escape(text: object) -> str:
    """Escape a text for HTML content and for quoted attributes.

    Example:
        >>> escape('<b> & "c"')
        '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(_FORBIDDEN.sub("\ufffd", str(text)))


def render_phrase(text: str, language: str = "", *, tag: str = "span") -> str:
    """Wrap a text of some language into an element that isolates its direction.

    Args:
        text: any text.
        language: its code; left out where it is not a well-formed language tag.
        tag: name of the element.

    Example:
        >>> render_phrase("Привет", "ru")
        '<span dir="auto" lang="ru">Привет</span>'
    """
    code = language.replace("_", "-")
    lang = f' lang="{code}"' if _LANGUAGE.fullmatch(code) else ""
    return f'<{tag} dir="auto"{lang}>{escape(text)}</{tag}>'


def is_rtl(text: str) -> bool:
    """Whether a text runs from right to left: its first letter with a direction decides.

    Example:
        >>> is_rtl("123 \u0633\u0644\u0627\u0645"), is_rtl("Peace \u0633\u0644\u0627\u0645")
        (True, False)
    """
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)

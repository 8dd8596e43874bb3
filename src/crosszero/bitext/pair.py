"""The one record that every reader yields and every later step takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePair:
    """Two texts with the same meaning.

    Attributes:
        source: text of the first language, never empty.
        target: text of the second language, never empty.
        source_language: language code as the user gave it (``en``).
        target_language: language code of `target` (``fr``).
        origin: ``file:line`` of the source side, for messages.
        group: a key shared by all pairs cut from the same line of multi-way data (the same meaning
            in more than two languages); empty if only two languages are read.

    Example:
        >>> SentencePair(source="Hi.", target="Salut.", source_language="en",
        ...              target_language="fr", origin="x.en:1").group
        ''
    """

    source: str
    target: str
    source_language: str
    target_language: str
    origin: str
    group: str = ""

"""Training examples: pairs of sentences with a label, and sentences with tags."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SentencePairExample:
    """Two sentences of one language, as the file has them, and a label (test files: none)."""

    first: str
    second: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """The words of a sentence, at least one, and as many tags, or none (test files)."""

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()

"""What is learnt from: pairs of sentences with a label, and sentences with tags."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SentencePairExample:
    """Two sentences of one language and what holds between them.

    Attributes:
        first, second: the sentences, as the file has them.
        label: such as ``entailment``; empty where the file has none (test files).
    """

    first: str
    second: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """The words of a sentence and a tag for each.

    Attributes:
        words: at least one.
        tags: as many, or none (test files).
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()

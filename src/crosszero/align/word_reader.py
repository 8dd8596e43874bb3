"""Texts of one language as words: spans to find them again, keys to count and compare them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from crosszero.align.segmenter import Segmenter
from crosszero.align.spans import Span
from crosszero.align.word_boundaries import Memory, normalise

_REMEMBERED = 200_000  # words kept: multi-way corpora show each text once for every other language


class Words(NamedTuple):
    """The words of one text.

    Attributes:
        spans: where they are, in characters of the text.
        keys: the same words, normalised.
    """

    spans: list[Span]
    keys: list[str]


class WordReader:
    """Read texts of one language as words.

    Args:
        language: language code.

    Example:
        >>> WordReader("en").read("The Weather").keys
        ['the', 'weather']
    """

    def __init__(self, language: str) -> None:
        self._segmenter = Segmenter(language)
        self._keys = Memory(normalise)
        self._known: dict[str, Words] = {}
        self._size = 0

    def fit(self, texts: Iterable[str]) -> None:
        """Learn where words end in scripts without spaces."""
        self._segmenter.fit(texts)
        self.forget()

    def forget(self) -> None:
        """Let go of the texts that are remembered."""
        self._known.clear()
        self._size = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": {}, "_size": 0}  # the same for other processes

    def read(self, text: str) -> Words:
        """Give the words of a text; remembers recent texts."""
        known = self._known.get(text)
        if known is None:
            if self._size > _REMEMBERED:
                self.forget()
            keys, spans = self._keys, self._segmenter.spans(text)
            known = Words(spans, [keys[text[start:end]] for start, end in spans])
            self._known[text] = known
            self._size += len(spans) + 1  # a text without words takes room, too
        return known


class WordReaders(dict[str, WordReader]):
    """A reader for each language code, made when it is first asked for."""

    def __missing__(self, language: str) -> WordReader:
        reader = self[language] = WordReader(language)
        return reader

    def fit(
        self, texts: Iterable[tuple[str, Collection[str]]], counted: Callable[[str], bool]
    ) -> dict[str, Counter[str]]:
        """Learn where words end, and forget what was learnt before.

        Args:
            texts: languages, each with its texts.
            counted: tells of a language whether its words shall be counted.

        Returns:
            Counts of word keys, for the languages that are counted.
        """
        self.clear()
        counts: dict[str, Counter[str]] = {}
        for language, members in texts:
            reader = self[language]
            reader.fit(members)
            if counted(language):
                counts[language] = Counter(k for text in members for k in reader.read(text).keys)
        return counts

    def forget(self) -> None:
        """Let go of the texts that are remembered."""
        for reader in self.values():
            reader.forget()

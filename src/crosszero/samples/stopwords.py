"""Words that are never chosen: stop words, numbers, punctuation, single letters.

Lists come from the package `stopwordsiso` (57 languages). For other languages the most frequent
words of the corpus are used, by the rule of :meth:`StopWords.learn`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

from crosszero.align.word_boundaries import iso_639_1, normalise
from crosszero.errors import ConfigError, suggest

Source = Literal["auto", "list", "frequency", "none"]
_FREQUENT = 0.004  # a stop word makes up more than this share of all running words,
_MOST = 100  # is one of that many most frequent ones,
_ENOUGH = 2_000  # of at least that many running words; below, shares say nothing


def check_source(source: str) -> None:
    """Refuse (ConfigError) what says nothing of where stop words come from."""
    if source not in get_args(Source):
        raise ConfigError(f"stop_words: {source!r} given; {suggest(source, get_args(Source))}")


class StopWords:
    """The words of one language that carry no meaning of their own.

    Args:
        language: code as the user gave it; ``zh-CN`` and ``zho`` find the list of ``zh``.
        source: ``"auto"`` (a list, or frequency where there is no list), ``"list"``,
            ``"frequency"`` or ``"none"``.

    Raises:
        ConfigError: `source` is none of these, or ``"list"`` and the language has no list.

    Attributes:
        listed: whether a list was found.

    Example:
        >>> stop = StopWords("en")
        >>> "the" in stop, "weather" in stop, "2026" in stop
        (True, False, True)
    """

    def __init__(self, language: str, source: Source = "auto") -> None:
        check_source(source)
        self.language = language
        self.words = _listed(iso_639_1(language)) if source in ("auto", "list") else frozenset()
        self.listed = bool(self.words)
        if source == "list" and not self.listed:
            raise ConfigError(
                f"stop_words is 'list', but there is no list of stop words for {language!r}: use "
                "'auto' (the most frequent words where there is no list) or 'frequency'"
            )
        self.learns = source == "frequency" or (source == "auto" and not self.listed)

    def learn(self, counts: Mapping[str, int]) -> None:
        """Take the most frequent of the counted words as stop words, where no list is used.

        A word is taken if it makes up more than 0.4 % of the running words and is among the 100
        most frequent. With fewer than 2,000 running words nothing is taken.
        """
        total = sum(counts.values())
        if not self.learns or total < _ENOUGH:
            return
        often = [word for word, count in counts.items() if count > _FREQUENT * total]
        often.sort(key=lambda word: (-counts[word], word))
        self.words = frozenset(often[:_MOST])

    def __contains__(self, word: str) -> bool:
        """Tell whether a normalised word is never chosen."""
        if word in self.words:
            return True
        bare = word.strip("'")
        if len(bare) == 1 and (
            bare < "\u2e80" or "\u3040" <= bare <= "\u30ff" or "\uff00" <= bare <= "\uffef"
        ):  # a letter that stands for a sound, not for a word as Han characters do
            return True
        return not any(character.isalpha() for character in bare)


@lru_cache(maxsize=64)
def _listed(language: str) -> frozenset[str]:
    import stopwordsiso

    if not stopwordsiso.has_lang(language):
        return frozenset()
    return frozenset(map(normalise, stopwordsiso.stopwords(language)))

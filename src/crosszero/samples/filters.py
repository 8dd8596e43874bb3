"""Which links are worth training on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from crosszero.align.aligner import Links
from crosszero.align.spans import WordPair
from crosszero.align.word_boundaries import Memory
from crosszero.config import require
from crosszero.samples.stopwords import Source, StopWords, check_source

_REMEMBERED = 500_000  # pairs of words of which is known whether they may be chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFilter:
    """What makes a link a word pair.

    Attributes:
        min_score: smallest score, 0 to 1; ``None`` takes the finder's own default.
        max_words: most word pairs of one sentence pair, the best scores first.
        allow_copies: also choose words that are written the same on both sides (names, brands);
            they are aligned already and teach nothing about meaning.
        stop_words: ``"auto"`` (the list of the language, or else its most frequent words),
            ``"list"``, ``"frequency"`` or ``"none"``.
        min_length: fewest characters of a word that is written in an alphabet; Han words may
            always have one.

    Raises:
        ConfigError: a value is out of range.
    """

    min_score: float | None = None
    max_words: int = 16
    allow_copies: bool = False
    stop_words: Source = "auto"
    min_length: int = 2

    def __post_init__(self) -> None:
        share = self.min_score is None or 0 <= self.min_score <= 1
        require("min_score", self.min_score, share, "between 0 and 1")
        require("max_words", self.max_words, self.max_words >= 1, "1 or more")
        require("min_length", self.min_length, self.min_length >= 1, "1 or more")
        check_source(self.stop_words)


class Chooser:
    """Apply a :class:`WordFilter`; holds the stop words of every language met.

    Args:
        rules: the filter.
        min_score: the finder's default for ``rules.min_score``.
    """

    def __init__(self, rules: WordFilter, *, min_score: float = 0.0) -> None:
        self.rules = rules
        self.min_score = min_score if rules.min_score is None else rules.min_score
        self._stop: dict[str, StopWords] = {}
        self._usable: dict[str, Memory[bool]] = {}
        self._allowed: dict[tuple[str, str], dict[tuple[str, str], bool]] = {}

    def stop_words(self, language: str) -> StopWords:
        """The stop words of a language; ConfigError if the rules want a list and there is none."""
        if language not in self._stop:
            self._stop[language] = StopWords(language, self.rules.stop_words)
        return self._stop[language]

    def learns(self, language: str) -> bool:
        """Tell whether the stop words of a language are learnt from word counts."""
        return self.rules.stop_words in ("auto", "frequency") and self.stop_words(language).learns

    def learn(self, language: str, counts: Mapping[str, int]) -> None:
        """Give the word counts of a language, for languages without a list of stop words."""
        self.stop_words(language).learn(counts)
        self._usable.clear()
        self._allowed.clear()

    def usable(self, key: str, language: str) -> bool:
        """Tell whether a normalised word may be chosen at all.

        Of several words, separated by white space (lexicon entries), one must be usable.
        """
        if language not in self._usable:
            self._usable[language] = Memory(partial(self._is_usable, self.stop_words(language)))
        return self._usable[language][key]

    def _is_usable(self, stop: StopWords, key: str) -> bool:
        short = len(key) < self.rules.min_length and key < "\u2e80"
        if short or key in stop:
            return False
        return " " not in key or any(self._is_usable(stop, word) for word in key.split(" "))

    def allows(self, source: str, target: str, languages: tuple[str, str]) -> bool:
        """Tell whether two normalised words may be chosen for each other, whatever their score."""
        return (
            (source != target or self.rules.allow_copies)
            and self.usable(source, languages[0])
            and self.usable(target, languages[1])
        )

    def choose(self, links: Links, languages: tuple[str, str]) -> tuple[WordPair, ...]:
        """Keep the links worth training on; scores are worked out for usable words only.

        Args:
            links: of a sentence pair; no word twice.
            languages: language of the source and of the target.

        Returns:
            Word pairs in the order of the source text.
        """
        source, target, pairs, score = links
        kept: list[WordPair] = []
        known = self._allowed.setdefault(languages, {})
        for i, j in pairs:
            words = source.keys[i], target.keys[j]
            allowed = known.get(words)
            if allowed is None:
                if len(known) > _REMEMBERED:
                    known.clear()
                allowed = known[words] = self.allows(*words, languages)
            if allowed and (value := score(i, j)) >= self.min_score:
                kept.append(WordPair(source.spans[i], target.spans[j], value))
        if len(kept) > self.rules.max_words:
            kept.sort(key=lambda pair: (-pair.score, pair.source.start))
            del kept[self.rules.max_words :]
        return tuple(sorted(kept))

"""Word pairs looked up in bilingual word lists.

A text is read once: one regular expression cuts it to tokens (words, single letters of scripts
without spaces, single marks of punctuation), and a tree of tokens tells the entries, leftmost and
longest first. The cost grows with the text, not with the list. Whole tokens only, so
that *art* is not found in *part*. In scripts without spaces a token is a letter, and an entry may
match inside a longer word that the list has not: *天* in *天才*. List the longer words, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from crosszero.align.spans import WordPair
from crosszero.align.word_boundaries import Keys, token_pattern
from crosszero.align.word_lists import Lexicon
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.memory import collector_paused
from crosszero.samples.filters import Chooser, WordFilter
from crosszero.samples.lexicon.pieces import Numbers
from crosszero.samples.lexicon.translations import Table

TEXTS = 2_000  # sentence pairs looked up at a time: what they need stays in the caches


class LexiconFinder:
    """Find word pairs with a bilingual word list.

    Entries are matched leftmost and longest first (*New York* before *York*), and occurrences are
    counted after that: in "York is not New York", *York* occurs once. An entry is used where

    - it occurs exactly once in its sentence,
    - exactly one of its translations occurs in the other sentence, and that once,
    - and the same holds seen from the other side.

    Entries made of stop words only (*of the*) are never used. Case, Unicode normal form and vowel
    signs make no difference; spans are those of the text.

    Args:
        lexicon: from :func:`read_lexicon`.
        rules: which word pairs to keep; all scores are 1.

    Example:
        >>> lexicon = Lexicon()
        >>> lexicon.add("en", "fr", [("weather", "météo")])
        >>> pair = SentencePair(source="The weather", target="La météo", source_language="en",
        ...                     target_language="fr", origin="")
        >>> LexiconFinder(lexicon).find([pair])[0][0].target
        Span(start=3, end=8)
    """

    name = "lexicon"

    def __init__(self, lexicon: Lexicon, rules: WordFilter | None = None) -> None:
        self._lexicon = lexicon
        self._chooser = Chooser(rules or WordFilter())
        self._keys = Keys()
        self._tables: dict[tuple[str, str], Table] = {}

    def check_languages(self, source: str, target: str) -> None:
        """Refuse a language pair for which there is nothing to look up.

        Raises:
            ConfigError: the lexicon has nothing for it, or stop words shall come from a list and
                there is none.
        """
        self._chooser.check_languages(source, target)
        self._table((source, target))

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Count words of languages that have no list of stop words.

        Raises:
            ConfigError: as :meth:`check_languages`, at the first pair of such languages.
        """
        counts: dict[str, Counter[str]] = {}
        patterns: dict[str, re.Pattern[str]] = {}
        met: set[tuple[str, str]] = set()
        keys = self._keys
        codes = {code for languages in self._lexicon.language_pairs for code in languages}
        learning = self._chooser.rules.stop_words == "frequency" or (
            self._chooser.rules.stop_words == "auto"
            and any(self._chooser.stop_words(code).learns for code in codes)
        )
        for pair in pairs:
            languages = (pair.source_language, pair.target_language)
            if languages not in met:
                met.add(languages)
                self.check_languages(*languages)
                if not learning:
                    return  # nothing to count: other languages are checked when they are met
                for code in languages:
                    if self._chooser.stop_words(code).learns and code not in counts:
                        counts[code], patterns[code] = Counter(), token_pattern(code)
            for code, text in zip(languages, (pair.source, pair.target), strict=True):
                if code in counts:
                    counts[code].update(keys[word] for word in patterns[code].findall(text))
        for code, counter in counts.items():
            self._chooser.learn(code, counter)

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        """Look up a batch.

        Raises:
            ConfigError: the lexicon has nothing for a language pair.
        """
        members: dict[tuple[str, str], list[int]] = {}
        for number, pair in enumerate(pairs):
            members.setdefault((pair.source_language, pair.target_language), []).append(number)
        found: list[tuple[WordPair, ...]] = [()] * len(pairs)
        with collector_paused():
            for languages, numbers in members.items():
                table = self._table(languages)
                for begin in range(0, len(numbers), TEXTS):
                    some = numbers[begin : begin + TEXTS]
                    words = self._find([pairs[number] for number in some], table, languages)
                    for number, chosen in words:
                        found[some[number]] = chosen
        return found

    def _find(
        self, pairs: Sequence[SentencePair], table: Table, languages: tuple[str, str]
    ) -> Iterator[tuple[int, tuple[WordPair, ...]]]:
        """Number and word pairs of the sentence pairs that have some."""
        source = table.source.read([pair.source for pair in pairs])
        target = table.target.read([pair.target for pair in pairs])
        a, b = table.link(source, target)
        kept = self._allow(table, source.entry[a], target.entry[b], languages)
        a, b = a[kept], b[kept]
        spans = zip(table.source.locate(source, a), table.target.locate(target, b), strict=True)
        words = [WordPair(*both) for both in spans]
        most = self._chooser.rules.max_words
        texts, counts = np.unique(source.text[a], return_counts=True)
        begin = 0
        for text, count in zip(texts.tolist(), counts.tolist(), strict=True):
            yield text, tuple(words[begin : begin + min(count, most)])
            begin += count

    def _allow(
        self, table: Table, source: Numbers, target: Numbers, languages: tuple[str, str]
    ) -> NDArray[np.bool_]:
        """Which links the rules allow; each different one is asked for once."""
        left, right = table.source.tree.names, table.target.tree.names
        keys, links = np.unique(source * len(right) + target, return_inverse=True)
        return np.fromiter(
            (
                self._chooser.allows(left[key // len(right)], right[key % len(right)], languages)
                for key in keys.tolist()
            ),
            np.bool_,
            len(keys),
        )[links]

    def _table(self, languages: tuple[str, str]) -> Table:
        table = self._tables.get(languages)
        if table is None:
            entries = self._lexicon.entries(*languages)
            if not entries:
                known = ", ".join("-".join(pair) for pair in self._lexicon.language_pairs)
                known = known or "nothing"
                raise ConfigError(
                    f"the lexicon has no {languages[0]}-{languages[1]} entries; it has: {known}. "
                    "Give lists as LANGUAGE=FILE for all languages, or read only the language "
                    "pairs that it has (pairs: en)"
                )
            table = self._tables[languages] = Table(entries, languages, self._keys)
        return table

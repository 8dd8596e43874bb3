"""Word pairs looked up in bilingual word lists.

A text is read once: one regular expression cuts it to tokens (words, single letters of scripts
without spaces, single marks of punctuation), and a walk along a tree of tokens finds the entries,
leftmost and longest first. The cost grows with the text, not with the list. Whole tokens only, so
that *art* is not found in *part*. In scripts without spaces a token is a letter, and an entry may
match inside a longer word that the list has not: *天* in *天才*. List the longer words, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.samples.filters import Chooser, WordFilter
from crosszero.samples.lexicon import Lexicon
from crosszero.samples.sample import WordPair
from crosszero.samples.tree import Side
from crosszero.samples.words import Keys, token_pattern


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
        self._tables: dict[tuple[str, str], _Table] = {}

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
        found: list[tuple[WordPair, ...]] = []
        languages, table = ("", ""), None
        for pair in pairs:
            if table is None or languages != (pair.source_language, pair.target_language):
                languages = (pair.source_language, pair.target_language)
                table = self._table(languages)
            found.append(self._find(pair, table, languages))
        return found

    def _find(
        self, pair: SentencePair, table: _Table, languages: tuple[str, str]
    ) -> tuple[WordPair, ...]:
        sources = table.source.occurrences(pair.source)
        if not sources:
            return ()
        targets = table.target.occurrences(pair.target)
        if not targets:
            return ()
        there, back = table.there, table.back
        links: list[tuple[str, str]] = []
        usable = self._chooser.usable
        for entry, place in sources.items():
            if place is None:
                continue
            present, other = 0, ""
            for one in there[entry]:
                if one in targets:
                    present, other = present + 1, one
            if present != 1 or targets[other] is None:
                continue
            present = 0
            for one in back[other]:
                present += one in sources
            if present == 1 and usable(entry, languages[0]):
                links.append((entry, other))
        if not links:
            return ()
        source = table.source.words(pair.source, [(a, sources[a]) for a, _ in links])
        target = table.target.words(pair.target, [(b, targets[b]) for _, b in links])
        numbers = ((number, number) for number in range(len(links)))
        return self._chooser.choose(numbers, source, target, languages)

    def _table(self, languages: tuple[str, str]) -> _Table:
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
            table = self._tables[languages] = _Table(entries, languages, self._keys)
        return table


class _Table:
    """Both sides of a language pair, and translations from entry to entries."""

    def __init__(
        self, entries: Iterable[tuple[str, str]], languages: tuple[str, str], keys: Keys
    ) -> None:
        self.source, self.target = (Side(language, keys) for language in languages)
        self.there: dict[str, dict[str, None]] = {}
        self.back: dict[str, dict[str, None]] = {}
        for first, second in entries:
            a, b = self.source.add(first), self.target.add(second)
            if a and b:
                self.there.setdefault(a, {})[b] = None
                self.back.setdefault(b, {})[a] = None

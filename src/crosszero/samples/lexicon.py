"""Word pairs from bilingual word lists.

A text is read once: one regular expression cuts it to tokens (words, single letters of scripts
without spaces, single marks of punctuation), and a walk along a tree of tokens
finds the entries, leftmost and longest first. The cost grows with the text, not with
the list. Whole tokens only, so that *art* is not found in *part*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError, DataError
from crosszero.files import open_bytes
from crosszero.samples.filters import Chooser, WordFilter
from crosszero.samples.reader import Words
from crosszero.samples.sample import Span, WordPair
from crosszero.samples.words import Keys, token_pattern

_PIECE, _PIECES = 24, 300_000  # longest text between spaces to remember, in characters; how many


class Lexicon:
    """Translations of words and multi-word entries, for any number of language pairs.

    Example:
        >>> lexicon = Lexicon()
        >>> lexicon.add("en", "fr", [("weather", "temps"), ("time", "temps")])
        >>> sorted(lexicon.language_pairs)
        [('en', 'fr')]
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], dict[tuple[str, str], None]] = {}

    def add(self, source: str, target: str, entries: Iterable[tuple[str, str]]) -> None:
        """Add entries of one language pair; they serve for both directions."""
        self._entries.setdefault((source, target), {}).update((entry, None) for entry in entries)

    @property
    def language_pairs(self) -> list[tuple[str, str]]:
        """Language pairs, each in the direction in which it was added."""
        return list(self._entries)

    def entries(self, source: str, target: str) -> list[tuple[str, str]]:
        """Entries of a language pair, from lists of either direction."""
        found = dict(self._entries.get((source, target), {}))
        found.update(((b, a), None) for a, b in self._entries.get((target, source), {}))
        return list(found)


def read_lexicon(specifications: Sequence[str]) -> Lexicon:
    """Read word lists.

    Args:
        specifications: ``LANGUAGE,LANGUAGE=FILE`` for a list of two columns (separated by a tab,
            or, if a line has none, by one run of spaces: the format of MUSE), or
            ``LANGUAGE=FILE`` for each of several lists where equal line numbers mean the same.

    Raises:
        ConfigError: a specification is of another form, or a lone aligned list.
        DataError: a file is missing, empty, not UTF-8, has a line of one column, or aligned lists
            differ in length.

    Example:
        >>> read_lexicon(["en,fr=muse.txt"])                            # doctest: +SKIP
        >>> read_lexicon(["en=en.txt", "fr=fr.txt", "ru=ru.txt"])       # doctest: +SKIP
    """
    lexicon = Lexicon()
    aligned: dict[str, str] = {}
    for specification in specifications:
        languages, separator, file = specification.partition("=")
        codes = [code.strip() for code in languages.split(",")]
        if not separator or not file or not all(codes) or len(codes) > 2:
            raise ConfigError(
                f"lexicon {specification!r}: write LANGUAGE,LANGUAGE=FILE for a list of two "
                "columns, or LANGUAGE=FILE for lists that are aligned line by line"
            )
        if len(codes) == 2:
            lexicon.add(codes[0], codes[1], _two_columns(file))
        elif codes[0] in aligned:
            raise ConfigError(f"lexicon: two aligned lists for language {codes[0]!r}")
        else:
            aligned[codes[0]] = file
    if len(aligned) == 1:
        raise ConfigError(
            f"lexicon: one aligned list ({next(iter(aligned))}) says nothing; give a second"
        )
    lists = {code: [text for _, text in _lines(file)] for code, file in aligned.items()}
    for (a, first), (b, second) in combinations(lists.items(), 2):
        if len(first) != len(second):
            raise DataError(
                aligned[b],
                f"has {len(second)} lines, {aligned[a]} has {len(first)}: aligned lists need one "
                "concept on the same line of every file",
                line=min(len(first), len(second)) + 1,
            )
        rows = zip(first, second, strict=True)
        lexicon.add(a, b, [(x, y) for x, y in rows if x and y])
    return lexicon


def _lines(file: str | Path) -> Iterator[tuple[int, str]]:
    number = 0
    with open_bytes(file) as handle:
        for number, raw in enumerate(handle, start=1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    file, f"is not UTF-8 (byte {error.start + 1} of the line)", line=number
                ) from error
            yield number, text.strip()
    if not number:
        raise DataError(file, "is empty")


def _two_columns(file: str | Path) -> Iterator[tuple[str, str]]:
    for number, text in _lines(file):
        if not text:
            continue
        columns = text.split("\t") if "\t" in text else text.split()
        columns = [column.strip() for column in columns]
        if len(columns) != 2 or not all(columns):
            raise DataError(
                file,
                f"two columns are needed, {len(columns)} found; separate them by a tab",
                line=number,
            )
        yield columns[0], columns[1]


class LexiconFinder:
    """Find word pairs with a bilingual word list.

    Entries are matched leftmost and longest first (*New York* before *York*), and occurrences are
    counted after that: in "York is not New York", *York* occurs once. An entry is used where

    - it occurs exactly once in its sentence,
    - exactly one of its translations occurs in the other sentence, and that once,
    - and the same holds seen from the other side.

    Case, Unicode normal form and vowel signs make no difference; spans are those of the text.

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

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        """Count words of languages that have no list of stop words; else do nothing."""
        codes = {code for pair in self._lexicon.language_pairs for code in pair}
        learning = {c: token_pattern(c) for c in codes if self._chooser.stop_words(c).learns}
        if not learning:
            return
        counts: dict[str, Counter[str]] = {code: Counter() for code in learning}
        keys = self._keys
        for pair in pairs:
            for code, text in (
                (pair.source_language, pair.source),
                (pair.target_language, pair.target),
            ):
                if code in learning:
                    counts[code].update(keys[word] for word in learning[code].findall(text))
        for code, counter in counts.items():
            self._chooser.learn(code, counter)
        self._tables.clear()

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
            if place is None or not usable(entry, languages[0]):
                continue
            present = [other for other in there[entry] if other in targets]
            if len(present) != 1 or targets[present[0]] is None:
                continue
            other = present[0]
            if sum(one in sources for one in back[other]) == 1:
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
                raise ConfigError(
                    f"the lexicon has no {languages[0]}-{languages[1]} entries; it has: {known}"
                )
            table = self._tables[languages] = _Table(entries, languages, self._keys)
        return table


class _Table:
    """Both sides of a language pair, and translations from entry to entries."""

    def __init__(
        self, entries: Iterable[tuple[str, str]], languages: tuple[str, str], keys: Keys
    ) -> None:
        self.source, self.target = (_Side(language, keys) for language in languages)
        self.there: dict[str, dict[str, None]] = {}
        self.back: dict[str, dict[str, None]] = {}
        for first, second in entries:
            a, b = self.source.add(first), self.target.add(second)
            if a and b:
                self.there.setdefault(a, {})[b] = None
                self.back.setdefault(b, {})[a] = None


class _Node:
    """What may follow the tokens read so far, and the entries that end here."""

    __slots__ = ("children", "entries")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        #: name of an entry, and whether white space follows each of its tokens but the last
        self.entries: dict[str, list[bool]] = {}


class _Side:
    """Find the entries of one language in a text: a tree over tokens, walked once."""

    def __init__(self, language: str, keys: Keys) -> None:
        self._pattern = token_pattern(language)
        self._keys = keys
        self._tree = _Node()
        self._pieces: dict[str, list[str]] = {}

    def add(self, text: str) -> str:
        """Take an entry; returns its name, or nothing if it holds no token."""
        tokens = self._tokens(text)
        if not tokens:
            return ""
        spans = self._spans(text)
        gaps = [_spaced(text, spans[i], spans[i + 1]) for i in range(len(spans) - 1)]
        name = tokens[0] + "".join(
            (" " if gap else "") + token for gap, token in zip(gaps, tokens[1:], strict=True)
        )
        node = self._tree
        for token in tokens:
            node = node.children.setdefault(token, _Node())
        node.entries[name] = gaps
        return name

    def occurrences(self, text: str) -> dict[str, tuple[int, int] | None]:
        """Entries of a text with their first and last token; ``None`` for more than one place."""
        tokens = self._tokens(text)
        found: dict[str, tuple[int, int] | None] = {}
        tree = self._tree.children
        spans: list[tuple[int, int]] = []
        skip = 0
        for place in [i for i, token in enumerate(tokens) if token in tree]:
            if place < skip:
                continue
            node: _Node | None = tree[tokens[place]]
            ends: list[tuple[int, _Node]] = []
            end = place
            while node is not None:
                if node.entries:
                    ends.append((end, node))
                end += 1
                node = node.children.get(tokens[end]) if end < len(tokens) else None
            for last, node in reversed(ends):
                if last > place:
                    spans = spans or self._spans(text)
                name = _same_gaps(text, spans, place, node) if last > place else tokens[place]
                if name:
                    found[name] = None if name in found else (place, last)
                    skip = last + 1
                    break
        return found

    def words(self, text: str, chosen: list[tuple[str, tuple[int, int] | None]]) -> Words:
        """Spans and keys of chosen entries."""
        spans = self._spans(text)
        places = [place for _, place in chosen if place is not None]
        return Words(
            [Span(spans[first][0], spans[last][1]) for first, last in places],
            [name for name, _ in chosen],
        )

    def _tokens(self, text: str) -> list[str]:
        """Normalised tokens. No token holds white space, so pieces between it are remembered."""
        tokens: list[str] = []
        pieces = self._pieces
        for piece in text.split():
            known = pieces.get(piece)
            if known is None:
                keys = self._keys
                known = [keys[token] for token in self._pattern.findall(piece)]
                if len(piece) <= _PIECE:
                    if len(pieces) >= _PIECES:
                        pieces.clear()
                    pieces[piece] = known
            tokens += known
        return tokens

    def _spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in self._pattern.finditer(text)]


def _same_gaps(text: str, spans: list[tuple[int, int]], first: int, node: _Node) -> str:
    """The entry that has white space where the text has it; nothing if there is none."""
    for name, gaps in node.entries.items():
        if all(
            _spaced(text, spans[i], spans[i + 1]) == gap for i, gap in enumerate(gaps, start=first)
        ):
            return name
    return ""


def _spaced(text: str, left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Whether white space stands between two neighbouring tokens."""
    gap = text[left[1] : right[0]]
    return gap == " " or any(character.isspace() for character in gap)

"""Links looked up in bilingual word lists.

A text is cut to tokens (words, single letters of scripts without spaces, single marks of
punctuation). Each token of the list is given a character of its own, so that many texts become one
short line, in which an automaton after Aho and Corasick finds all entries in one pass, leftmost
and longest first. The cost grows with the texts, not with the list. Whole tokens only, so that
*art* is not found in *part*. In scripts without spaces a token is a letter, and an entry may match
inside a longer word that the list has not: *天* in *天才*. List the longer words, too.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

import numpy as np
from ahocorasick_rs import AhoCorasick, MatchKind
from numpy.typing import NDArray

from crosszero.align.aligner import NO_LINKS, Links, count_nothing, group_by_languages, sides
from crosszero.align.spans import Span
from crosszero.align.word_boundaries import Memory, normalise, token_pattern
from crosszero.align.word_lists import Lexicon
from crosszero.align.word_reader import Words
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.memory import collector_paused

_TEXTS = 2_000  # sentence pairs looked up at a time
_REMEMBERED = 2_000_000  # characters of what stands between spaces
_SPACE, _END, _OTHER = " ", "\0", "."  # between pieces, between texts, a token of no entry
_FIRST = 0xE000  # character of the first token; those below are partly no text
_MOST = sys.maxunicode + 1 - _FIRST  # different tokens
_PIECE = re.compile(r"\S+")  # what str.split gives
Numbers = NDArray[np.int64]


class LexiconAligner:
    """Link words by a bilingual word list.

    Entries are matched leftmost and longest first (*New York* before *York*), and occurrences are
    counted after that: in "York is not New York", *York* occurs once. Two entries are linked where
    each occurs exactly once, and has no other translation in the other text. Case, Unicode normal
    form and vowel signs make no difference; spans are those of the text. All scores are 1.

    Args:
        lexicon: from :func:`~crosszero.align.word_lists.read_lexicon`.

    Example:
        >>> lexicon = Lexicon()
        >>> lexicon.add("en", "fr", [("weather", "météo")])
        >>> pair = SentencePair(source="The weather", target="La météo", source_language="en",
        ...                     target_language="fr", origin="")
        >>> next(LexiconAligner(lexicon).align([pair])).word_pairs()
        [WordPair(source=Span(start=4, end=11), target=Span(start=3, end=8), score=1.0)]
    """

    name = "lexicon"
    min_score = 0.0

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._keys = Memory(normalise)
        self._translations: dict[tuple[str, str], _Translations] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_translations": {}}  # automata can't travel, they are made anew

    def check_languages(self, source: str, target: str) -> None:
        """Refuse a language pair for which the lexicon has nothing, by a ConfigError."""
        self._translate((source, target))

    def fit(
        self, pairs: Iterable[SentencePair], *, counted: Callable[[str], bool] = count_nothing
    ) -> dict[str, Counter[str]]:
        """Count words, punctuation included; nothing is learnt.

        If no language of the lexicon is counted, the corpus is left after its first pair.
        """
        counts: dict[str, Counter[str]] = {}
        counting = any(map(counted, chain.from_iterable(self._lexicon.language_pairs)))
        for pair in pairs if counting else islice(pairs, 1):
            for code, text in sides(pair):
                if counted(code):
                    words = token_pattern(code).findall(text)
                    counts.setdefault(code, Counter()).update(map(self._keys.__getitem__, words))
        return counts

    def align(self, pairs: Sequence[SentencePair]) -> Iterator[Links]:
        """Look up a batch.

        Raises:
            ConfigError: the lexicon has nothing for a language pair.
        """
        found = [NO_LINKS] * len(pairs)
        with collector_paused():  # also while the caller makes something of the links
            for languages, members in group_by_languages(pairs).items():
                translations = self._translate(languages)
                for begin in range(0, len(members), _TEXTS):
                    some = members[begin : begin + _TEXTS]
                    for number, links in translations.link([pairs[member] for member in some]):
                        found[some[number]] = links
            yield from found

    def _translate(self, languages: tuple[str, str]) -> _Translations:
        known = self._translations.get(languages)
        if known is None:
            entries = self._lexicon.entries(*languages)
            if not entries:
                has = ", ".join("-".join(pair) for pair in self._lexicon.language_pairs)
                raise ConfigError(
                    f"the lexicon has no {'-'.join(languages)} entries; it has: "
                    f"{has or 'nothing'}. Give lists as LANGUAGE=FILE for all languages, or read "
                    "only the language pairs that it has (pairs: en)"
                )
            known = self._translations[languages] = _Translations(entries, languages, self._keys)
        return known


class _Translations:
    """The entries of two languages, and which of them mean the same."""

    def __init__(
        self, entries: Sequence[tuple[str, str]], languages: tuple[str, str], keys: Memory[str]
    ) -> None:
        texts = zip(*entries, strict=True)
        source, target = (_Side(*side, keys) for side in zip(languages, texts, strict=True))
        same = {both for both in zip(source.numbers, target.numbers, strict=True) if -1 not in both}
        pairs = np.array(sorted(same), np.int64).reshape(-1, 2)
        self._source, self._target, self._others = source, target, pairs[:, 1]
        self._bounds = np.searchsorted(pairs[:, 0], np.arange(len(source.names) + 1))

    def link(self, pairs: Sequence[SentencePair]) -> Iterator[tuple[int, Links]]:
        """Give the number and the links of each sentence pair that has some."""
        source, target = self._source, self._target
        here, there = source.find([p.source for p in pairs]), target.find([p.target for p in pairs])
        # All translations of what is in a text, and how often they are in the other text.
        begin, counts = self._bounds[here.entry], np.diff(self._bounds)[here.entry]
        a = np.repeat(np.arange(len(counts)), counts)
        rows = np.arange(len(a)) + np.repeat(begin + counts - np.cumsum(counts), counts)
        wanted = here.text[a] * len(target.names) + self._others[rows]
        keys = there.text * len(target.names) + there.entry
        order = np.argsort(keys)
        b = np.searchsorted(keys, wanted, sorter=order)
        many = np.searchsorted(keys, wanted, "right", sorter=order) - b
        a, b, many = a[many > 0], b[many > 0], many[many > 0]
        alone = (np.bincount(a, many)[a] == 1) & (np.bincount(b)[b] == 1)
        a, b = a[alone], order[b[alone]]
        left, right = source.read(here, a), target.read(there, b)
        links = [(n, n) for n in range(len(a))]
        texts, firsts = np.unique(here.text[a], return_index=True)
        for text, (i, j) in zip(texts.tolist(), pairwise([*firsts.tolist(), len(a)]), strict=True):
            yield text, Links(left, right, links[i:j], _sure)


def _sure(source: int, target: int) -> float:
    return 1.0


class _Found(NamedTuple):
    """Entries in some texts, in their order.

    Attributes:
        text, entry: (n,) number of the text and of the entry.
        begin, end: (n,) where it stands in the line of all texts.
        spaces, ends: where the spaces and the ends of texts are in the line.
        pieces: what stands between the spaces.
        texts: as they were given, but for pieces without tokens.
    """

    text: Numbers
    entry: Numbers
    begin: Numbers
    end: Numbers
    spaces: Numbers
    ends: Numbers
    pieces: list[str]
    texts: Sequence[str]


class _Alphabet(dict[str, str]):
    """A character for each token of a list, and when it is complete, one for all other tokens."""

    complete = False

    def __missing__(self, token: str) -> str:
        if self.complete:
            return _OTHER
        if len(self) >= _MOST:
            raise ConfigError(
                f"the lexicon has more than {_MOST:,} different words in one language, which is as "
                "many as can be looked up: leave rare ones out"
            )
        character = self[token] = chr(_FIRST + len(self))
        return character


class _Side:
    """The entries of one language, and where they are in texts.

    Attributes:
        names: of the entries, each once: their tokens, with a space where white space was.
        numbers: of the given texts, the number of each one's entry; -1 if it holds no token.
    """

    def __init__(self, language: str, texts: Sequence[str], keys: Memory[str]) -> None:
        self._pattern, self._keys, self._characters = token_pattern(language), keys, _Alphabet()
        given = (text.replace(_END, _SPACE) for text in texts)
        lines = [_SPACE.join(filter(None, map(self._write, text.split()))) for text in given]
        numbers = {line: number for number, line in enumerate(dict.fromkeys(filter(None, lines)))}
        self.numbers = [numbers.get(line, -1) for line in lines]
        tokens = {ord(character): token for token, character in self._characters.items()}
        self.names = [line.translate(tokens) for line in numbers]
        self._automaton = AhoCorasick(
            list(numbers), matchkind=MatchKind.LeftmostLongest, store_patterns=False
        )
        self._characters.complete = True
        self._pieces = Memory(self._write, _REMEMBERED)
        self._cuts = Memory(self._cut, _REMEMBERED)

    def _write(self, piece: str) -> str:
        """The characters of the tokens of a text without white space."""
        if piece.isascii() and piece.isalpha():  # one English word: saves the expression
            return self._characters[piece.lower()]
        if piece == _END:
            return _END
        keys, characters = self._keys, self._characters
        return "".join([characters[keys[token]] for token in self._pattern.findall(piece)])

    def _cut(self, piece: str) -> list[tuple[int, int]]:
        """Where its tokens are."""
        return [match.span() for match in self._pattern.finditer(piece)]

    def find(self, texts: Sequence[str]) -> _Found:
        """Find the entries of some texts."""
        pieces = f" {_END} ".join(texts).split()
        line = _SPACE.join(map(self._pieces.__getitem__, pieces))
        characters = np.frombuffer(line.encode("utf-32-le"), np.uint32)
        ends = np.flatnonzero(characters == ord(_END))
        if (line and 2 * _SPACE in f" {line} ") or len(ends) >= len(texts):
            # An entry goes on behind a piece that has no token.
            return self.find([_PIECE.sub(self._blank, text) for text in texts])
        matches = self._automaton.find_matches_as_indexes(line)
        numbers = np.fromiter(chain.from_iterable(matches), np.int64, 3 * len(matches))
        entry, begin, end = numbers.reshape(-1, 3).T
        spaces = np.flatnonzero(characters == ord(_SPACE))
        text = np.searchsorted(ends, begin)
        return _Found(text, entry, begin, end, spaces, ends, pieces, texts)

    def _blank(self, piece: re.Match[str]) -> str:
        return piece[0] if piece[0] != _END and self._pieces[piece[0]] else _SPACE * len(piece[0])

    def read(self, found: _Found, chosen: Numbers) -> Words:
        """Chosen entries as words of their texts."""
        pieces, cuts, text = found.pieces, self._cuts, found.text[chosen]
        opening = np.append(0, np.searchsorted(found.spaces, found.ends) + 1)[text]
        columns = [text]
        for place in (found.begin[chosen], found.end[chosen] - 1):
            piece = np.searchsorted(found.spaces, place)
            columns += [piece, piece - opening, place - np.append(-1, found.spaces)[piece] - 1]
        spans = []
        for number, a, m, i, b, n, j in zip(*(c.tolist() for c in columns), strict=True):
            text = found.texts[number]
            start = last = len(text) - len(text.split(None, m)[m])
            if m != n:
                last = len(text) - len(text.split(None, n)[n])
            spans.append(Span(start + cuts[pieces[a]][i][0], last + cuts[pieces[b]][j][1]))
        return Words(spans, [self.names[entry] for entry in found.entry[chosen].tolist()])

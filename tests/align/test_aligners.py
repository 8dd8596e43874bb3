"""The aligner on made-up text whose dictionary is known, and the encoder finder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from crosszero.align import EncoderAligner, Lexicon, LexiconAligner, StatisticalAligner
from crosszero.align.similarity import mutual_argmax
from crosszero.align.spans import Span
from crosszero.align.word_reader import WordReader
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.samples import (
    Finder,
    NoFinder,
    WordFilter,
    WordFinder,
)
from tests.samples.helpers import cipher, pair

OPEN = WordFilter(stop_words="none")


class Vectors:
    """An encoder of words made of a function."""

    def __init__(self, function: Callable[..., list[np.ndarray]]) -> None:
        self.encode_words = function


def links(pairs: list[SentencePair], finder: Finder) -> list[tuple[str, str]]:
    result = []
    for item, words in zip(pairs, finder.find(pairs), strict=True):
        sources = [place for word in words for place in range(*word.source)]
        targets = [place for word in words for place in range(*word.target)]
        assert len(set(sources)) == len(sources)
        assert len(set(targets)) == len(targets)
        assert list(words) == sorted(words)
        assert all(0.1 <= word.score <= 1.0 for word in words)
        result += [(item.source[slice(*s)], item.target[slice(*t)]) for s, t, _ in words]
    return result


@pytest.mark.parametrize("spaced", [True, False])
def test_finds_the_planted_dictionary(spaced: bool) -> None:
    pairs, dictionary = cipher(1200, seed=3, spaced=spaced)
    finder = WordFinder(StatisticalAligner(), OPEN)
    finder.fit(iter(pairs))
    found = links(pairs, finder)
    expected = sum(len(item.source.split()) for item in pairs)
    right = sum(dictionary[a] == b for a, b in found)
    assert right > 0.97 * len(found)
    assert right > 0.85 * expected
    best = Counter(found)
    learnt = {a: max((n, b) for (x, b), n in best.items() if x == a)[1] for a, _ in best}
    assert learnt == dictionary


def test_deterministic_and_independent_of_the_batch() -> None:
    pairs, _ = cipher(300, seed=5)
    first, second = (
        WordFinder(StatisticalAligner(seed=4), OPEN),
        WordFinder(StatisticalAligner(seed=4), OPEN),
    )
    first.fit(pairs)
    second.fit(iter(pairs))
    found = first.find(pairs)
    assert found == second.find(pairs)
    assert found[100:] == first.find(pairs[100:])
    assert any(found)


def test_both_orders_of_two_languages_share_a_model() -> None:
    pairs, dictionary = cipher(600, seed=6)
    turned = [pair(p.target, p.source, "yy-xx") for p in pairs[300:]]
    finder = WordFinder(StatisticalAligner(), OPEN)
    finder.fit(pairs[:300] + turned)
    found = links(turned, finder)
    assert sum(dictionary[b] == a for a, b in found) > 0.95 * len(found) > 0
    assert len(finder.find(pairs[:3] + turned[:3])) == 6


def test_sample_bounds_what_is_fitted() -> None:
    pairs, _ = cipher(400, seed=7)
    kept = StatisticalAligner(fit_pairs=50)._sample(iter(pairs))
    rows = kept["xx", "yy"]
    assert len(rows) == 50
    places = [place for place, p in enumerate(pairs) if (p.source, p.target) in set(rows)]
    assert max(places) > 200
    assert kept == StatisticalAligner(fit_pairs=50)._sample(iter(pairs))


def test_unfit_language_pair_and_useless_text() -> None:
    pairs, _ = cipher(60, seed=8)
    finder = WordFinder(StatisticalAligner(), OPEN)
    with pytest.raises(ConfigError, match=r"call fit\(\) first"):
        finder.find(pairs)
    finder.fit([*pairs, pair("...", "!"), pair("x " * 2000, "y " * 2000)])
    assert finder.find([pair("...", "!"), pair("x " * 2000, "y " * 2000)]) == [(), ()]
    assert finder.find([pair("eins", "uno", "de-it"), pairs[0]])[0] == ()
    empty = WordFinder(StatisticalAligner(), OPEN)
    empty.fit([pair("...", "!")])
    assert empty.find([pair("a b", "c d")]) == [()]
    with pytest.raises(ConfigError, match="fit_pairs"):
        StatisticalAligner(fit_pairs=0)
    with pytest.raises(ConfigError, match="samplers"):
        StatisticalAligner(samplers=0)


def test_stop_words_numbers_and_copies_are_never_chosen() -> None:
    nouns = {"house": "maison", "bread": "pain", "river": "rivière", "garden": "jardin"}
    pairs = []
    for a, x in nouns.items():
        for b, y in nouns.items():
            for number, city in enumerate(("Oslo", "Bergen", "Narvik", "Troms") * 2, start=10):
                source = f"the {a} and the {b} {number} {city}"
                pairs.append(pair(source, f"le {x} et le {y} {number} {city}", "en-fr"))
    finder = WordFinder(StatisticalAligner())
    finder.fit(pairs)
    chosen = set(links(pairs, finder))
    assert chosen
    assert chosen <= set(nouns.items())
    copies = WordFinder(StatisticalAligner(), WordFilter(allow_copies=True))
    copies.fit(pairs)
    assert ("Oslo", "Oslo") in set(links(pairs, copies))


def test_most_words_of_a_pair() -> None:
    pairs, _ = cipher(300, seed=9)
    finder = WordFinder(StatisticalAligner(), WordFilter(stop_words="none", max_words=2))
    finder.fit(pairs)
    assert max(len(words) for words in finder.find(pairs)) == 2


def test_encoder_finder_equals_brute_force() -> None:
    draw = np.random.default_rng(1)
    table: dict[str, np.ndarray] = {}

    def vectors(texts: list[str], spans: list[list[Span]]) -> list[np.ndarray]:
        assert len(texts) <= 3
        words = [
            [text[slice(*span)] for span in found] for text, found in zip(texts, spans, strict=True)
        ]
        for word in (word for row in words for word in row):
            table.setdefault(word, draw.normal(size=6))
        return [np.array([table[word] for word in row]).reshape(-1, 6) for row in words]

    pairs, _ = cipher(20, seed=2)
    pairs.append(pair("...", "!"))
    finder = WordFinder(EncoderAligner(Vectors(vectors), threshold=0.1, batch=3), OPEN)
    finder.fit(pairs)
    found = finder.find(pairs)
    for item, words in zip(pairs, found, strict=True):
        left, right = item.source.split(), item.target.split()
        expected = set()
        for a in left:
            for b in right:
                if a not in table or b not in table:
                    continue

                def cosine(x: str, y: str) -> float:
                    u, v = table[x], table[y]
                    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

                value = cosine(a, b)
                row, column = [cosine(a, y) for y in right], [cosine(x, b) for x in left]
                if value >= 0.1 and value == max(row) and value == max(column):
                    expected.add((a, b))
        chosen = {(item.source[slice(*s)], item.target[slice(*t)]) for s, t, _ in words}
        assert chosen == expected
    assert any(found)


def test_mutual_argmax_edges() -> None:
    assert mutual_argmax(np.zeros((0, 3))) == []
    assert mutual_argmax(np.array([[np.nan, np.nan], [np.nan, 0.5]])) == [(1, 1)]
    assert mutual_argmax(np.array([[0.2]]), 0.3) == []
    assert mutual_argmax(np.ones((2, 2))) == [(0, 0)]


def test_encoder_finder_checks_its_vectors() -> None:
    finder = WordFinder(
        EncoderAligner(Vectors(lambda texts, spans: [np.zeros((1, 2)) for _ in texts])), OPEN
    )
    with pytest.raises(ValueError, match=r"shape .* for text 0, which has 2 words"):
        finder.find([pair("two words", "x")])
    with pytest.raises(ConfigError, match="threshold"):
        EncoderAligner(Vectors(lambda texts, spans: []), threshold=2.0)


def test_words_that_the_encoder_has_not_seen_are_never_linked() -> None:
    x, y = np.array([[-1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.0]])

    def vectors(texts: list[str], spans: list[list[Span]]) -> list[np.ndarray]:
        return [x if len(found) == 2 else y for found in spans]

    for threshold in (0.0, -1.0):
        finder = WordFinder(EncoderAligner(Vectors(vectors), threshold=threshold), OPEN)
        found = finder.find([pair("seen cut", "word")])
        linked = [tuple(word.source) for word in found[0]]
        assert linked == ([(0, 4)] if threshold == -1.0 else [])


def test_the_score_of_the_rules_is_the_threshold() -> None:
    def vectors(texts: list[str], spans: list[list[Span]]) -> list[np.ndarray]:
        return [
            np.array([[1.0, 0.0]]) if text == "one" else np.array([[0.6, 0.8]]) for text in texts
        ]

    for smallest, count in ((0.5, 1), (0.7, 0)):
        rules = WordFilter(stop_words="none", min_score=smallest)
        assert (
            len(WordFinder(EncoderAligner(Vectors(vectors)), rules).find([pair("one", "two")])[0])
            == count
        )


def test_the_encoder_finder_learns_stop_words_that_no_list_has() -> None:
    texts = [pair(f"mu word{i}", f"ba sana{i}") for i in range(1500)]

    def vectors(texts: list[str], spans: list[list[Span]]) -> list[np.ndarray]:
        return [np.eye(2)[: len(found)] for found in spans]

    finder = WordFinder(EncoderAligner(Vectors(vectors)))
    finder.fit(iter(texts))
    assert [tuple(w.source) for w in finder.find([pair("mu word3", "ba sana3")])[0]] == [(3, 8)]


def test_raw_texts_are_let_go_after_fitting() -> None:
    pairs, _ = cipher(30, seed=8)
    aligner = StatisticalAligner()
    aligner.fit(pairs)
    assert [(reader._known, reader._size) for reader in aligner._readers.values()] == [({}, 0)] * 2


def test_readers_count_texts_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosszero.align.word_reader._REMEMBERED", 10)
    reader = WordReader("en")
    for number in range(100):
        reader.read("!" * number)
    assert len(reader._known) <= 11


def test_stop_words_from_lists_need_a_list() -> None:
    finder = WordFinder(StatisticalAligner(), WordFilter(stop_words="list"))
    with pytest.raises(ConfigError, match=r"no list of stop words for 'xx': use 'auto'"):
        finder.fit([pair("a b", "c d")])


class Hashed:
    """Vectors of words from the letters alone: many words look alike, some are not seen."""

    def encode_words(self, texts: list[str], spans: list[list[Span]]) -> list[np.ndarray]:
        rows = []
        for text, found in zip(texts, spans, strict=True):
            words = [text[start:end] for start, end in found]
            codes = [[ord(word[0]) % 5 - 2, ord(word[-1]) % 7 - 3, len(word) % 3] for word in words]
            rows.append(np.array(codes, dtype=np.float32).reshape(-1, 3))
        return rows


def _finders() -> list[Finder]:
    lexicon = Lexicon()
    _, dictionary = cipher(1, seed=11)
    words = list(dictionary.items())
    phrases = [(f"{a} {c}", f"{b} {d}") for (a, b), (c, d) in pairwise(words)]
    lexicon.add("xx", "yy", words + phrases)
    return [
        NoFinder(),
        WordFinder(StatisticalAligner(), OPEN),
        WordFinder(EncoderAligner(Hashed()), OPEN),
        WordFinder(LexiconAligner(lexicon), OPEN),
    ]


@pytest.mark.parametrize("finder", _finders(), ids=lambda finder: finder.name)
def test_every_finder_keeps_the_protocol(finder: Finder) -> None:
    assert isinstance(finder, Finder)
    pairs, _ = cipher(150, seed=11)
    doubled = [pair(f"{p.source} {q.source}", f"{q.target} {p.target}") for p, q in pairwise(pairs)]
    pairs += [*doubled, pair("...", "!"), pair("one", "..."), pair("x", "y" * 50)]
    finder.fit(iter(pairs))
    found = finder.find(pairs)
    assert len(found) == len(pairs)
    for item, words in zip(pairs, found, strict=True):
        assert isinstance(words, tuple)
        assert list(words) == sorted(words)
        for side, text in ((0, item.source), (1, item.target)):
            places = [place for word in words for place in range(*word[side])]
            assert len(set(places)) == len(places), "two word pairs share a character"
            assert all(0 <= word[side].start < word[side].end <= len(text) for word in words)
        assert all(0.0 <= word.score <= 1.0 for word in words)
    assert any(found) == (finder.name != "none")
    assert finder.find([]) == []
    assert [row for item in pairs[:20] for row in finder.find([item])] == found[:20]

"""Parallel text for the benchmarks: a corpus that is given, or one that is made up from a seed.

The made-up languages have words of different length and frequency (Zipf), one translation for each
word, and small changes of order; the gold links are known. It is no real language, but its
sentences are as uneven as real ones, and that is what decides about speed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from crosszero.align.word_lists import Lexicon
from crosszero.bitext.pair import SentencePair
from crosszero.samples.sample import Sample

_CONSONANTS, _VOWELS = "bcdfghklmnprstvz", "aeiou"
_ENTRIES = 4_243  # words of each language; as many as the list of the paper has
Links = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Corpus:
    """Sentence pairs and, where it is made up, what is known about them.

    Attributes:
        pairs: the text.
        lexicon: one translation for each word; ``None`` for text that was read.
        links: gold links of each pair; empty for text that was read.
    """

    pairs: list[SentencePair]
    lexicon: Lexicon | None
    links: list[Links]


def load_corpus(options: Any, size: int) -> Corpus:
    """Read or make sentence pairs, none twice and no text twice.

    Args:
        options: flags of a benchmark; text is made up without ``--data``.
        size: most pairs; an even draw of what is there.
    """
    if options.data is None:
        return make_corpus(size, languages=options.languages, seed=options.seed)
    from crosszero.bitext import read_bitext

    pairs: list[SentencePair] = []
    seen: set[str] = set()
    for pair in read_bitext(options.data, languages=list(options.languages), skip_bad=True):
        if pair.source not in seen and pair.target not in seen and pair.source != pair.target:
            seen |= {pair.source, pair.target}
            pairs.append(pair)
    random.Random(options.seed).shuffle(pairs)
    return Corpus(pairs[:size], None, [])


def load_samples(options: Any) -> list[Sample]:
    """Sentence pairs with words: ``--words`` at most in each, found in ``--pairs`` of them."""
    corpus = load_corpus(options, options.pairs)
    samples = make_samples(corpus.pairs, most=options.words, seed=options.seed)
    return [sample for sample in samples if sample.words]


def make_corpus(size: int, *, languages: Sequence[str] = ("en", "fr"), seed: int = 1) -> Corpus:
    """Make up sentence pairs with their lexicon and gold links.

    Args:
        size: sentence pairs.
        languages: codes that the two made-up languages go by.
        seed: the same seed, the same text.
    """
    draw = random.Random(seed)
    used: set[str] = set()
    first, second = (_make_words(draw, _ENTRIES, used) for _ in range(2))
    weights = list(accumulate(1 / (rank + 3) for rank in range(_ENTRIES)))
    lexicon = Lexicon()
    lexicon.add(languages[0], languages[1], zip(first, second, strict=True))
    pairs, links, seen = [], [], set()
    while len(pairs) < size:
        length = max(3, min(80, round(draw.lognormvariate(2.5, 0.7))))
        concepts = draw.choices(range(_ENTRIES), cum_weights=weights, k=length)
        if tuple(concepts) in seen:
            continue
        seen.add(tuple(concepts))
        order = list(range(length))
        for place in range(length - 1):
            if draw.random() < 0.15:
                order[place], order[place + 1] = order[place + 1], order[place]
        pairs.append(
            SentencePair(
                source=" ".join(first[concept] for concept in concepts),
                target=" ".join(second[concepts[place]] for place in order),
                source_language=languages[0],
                target_language=languages[1],
                origin=f"made-up:{len(pairs) + 1}",
            )
        )
        links.append(frozenset((place, i) for i, place in enumerate(order)))
    return Corpus(pairs, lexicon, links)


def make_samples(pairs: Sequence[SentencePair], *, most: int, seed: int = 1) -> list[Sample]:
    """Find word pairs with the statistical aligner, up to `most` in each sentence pair."""
    from crosszero.align import StatisticalAligner
    from crosszero.samples import WordFilter, WordFinder

    rules = WordFilter(max_words=most, min_score=0.0, allow_copies=True, stop_words="none")
    finder = WordFinder(StatisticalAligner(seed=seed), rules)
    finder.fit(pairs)
    rows = zip(pairs, finder.find(pairs), strict=True)
    return [Sample.of(pair, words, finder.name) for pair, words in rows]


def mix_lengths(pairs: Sequence[SentencePair], *, seed: int = 1) -> list[str]:
    """Single sentences and runs of up to eight, unsorted: text as one has it."""
    draw = random.Random(seed)
    texts = [text for pair in pairs for text in (pair.source, pair.target)]
    draw.shuffle(texts)
    mixed, place = [], 0
    while place < len(texts):
        run = draw.choice((1, 1, 1, 1, 2, 4, 8))
        mixed.append(" ".join(texts[place : place + run]))
        place += run
    return mixed


def _make_words(draw: random.Random, count: int, used: set[str]) -> list[str]:
    words: list[str] = []
    while len(words) < count:
        syllables = 1 + min(5, int(draw.expovariate(0.8)) + (len(words) > 50))
        word = "".join(draw.choice(_CONSONANTS) + draw.choice(_VOWELS) for _ in range(syllables))
        if draw.random() < 0.4:
            word += draw.choice(_CONSONANTS)
        if word not in used:
            used.add(word)
            words.append(word)
    return words

"""Words of scripts without spaces, learnt from the corpus itself; no dictionary is needed.

Single characters are poor words (Chinese 天 + 气 is *weather*). A run of units that keeps
together is taken as a word: an n-gram that is frequent, whose parts meet far more often than by
chance (smallest pointwise mutual information over its two-part splits, as in Sun et al. 1998,
"Chinese word segmentation without using lexicon and hand-crafted training data") and that is not
mostly a piece of one longer n-gram. A run of katakana is one word. A text is then cut by the most
probable sequence of words under a unigram model (Viterbi).

Compounds that are always written together stay together; rare words fall into characters. This
suits alignment; where it is not good enough, use a word list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from crosszero.align.spans import Span
from crosszero.align.word_boundaries import (
    letter_pattern,
    normalise,
    run_pattern,
    unit_pattern,
    word_pattern,
)

_HAN_UNITS, _LETTER_UNITS = 4, 8  # longest word, in units
_FRAGMENT = 0.7  # an n-gram that is this often part of ONE longer n-gram is no word
_UNKNOWN = -18.0  # log probability of a unit that was never seen


class Segmenter:
    """Cut any text to words; scripts without spaces by what :meth:`fit` has learnt.

    Args:
        language: language code.
        min_count: how often an n-gram must occur to be a word.
        min_cohesion: smallest pointwise mutual information (natural logarithm) over its splits.
        fit_characters: characters after which :meth:`fit` has seen enough; bounds time and memory.

    Example:
        >>> segmenter = Segmenter("zh", min_count=2, min_cohesion=0.5)
        >>> segmenter.fit(["天气好", "天气不", "好天气", "不好"])
        >>> [span for span in segmenter.spans("天气好")]
        [Span(start=0, end=2), Span(start=2, end=3)]
    """

    def __init__(
        self,
        language: str = "",
        *,
        min_count: int = 5,
        min_cohesion: float = 2.5,
        fit_characters: int = 2_000_000,
    ) -> None:
        self.min_count, self.min_cohesion = min_count, min_cohesion
        self.fit_characters = fit_characters
        self._words = word_pattern(language)
        self._runs, self._units, self._han = run_pattern(), unit_pattern(), letter_pattern("Han")
        self._katakana = letter_pattern("Katakana")
        self._scores: dict[str, float] = {}
        self._cache: dict[str, list[int]] = {}

    def fit(self, texts: Iterable[str]) -> None:
        """Learn the words of scripts without spaces; costs nothing for other scripts."""
        runs: dict[str, None] = {}  # each once, in order: templates must not outvote the language
        budget = self.fit_characters
        for text in texts:
            for run in self._runs.findall(text):
                if run not in runs:
                    runs[run] = None
                    budget -= len(run)
            if budget <= 0:
                break
        self._cache.clear()
        self._scores = self._learn(runs) if runs else {}

    def spans(self, text: str) -> list[Span]:
        """Find the words of a text, in characters of the text."""
        run = self._runs.search(text)
        if run is None:
            return [Span(*match.span()) for match in self._words.finditer(text)]
        spans: list[Span] = []
        while run is not None:
            between = self._words.finditer(text, _end(spans), run.start())
            spans += [Span(*match.span()) for match in between]
            start = run.start()
            for end in self._cut(run.group()):
                spans.append(Span(start, run.start() + end))
                start = run.start() + end
            run = self._runs.search(text, run.end())
        spans += [Span(*match.span()) for match in self._words.finditer(text, _end(spans))]
        return spans

    def _longest(self, run: str) -> int:
        return _HAN_UNITS if self._han.match(run) else _LETTER_UNITS

    def _learn(self, runs: Iterable[str]) -> dict[str, float]:
        grams: Counter[str] = Counter()
        splits: dict[str, Sequence[int]] = {}  # where the units of a gram with marks meet
        total = 0
        for run in runs:
            run = normalise(run)
            starts = self._starts(run)
            units = len(starts) - 1
            total += units
            for size in range(1, min(self._longest(run) + 1, units) + 1):
                found = [run[a:b] for a, b in zip(starts, starts[size:], strict=False)]
                grams.update(found)
                if len(run) > units:
                    for index, gram in enumerate(found):
                        first = starts[index]
                        splits[gram] = [p - first for p in starts[index + 1 : index + size]]
        log_total = log(max(total, 1))
        counts = {g: n for g, n in grams.items() if n >= self.min_count}
        fragments = self._fragments(counts, splits)
        scores: dict[str, float] = {}
        for gram, count in grams.items():
            inner: Sequence[int] = splits.get(gram, _inside(gram))
            if not inner:
                scores[gram] = log(count) - log_total
            elif gram in counts and gram not in fragments and len(inner) < self._longest(gram):
                parts = max(counts[gram[:i]] * counts[gram[i:]] for i in inner)
                if log(count) + log_total - log(parts) >= self.min_cohesion:
                    scores[gram] = log(count) - log_total
        return scores

    def _fragments(self, counts: dict[str, int], splits: dict[str, Sequence[int]]) -> set[str]:
        """Grams that mostly occur inside one longer gram: pieces of a word, not words."""
        fragments: set[str] = set()
        for gram, count in counts.items():
            inner = splits.get(gram, _inside(gram))
            if len(inner) > 1:
                for part in (gram[inner[0] :], gram[: inner[-1]]):
                    if count > _FRAGMENT * counts[part]:
                        fragments.add(part)
        return fragments

    def _starts(self, run: str) -> list[int]:
        """Where the units of a run begin, and the length of the run."""
        return [*(match.start() for match in self._units.finditer(run)), len(run)]

    def _cut(self, run: str) -> list[int]:
        """Where the words of a run end, by the best sum of log probabilities."""
        known = self._cache.get(run)
        if known is not None:
            return known
        if self._katakana.match(run):
            return [len(run)]
        starts = self._starts(run)
        scores, longest = self._scores, self._longest(run)
        plain = normalise(run) == run
        best = [0.0] + [float("-inf")] * (len(starts) - 1)
        back = [0] * len(starts)
        for i in range(1, len(starts)):
            end = starts[i]
            for j in range(max(0, i - longest), i):
                gram = run[starts[j] : end]
                score = scores.get(gram if plain else normalise(gram))
                if score is None:
                    if j < i - 1:
                        continue
                    score = _UNKNOWN
                if best[j] + score > best[i]:
                    best[i], back[i] = best[j] + score, j
        cuts: list[int] = []
        i = len(starts) - 1
        while i:
            cuts.append(starts[i])
            i = back[i]
        cuts.reverse()
        if len(self._cache) > 200_000:
            self._cache.clear()
        self._cache[run] = cuts
        return cuts


def _inside(gram: str) -> Sequence[int]:
    """Where a gram without marks can be split."""
    return range(1, len(gram))


def _end(spans: list[Span]) -> int:
    """Where the last word found so far ends."""
    return spans[-1].end if spans else 0

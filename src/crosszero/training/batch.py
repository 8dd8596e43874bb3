"""A batch: distinct texts, each encoded once, and word positioned samples over them.

However many words of a sentence are used, and in however many language pairs a line of multi-way
data stands, its text is one row of the encoder's input. A sample is a pair of anchors; an anchor is
a word in its sentence (level ``multi``) or a sentence (level ``sentence``).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from crosszero.align.spans import Span, WordPair
from crosszero.bitext.folding import fold_text
from crosszero.samples.sample import Sample
from crosszero.training.stream import Unit
from crosszero.training.train_config import TrainConfig

_WHOLE = Span(0, 0)  # a sentence, in place of a word


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Texts, anchors and the samples that pair them.

    Attributes:
        texts: distinct texts.
        languages: language of each text.
        anchors: (text, first character, one past the last) of each word; (text, 0, 0) of a
            sentence.
        left, right: for each sample the anchors that mean the same.
        groups: for each sample a number; samples with the same one mean the same, and are not each
            other's negatives.
        pairs: for each sample the number of its sentence pair.
        meanings: for each sample a number; sentences with the same one mean the same.
        origins: ``file:line`` of the sentence pairs, for messages.
    """

    texts: list[str]
    languages: list[str]
    anchors: list[tuple[int, int, int]]
    left: list[int]
    right: list[int]
    groups: list[int]
    pairs: list[int]
    meanings: list[int]
    origins: list[str]


def build_batch(units: Sequence[Unit], config: TrainConfig, random: np.random.Generator) -> Batch:
    """Choose language pairs and words, and share what is equal.

    Two samples mean the same where they share an anchor, directly or through others: the same word
    in the same text, in any language pair of a line. So do sentences that look alike. The word
    links of a unit are all used for this, chosen as samples or not. Different words of one sentence
    remain negatives of each other, the hard ones that the paper wants (docs/method.md).

    Args:
        units: meanings, each with its rows.
        config: gives level, words_per_sentence and pairs_per_group.
        random: chooses words and rows.
    """
    builder = _Builder()
    for unit in units:
        rows: Iterable[Sample] = unit
        if 0 < config.pairs_per_group < len(unit):
            kept = random.choice(len(unit), config.pairs_per_group, replace=False)
            rows = [unit[i] for i in np.sort(kept)]
        if config.level != "sentence" and (len(unit) > 1 or _share_words(unit[0].words)):
            for row in unit:
                for word in row.words:
                    builder.join(row, word.source, word.target)
        for row in rows:
            builder.begin(row)
            if config.level == "sentence":
                builder.add(row, _WHOLE, _WHOLE)
            else:
                for word in _choose(row.words, config.words_per_sentence, random):
                    builder.add(row, word.source, word.target)
    return builder.build()


def _share_words(words: tuple[WordPair, ...]) -> bool:
    """Whether a word has several links, as gold has them; finders link one to one."""
    sides = {word.source for word in words}, {word.target for word in words}
    return any(len(side) < len(words) for side in sides)


def _choose(
    words: tuple[WordPair, ...], most: int, random: np.random.Generator
) -> Sequence[WordPair]:
    if len(words) <= most:
        return words
    return [words[i] for i in np.sort(random.choice(len(words), most, replace=False))]


class _Builder:
    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], int] = {}
        self.anchors: dict[tuple[int, int, int], int] = {}
        self.left: list[int] = []
        self.right: list[int] = []
        self.keys: list[Hashable] = []
        self.pairs: list[int] = []
        self.sentences: list[Hashable] = []
        self.sets = _DisjointSets()
        self.origins: list[str] = []

    def begin(self, row: Sample) -> None:
        """Begin a sentence pair; what is added from now on belongs to it."""
        self.origins.append(row.origin)
        self.sentences.append(self.join(row, _WHOLE, _WHOLE))
        for language, text in (
            (row.source_language, row.source),
            (row.target_language, row.target),
        ):
            self.sets.join((language, text, _WHOLE), (language, fold_text(text)))
        if row.group:
            self.sets.join(self.sentences[-1], ("", row.group))

    def add(self, row: Sample, source: Span, target: Span) -> None:
        """Pair two words, or two sentences, as a sample."""
        self.left.append(self._anchor(row.source_language, row.source, source))
        self.right.append(self._anchor(row.target_language, row.target, target))
        self.keys.append(self.join(row, source, target))
        self.pairs.append(len(self.origins) - 1)

    def join(self, row: Sample, source: Span, target: Span) -> Hashable:
        """Note that they mean the same; gives the key of what they mean."""
        key = (row.source_language, row.source, source)
        self.sets.join(key, (row.target_language, row.target, target))
        return key

    def _anchor(self, language: str, text: str, span: Span) -> int:
        number = self.texts.setdefault((language, text), len(self.texts))
        return self.anchors.setdefault((number, *span), len(self.anchors))

    def build(self) -> Batch:
        sentences = self._number(self.sentences)
        return Batch(
            texts=[text for _, text in self.texts],
            languages=[language for language, _ in self.texts],
            anchors=list(self.anchors),
            left=self.left,
            right=self.right,
            groups=self._number(self.keys),
            pairs=self.pairs,
            meanings=[sentences[pair] for pair in self.pairs],
            origins=self.origins,
        )

    def _number(self, keys: Iterable[Hashable]) -> list[int]:
        numbers: dict[Hashable, int] = {}
        return [numbers.setdefault(self.sets.find(key), len(numbers)) for key in keys]


class _DisjointSets:
    """Which keys have been joined, directly or through others (union-find)."""

    def __init__(self) -> None:
        self.parents: dict[Hashable, Hashable] = {}

    def find(self, key: Hashable) -> Hashable:
        root = key
        while (parent := self.parents.setdefault(root, root)) != root:
            root = parent
        while self.parents[key] != root:
            self.parents[key], key = root, self.parents[key]
        return root

    def join(self, a: Hashable, b: Hashable) -> None:
        self.parents[self.find(a)] = self.find(b)

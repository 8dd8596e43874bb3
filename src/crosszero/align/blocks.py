"""Many sentence pairs at once: their vectors and similarities as blocks instead of one by one.

Pairs of similar size stand in one block, (pairs, source, target). Cells beyond the words of a pair
hold :data:`~crosszero.align.similarity.OUTSIDE`, which is below every cosine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crosszero.align.similarity import OUTSIDE, Scores, Similarity, drop_rounding, measure_rows
from crosszero.align.subtokens import Integers, Parts, group_by_length
from crosszero.search.neighbours import AnyFloats

CELLS = 2**16  # of a block: pairs x source x target
_NUMBERS, _ON_DEVICE = 2**20, 2**24  # of a block's vectors: what fits a cache; what is quick
Rows = tuple[AnyFloats, Integers]
Unit = Literal["subtoken", "word", "both"]


def cut_blocks(pairs: Sequence[tuple[Parts, Parts]]) -> Iterator[list[int]]:
    """Put pairs of similar size together.

    Yields:
        Numbers of the pairs of a block; one without words on a side is in none.
    """
    usable = [n for n, pair in enumerate(pairs) if all(side.lost < len(side) for side in pair)]
    sizes = {n: tuple(side.shape[0] for side in pairs[n]) for n in usable}
    widths = {n: pairs[n][0].shape[1] for n in usable}
    most = _ON_DEVICE if are_on_device(pairs[n] for n in usable) else _NUMBERS
    block, rows, columns = list[int](), 0, 0
    for number in sorted(usable, key=lambda n: (widths[n], sizes[n])):
        rows, columns = max(rows, sizes[number][0]), max(columns, sizes[number][1])
        count, width = len(block) + 1, widths[number]
        full = count * rows * columns > CELLS or count * (rows + columns) * width > most
        if block and (full or width != widths[block[0]]):
            yield block
            block, (rows, columns) = [], sizes[number]
        block.append(number)
    if block:
        yield block


def are_on_device(pairs: Iterable[tuple[Parts, Parts]]) -> bool:
    """Whether all vectors lie beside the processor."""
    return all(side.on_device for pair in pairs for side in pair)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a block: texts with their sub-tokens and with those words that have some.

    Attributes:
        sizes: (texts,) how many sub-tokens each has.
        counts: (texts,) how many words.
        numbers: (texts, words) which word of its text each one is.
        texts, words: (n,) of each word of the block its text, and its place among the words of it.
        starts, ends: (n,) its first sub-token and the one behind its last, in the rows of all
            texts, one after another, each filled up to :attr:`width`.
    """

    sizes: Integers
    counts: Integers
    numbers: Integers
    texts: Integers
    words: Integers
    starts: Integers
    ends: Integers

    @property
    def width(self) -> int:
        """Sub-tokens of the longest text."""
        return int(self.sizes.max())

    @classmethod
    def of(cls, members: Sequence[Parts]) -> Side:
        """Count what texts have."""
        sizes = np.array([parts.shape[0] for parts in members], np.int64)
        given = np.array([len(parts) for parts in members], np.int64)
        texts = np.repeat(np.arange(len(members)), given)
        numbers = np.arange(len(texts)) - np.repeat(np.cumsum(given) - given, given)
        starts = np.concatenate([parts.starts for parts in members])
        ends = np.concatenate([parts.ends for parts in members])
        seen = ends > starts
        texts, numbers, starts, ends = texts[seen], numbers[seen], starts[seen], ends[seen]
        counts = np.bincount(texts, minlength=len(members))
        words = np.arange(len(texts)) - np.repeat(np.cumsum(counts) - counts, counts)
        table = np.zeros((len(members), max(1, int(counts.max()))), np.int64)
        table[texts, words] = numbers
        first = texts * int(sizes.max())
        return cls(sizes, counts, table, texts, words, first + starts, first + ends)

    def stack(self, members: Sequence[Parts]) -> AnyFloats:
        """Stack the texts' vectors: (texts, width, dim), zeros behind the last of a text."""
        shape = (len(members), self.width, members[0].shape[1])
        vectors = np.zeros(shape, np.result_type(members[0].vectors, np.float32))
        for place, parts in zip(vectors, members, strict=True):
            place[: len(parts.vectors)] = parts.vectors
        return vectors

    def average(self, vectors: AnyFloats) -> AnyFloats:
        """Give the mean of each word's sub-tokens, (texts, words, dim), of what was stacked."""
        rows = vectors.reshape(-1, vectors.shape[2])
        found = np.zeros((*self.numbers.shape, rows.shape[1]), rows.dtype)
        for chosen, tokens in group_by_length(self.starts, self.ends):
            mean = rows.take(tokens[:, 0], axis=0)
            for column in tokens.T[1:]:  # twice as quick as one mean over all columns
                mean += rows.take(column, axis=0)
            if tokens.shape[1] > 1:
                mean /= tokens.shape[1]
            found[self.texts[chosen], self.words[chosen]] = mean
        return found

    def find_best(self, scores: Scores) -> Scores:
        """Give the best score of each word's sub-tokens.

        Args:
            scores: (texts, sub-tokens, n).

        Returns:
            (texts, words, n).
        """
        rows = scores.reshape(-1, scores.shape[2])
        found = np.zeros((*self.numbers.shape, rows.shape[1]), rows.dtype)
        for chosen, tokens in group_by_length(self.starts, self.ends):
            found[self.texts[chosen], self.words[chosen]] = rows[tokens].max(axis=1)
        return found


def join_parts(scores: Scores, source: Side, target: Side) -> Scores:
    """Link two words if any of their parts are, as surely as the surest of these links.

    Args:
        scores: (pairs, source sub-tokens, target sub-tokens).
        source, target: whose sub-tokens they are.

    Returns:
        (pairs, source words, target words).
    """
    turned = source.find_best(scores).transpose(0, 2, 1)
    joined: Scores = target.find_best(turned).transpose(0, 2, 1)
    return joined


def stack(blocks: Sequence[Scores], beyond: float) -> Scores:
    """Make one block of several, with a number for what lies beyond the rows or columns of one."""
    rows, columns = (max(block.shape[axis] for block in blocks) for axis in (1, 2))
    found = np.full((sum(map(len, blocks)), rows, columns), beyond, np.float32)
    start = 0
    for block in blocks:
        found[start : start + len(block), : block.shape[1], : block.shape[2]] = block
        start += len(block)
    return found


def compare_sides(
    members: Sequence[Sequence[Parts]], sides: Sequence[Side], *, unit: Unit, centred: bool
) -> tuple[Similarity | None, Similarity | None]:
    """Compare the texts of both sides of a block.

    Args:
        members: of each side its texts.
        sides: what these have.
        unit: what is compared.
        centred: see :func:`compare_rows`.

    Returns:
        Of words and of sub-tokens, where they are wanted, (pairs, source, target) cosines.
    """
    stacked = [side.stack(some) for side, some in zip(sides, members, strict=True)]
    words = parts = None
    if unit != "subtoken":  # before the means are taken from the sub-tokens, in place
        means = [side.average(rows) for side, rows in zip(sides, stacked, strict=True)]
    if unit != "word":
        ours = [(rows, side.sizes) for rows, side in zip(stacked, sides, strict=True)]
        parts = compare_rows(*ours, centred=centred)
    if unit != "subtoken":
        ours = [(rows, side.counts) for rows, side in zip(means, sides, strict=True)]
        words = compare_rows(*ours, centred=centred)
    return words, parts


def compare_rows(source: Rows, target: Rows, *, centred: bool) -> Similarity:
    """Compare each row with each of the other side; one of zeros is like no other.

    Args:
        source, target: (pairs, rows, dim) vectors, and (pairs,) how many are a text's own.
        centred: whether the mean of a text is taken from its rows first, in place: to find room for
            a copy would take longer than to compute it.

    Returns:
        (pairs, source, target) cosines.
    """
    if centred:
        several = np.minimum(source[1], target[1]) > 1
        for side in (source, target):
            _centre(*side, several)
    (left, lengths), (right, others) = (measure_rows(rows) for rows, _ in (source, target))
    similarity: Similarity = left @ right.transpose(0, 2, 1)
    similarity /= lengths
    similarity /= others.transpose(0, 2, 1)
    rows, columns = (np.arange(side.shape[1]) >= size[:, None] for side, size in (source, target))
    similarity[rows[:, :, None] | columns[:, None]] = OUTSIDE
    return similarity


def _centre(vectors: AnyFloats, sizes: Integers, several: NDArray[np.bool_]) -> None:
    """Take the mean of each text from its rows, where a pair has more than one on both sides."""
    means = (vectors.sum(axis=1) / sizes[:, None]).astype(vectors.dtype)
    means[~several] = 0
    vectors -= means[:, None]
    drop_rounding(vectors, means)

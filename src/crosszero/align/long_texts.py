"""Long texts: cut where both sides can be cut, and linked piece by piece.

In a document a word finds its like many times, most of them in other sentences. So a pair of long
texts is first cut into pairs of shorter ones. The words that are each other's most similar and
follow each other in the same order on both sides are anchors. They tell about where the translation
of each word stands, so the most similar words are looked for again, there only. The text is cut
between two anchors where the fewest links cross the cut, which is mostly where a sentence ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crosszero.align.blas import one_blas_thread
from crosszero.align.methods import LinkConfig, link_parts
from crosszero.align.similarity import Scores, Similarity, compare_parts, mutual_argmax
from crosszero.align.spans import Link, ScoredLink
from crosszero.align.subtokens import Parts, word_vectors

_MOST = 150  # words of a text that is not cut
_WINDOW = 600  # words of each side that are compared to find cuts
_NEAR = 40  # words around a cut among which links may cross it, and around where a link should be
_BOX = 2_500  # places between two anchors; among more there is nothing to choose by
Places = NDArray[np.int64]
Fit = Callable[[int, slice, slice], Scores]


@one_blas_thread()
def link_long(
    pairs: Sequence[tuple[Parts, Parts]],
    config: LinkConfig,
    fit: Fit | None = None,
) -> list[list[ScoredLink]]:
    """Link the words of texts of any length, as :func:`~crosszero.align.methods.link_parts` does.

    Args:
        pairs, config: as there.
        fit: of a pair, by its number, how well some words of the source and of the target fit by
            counts, for ``combined``. All words of long texts would be a table that fits no memory.

    Returns, raises: as there.
    """
    pieces, parts, fits = [], [], []
    for number, (source, target) in enumerate(pairs):
        for (a, b), (c, d) in cut_texts(source, target):
            whole = b - a == len(source) and d - c == len(target)
            pieces.append((number, a, c))
            parts.append((source, target) if whole else (_take(source, a, b), _take(target, c, d)))
            if fit is not None:
                fits.append(fit(number, slice(a, b), slice(c, d)))
    found: list[list[ScoredLink]] = [[] for _ in pairs]
    linked = link_parts(parts, config, fits if fit else None)
    for (number, a, c), links in zip(pieces, linked, strict=True):
        if a or c:
            links = [ScoredLink(a + i, c + j, score) for i, j, score in links]
        found[number] += links
    return found


def cut_texts(source: Parts, target: Parts) -> Iterator[tuple[Link, Link]]:
    """Cut two texts into pieces of up to 150 words that belong together.

    Yields:
        For each piece the first word and the one behind the last, of the source and of the target.
        Together they hold every word once.
    """
    ends = len(source), len(target)
    begin = (0, 0)
    if max(ends) > _MOST:
        vectors = word_vectors(source), word_vectors(target)
        while max(end - at for end, at in zip(ends, begin, strict=True)) > _MOST:
            sides = [side[at : at + _WINDOW] for side, at in zip(vectors, begin, strict=True)]
            cuts = find_cuts(compare_parts(*sides))
            for i, j in cuts:
                yield (begin[0], begin[0] + i), (begin[1], begin[1] + j)
                begin = begin[0] + i, begin[1] + j
    yield (begin[0], ends[0]), (begin[1], ends[1])


def find_cuts(similarity: Similarity) -> list[Link]:
    """Find where the first half of two texts is best cut.

    Args:
        similarity: (source words, target words); one of the numbers is above 150.

    Returns:
        Lengths of one piece after the other; at least one piece, of at least one word.
    """
    links = mutual_argmax(_keep_near(similarity))
    size = np.array(similarity.shape)
    places = _list_cuts(find_chain(links), size)
    costs = _count_crossing(links, places, size)
    cuts: list[Link] = []
    begin = np.zeros(2, np.int64)
    while (size - begin).max() > _MOST and (not cuts or (begin < size // 2).all()):
        lengths = places - begin
        usable = (lengths.max(axis=1) <= _MOST) & (lengths.min(axis=1) > 0)
        good = usable & (lengths.max(axis=1) >= _MOST // 4)
        good = good if good.any() else usable
        if good.any():
            # Words without links next to a cut tell nothing: then lengths in proportion do.
            uneven = np.abs(lengths[good] @ (size[::-1] / size.max() * (1, -1)))
            worth = costs[good] + uneven / _MOST
            cut = places[good][np.flatnonzero(worth == worth.min())[-1]]
        else:  # nothing to hold on to: both sides in proportion
            rest = size - begin
            cut = begin + np.minimum(rest, np.ceil(rest * (_MOST / 2 / rest.max())).astype(int))
        cuts.append((int(cut[0] - begin[0]), int(cut[1] - begin[1])))
        begin = cut
    return cuts


def _keep_near(similarity: Similarity) -> Similarity:
    """Leave out words that are far from where the words around them have their translations.

    Among 600 words a word finds its like by chance, more often the weaker the encoder is.
    """
    anchors = np.array([(-1, -1), *find_chain(mutual_argmax(similarity))])
    rows, columns = (np.arange(size) for size in similarity.shape)
    expected = np.interp(rows, anchors[:, 0], anchors[:, 1])
    far = np.abs(columns - expected[:, None]) > _NEAR
    return np.where(far, np.float32(-np.inf), similarity)


def find_chain(links: Sequence[Link]) -> list[Link]:
    """Find the longest row of links that rise on both sides.

    Args:
        links: in the order of the source; no word twice.

    Example:
        >>> find_chain([(0, 1), (1, 5), (2, 2), (3, 3)])
        [(0, 1), (2, 2), (3, 3)]
    """
    tails: list[int] = []  # the lowest target in which a row of n links can end
    places: list[int] = []
    before: list[int] = []
    for place, (_, target) in enumerate(links):
        length = bisect_left(tails, target)
        if length == len(tails):
            tails.append(target)
            places.append(place)
        else:
            tails[length], places[length] = target, place
        before.append(places[length - 1] if length else -1)
    chain = []
    place = places[-1] if places else -1
    while place >= 0:
        chain.append(links[place])
        place = before[place]
    return chain[::-1]


def _list_cuts(chain: Sequence[Link], size: Places) -> Places:
    """(n, 2) all places between two anchors: words before it and words behind it."""
    found = [np.empty((0, 2), np.int64)]
    for (a, b), (c, d) in pairwise([(-1, -1), *chain, (int(size[0]), int(size[1]))]):
        rows, columns = np.arange(a + 1, c + 1), np.arange(b + 1, d + 1)
        if rows.size * columns.size > _BOX:  # nothing holds the two sides together here
            continue
        found.append(np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2))
    return np.concatenate(found)


def _count_crossing(links: Sequence[Link], cuts: Places, size: Places) -> Places:
    """Count for each cut the links near it of which one word is before and one behind."""
    table = np.zeros(size + 1, np.int64)
    for i, j in links:
        table[i + 1, j + 1] = 1
    sums = table.cumsum(axis=0).cumsum(axis=1)
    before = np.maximum(cuts - _NEAR, 0)
    behind = np.minimum(cuts + _NEAR, size)

    def count(top: Places, bottom: Places, left: Places, right: Places) -> Places:
        inside: Places = sums[bottom, right] - sums[top, right] - sums[bottom, left]
        inside += sums[top, left]
        return inside

    (i, j), (a, b), (c, d) = cuts.T, before.T, behind.T
    return count(a, i, j, d) + count(i, c, b, j)


def _take(parts: Parts, begin: int, end: int) -> Parts:
    """Some of the words, with their parts only."""
    starts, ends = parts.starts[begin:end], parts.ends[begin:end]
    seen = ends > starts
    first = int(starts[seen].min()) if seen.any() else 0
    last = int(ends[seen].max()) if seen.any() else 0
    moved = (np.where(seen, side - first, 0) for side in (starts, ends))
    return Parts(parts.vectors[first:last], *moved)

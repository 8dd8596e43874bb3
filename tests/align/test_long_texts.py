"""Long texts: every word is in one piece, and pieces are cut where sentences end."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.long_texts import _MOST, cut_texts, find_chain, link_long
from crosszero.align.methods import LinkConfig, link_parts
from crosszero.align.subtokens import Parts, as_parts


def make_document(sentences, seed=0):
    """Sentences of 5 to 20 words, each turned round on the other side; a tenth is everywhere."""
    draw = np.random.default_rng(seed)
    common = draw.normal(size=(5, 16))
    left, right, borders, gold = [], [], [0], []
    for _ in range(sentences):
        size = int(draw.integers(5, 20))
        words = draw.normal(size=(size, 16))
        words[: size // 5] = common[: size // 5]
        begin = borders[-1]
        left += list(words)
        right += list(words[::-1] + draw.normal(size=words.shape) / 10)
        gold += [(begin + i, begin + size - 1 - i) for i in range(size)]
        borders.append(begin + size)
    return as_parts(np.array(left)), as_parts(np.array(right)), borders, gold


@pytest.mark.parametrize("sentences", [3, 20, 200])
def test_documents_are_linked_like_their_sentences(sentences):
    source, target, borders, gold = make_document(sentences)
    pieces = list(cut_texts(source, target))
    cuts = [piece[0][1] for piece in pieces[:-1]]
    assert all(piece[0] == piece[1] for piece in pieces)
    assert len(set(cuts) & set(borders)) >= 0.9 * len(cuts)
    config = LinkConfig(method="argmax", unit="word")
    links = {link[:2] for link in link_long([(source, target)], config)[0]}
    alone = set()
    for begin, end in pairwise(borders):
        sides = (as_parts(side.vectors[begin:end]) for side in (source, target))
        alone |= {(begin + i, begin + j) for i, j, _ in link_parts([tuple(sides)], config)[0]}
    assert len(links & set(gold)) > 0.8 * len(alone & set(gold))
    assert len(links) < 1.4 * len(alone)


@pytest.mark.parametrize("added", [0, 300])
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_pieces_hold_what_belongs_together(noise, added):
    """Though words are hard to tell apart, and one side has a passage of its own."""
    draw = np.random.default_rng(1)
    common = draw.normal(size=(20, 16))
    left, right, gold = [], [], []
    for number in range(120):
        size = int(draw.integers(5, 20))
        words = draw.normal(size=(size, 16))
        often = size * 3 // 5
        words[:often] = common[draw.integers(0, 20, often)]
        gold += [(len(left) + i, len(right) + size - 1 - i) for i in range(size)]
        left += list(words)
        right += list(words[::-1] + draw.normal(size=words.shape) * noise)
        if number == 60:
            right += list(draw.normal(size=(added, 16)))
    pieces = list(cut_texts(as_parts(np.array(left)), as_parts(np.array(right))))
    inside = sum(any(a <= i < b and c <= j < d for (a, b), (c, d) in pieces) for i, j in gold)
    assert inside > (0.9 if added else 0.98) * len(gold)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 700), st.integers(0, 700), st.integers(0, 3))
def test_every_word_is_in_one_piece(rows, columns, seed):
    draw = np.random.default_rng(seed)
    source, target = (as_parts(draw.normal(size=(n, 4)) + 1) for n in (rows, columns))
    pieces = list(cut_texts(source, target))
    for side, size in ((0, rows), (1, columns)):
        ends = [piece[side] for piece in pieces]
        assert ends[0][0] == 0
        assert ends[-1][1] == size
        assert all(a[1] == b[0] for a, b in pairwise(ends))
        assert all(b - a <= _MOST for a, b in ends)


def test_short_texts_are_not_cut():
    source, target, _, _ = make_document(4)
    assert len(source) <= _MOST
    config = LinkConfig()
    assert link_long([(source, target)], config) == link_parts([(source, target)], config)


def test_words_without_parts_go_along():
    source, target, _, _ = make_document(30)
    starts, ends = source.starts.copy(), source.ends.copy()
    starts[::7], ends[::7] = 0, 0
    holes = Parts(source.vectors, starts, ends)
    [links] = link_long([(holes, target)], LinkConfig())
    assert links
    assert not {i for i, _, _ in links} & set(range(0, len(starts), 7))


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(7)))
def test_the_longest_chain(order):
    links = list(enumerate(order))
    chain = find_chain(links)
    assert set(chain) <= set(links)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(chain))
    best = [1] * len(order)
    for i in range(len(order)):
        best[i] += max([best[j] for j in range(i) if order[j] < order[i]], default=0)
    assert len(chain) == max(best)

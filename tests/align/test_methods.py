"""Each method of linking against the definition, written as loops."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crosszero.align.blocks import Side, compare_rows, join_parts
from crosszero.align.hmm import _ANYWHERE, _DECAY, _NOWHERE, follow
from crosszero.align.methods import LinkConfig, link_parts, score_links
from crosszero.align.similarity import compare_parts
from crosszero.align.similarity_methods import argmax, itermax, softmax, symmetrise, transport
from crosszero.align.subtokens import Parts, as_parts
from crosszero.errors import ConfigError

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
TABLES = SHAPES.flatmap(
    lambda shape: arrays(
        np.float32, shape, elements=st.floats(-1, 1, width=32), unique=True
    )
)  # fmt: skip


def shares(values, temperature=0.05):
    raised = [math.exp((value - max(values)) / temperature) for value in values]
    return [value / sum(raised) for value in raised]


def slow_softmax(table):
    rows, columns = table.shape
    return {
        (i, j): math.sqrt(shares(table[i].tolist())[j] * shares(table[:, j].tolist())[i])
        for i in range(rows)
        for j in range(columns)
    }


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_softmax(table):
    found = softmax(table[None])[0]
    for (i, j), value in slow_softmax(table).items():
        assert found[i, j] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("count", [3, 7, 50, 150])
def test_words_that_are_all_alike_are_not_compared_by_rounding_errors(count):
    draw = np.random.default_rng(count)
    alike = np.tile(draw.normal(size=32), (count, 1)).astype(np.float32)
    others = draw.normal(size=(5, 32)).astype(np.float32)
    near = alike + np.float32(1e-3) * draw.normal(size=alike.shape).astype(np.float32)

    def compare(source, target):
        sides = ((side[None].copy(), np.array([len(side)])) for side in (source, target))
        return compare_rows(*sides, centred=True)[0]

    for way in (compare, compare_parts):
        assert not way(alike, others).any()
        assert not way(others, alike).any()
        assert (np.abs(way(near, near).diagonal() - 1) < 1e-3).all()


def best_pairs(table):
    return {
        (i, j)
        for i, j in np.ndindex(*table.shape)
        if table[i, j] == table[i].max() == table[:, j].max()
    }


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_argmax_and_itermax(table):
    first = best_pairs(table)
    assert {
        (int(i), int(j)) for i, j in zip(*argmax(table[None])[0].nonzero(), strict=True)
    } <= first
    found = itermax(table[None])[0]
    rows, columns = {i for i, _ in first}, {j for _, j in first}
    second = np.full(table.shape, -1.0)
    for i, j in np.ndindex(*table.shape):
        weight = 0.0 if i in rows and j in columns else 0.9 if i in rows or j in columns else 1.0
        second[i, j] = np.float32((table[i, j] + 1) / 2 * np.float64(weight))
    allowed = first | {
        (i, j)
        for i, j in np.ndindex(*table.shape)
        if second[i, j] >= second[i].max() - 1e-6
        and second[i, j] >= second[:, j].max() - 1e-6
        and not (i in rows and j in columns)
    }
    linked = {(int(i), int(j)) for i, j in zip(*found.nonzero(), strict=True)}
    assert linked <= allowed
    assert np.allclose(found[found > 0], softmax(table[None])[0][found > 0])


@settings(max_examples=50, deadline=None)
@given(TABLES)
def test_transport_gives_every_word_its_mass(table):
    table = table / 20  # so that the iterations are done
    plan = transport(table[None], rounds=200)[0].astype(float) / math.sqrt(table.size)
    if (plan * math.sqrt(table.size) < 1).all():
        np.testing.assert_allclose(plan.sum(axis=0), 1 / table.shape[1], atol=1e-3)
        np.testing.assert_allclose(plan.sum(axis=1), 1 / table.shape[0], atol=1e-3)


def slow_posteriors(table):
    """Sum over all paths: a word comes from a state, or from none and keeps the last state."""
    states, words = table.shape
    fit = np.array([shares(table[:, j].tolist()) for j in range(words)]).T * states
    jumps = np.array(
        [[math.exp(-_DECAY * abs(b - a - 1)) for b in range(states)] for a in range(states)]
    )
    jumps = (1 - _ANYWHERE) * jumps / jumps.sum(axis=1, keepdims=True) + _ANYWHERE / states
    found, total = np.zeros(table.shape), 0.0
    choices = [(i, linked) for i in range(states) for linked in (True, False)]
    for path in itertools.product(choices, repeat=words):
        weight = 1.0
        for j, (i, linked) in enumerate(path):
            before = path[j - 1][0] if j else None
            if linked:
                came = 1 / states if before is None else jumps[before, i]
                weight *= came * (1 - _NOWHERE) * fit[i, j]
            else:
                came = 1 / states if before is None else float(before == i)
                weight *= came * _NOWHERE
        total += weight
        for j, (i, linked) in enumerate(path):
            found[i, j] += weight * linked
    return found / total


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_hmm_is_the_sum_over_all_paths(table):
    expected = np.sqrt(slow_posteriors(table) * slow_posteriors(table.T).T)
    np.testing.assert_allclose(follow(table[None])[0], expected, atol=1e-5)


def test_hmm_finds_the_order_of_equal_words():
    table = np.array([[0.9, 0.1, 0.9], [0.1, 0.8, 0.1], [0.9, 0.1, 0.9]], np.float32)
    assert [int(i) for i in follow(table[None])[0].argmax(axis=1)] == [0, 1, 2]


def test_hmm_takes_what_is_known_of_words_into_account():
    table = np.zeros((2, 2), np.float32)
    known = np.array([[0.1, 0.9], [0.9, 0.1]], np.float32)
    assert follow(table[None], known[None])[0, 0, 1] > follow(table[None])[0][0, 1]


def slow_join(scores, source, target):
    return [
        [
            max([scores[i, j] for i in range(a, b) for j in range(c, d)], default=0.0)
            for c, d in zip(*target, strict=True)
        ]
        for a, b in zip(*source, strict=True)
    ]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_words_are_linked_if_any_of_their_parts_are(data):
    scores = np.abs(data.draw(TABLES))
    sides = []
    for size in scores.shape:
        borders = st.integers(0, size)
        words = data.draw(st.lists(st.tuples(borders, borders).map(sorted), max_size=4))
        sides.append(tuple(np.array(column, np.int64) for column in zip(*words, strict=True)))
        if not words:
            sides[-1] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    seen = [[(a, b) for a, b in zip(*side, strict=True) if a < b] for side in sides]
    if not all(seen):
        return
    stacked = (
        Side.of([Parts(np.zeros((size, 1)), *side)])
        for size, side in zip(scores.shape, sides, strict=True)
    )
    [found] = join_parts(scores[None], *stacked)
    expected = slow_join(scores, *(list(zip(*side, strict=True)) for side in seen))
    assert found.tolist() == [pytest.approx(row) for row in expected]


METHODS = ("argmax", "itermax", "softmax", "ot", "hmm")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("unit", ["subtoken", "word", "both"])
def test_all_ways_link_what_is_alike(method, unit):
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(6, 8))
    starts, ends = np.array([0, 2, 0, 3]), np.array([2, 3, 0, 6])
    source = Parts(vectors, starts, ends)
    target = Parts(vectors[[3, 4, 5, 0, 1, 2]], np.array([0, 3, 5]), np.array([3, 5, 6]))
    config = LinkConfig(method=method, unit=unit)
    links = link_parts([(source, target)], config)[0]
    assert {(i, j) for i, j, _ in links} == {(0, 1), (1, 2), (3, 0)}
    assert all(0 < score <= 1 for _, _, score in links)
    assert link_parts([(source, target)], LinkConfig(method=method, unit=unit, threshold=1))[0] == [
        link for link in links if link.score == 1
    ]
    nothing = Parts(vectors[:0], np.zeros(2, int), np.zeros(2, int))
    assert link_parts([(nothing, target)], config) == [[]]
    assert score_links([(source, nothing)], config)[0].shape == (4, 2)


def make_pair(draw, size, other):
    """Words of one to three sub-tokens; now and then one without, or two that share one."""
    sides = []
    for count in (size, other):
        lengths = draw.integers(0, 4, count)
        ends = np.cumsum(lengths)
        starts = np.maximum(ends - lengths - draw.integers(0, 2, count) * (lengths > 0), 0)
        vectors = (draw.normal(size=(int(ends[-1]) if count else 0, 8)) + 1).astype(np.float32)
        sides.append(Parts(vectors, np.where(lengths > 0, starts, ends), ends))
    return tuple(sides)


@pytest.mark.parametrize("method", [*METHODS, "combined"])
@pytest.mark.parametrize("unit", ["subtoken", "word", "both"])
def test_a_pair_is_linked_alike_among_others(method, unit):
    if (method, unit) == ("combined", "subtoken"):
        return
    draw = np.random.default_rng(2)
    pairs = [make_pair(draw, *draw.integers(0, 12, 2)) for _ in range(60)]
    pairs += [make_pair(draw, 40, 90), make_pair(draw, 1, 9)]
    fits = None
    if method == "combined":
        fits = [draw.random((len(a), len(b))).astype(np.float32) for a, b in pairs]
    config = LinkConfig(method=method, unit=unit, threshold=0.3)
    together = link_parts(pairs, config, fits)
    for number, pair in enumerate(pairs):
        [alone] = link_parts([pair], config, fits and [fits[number]])
        assert [link[:2] for link in together[number]] == [link[:2] for link in alone]
        scores = [link.score for link in alone]
        assert [link.score for link in together[number]] == pytest.approx(scores, abs=1e-4)
    assert any(together)


def test_one_word_on_each_side():
    parts = as_parts(np.ones((1, 3)))
    for method in METHODS:
        [[link]] = link_parts([(parts, parts)], LinkConfig(method=method))
        assert link[:2] == (0, 0)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"method": "argmx"}, "method: 'argmx' given.*argmax"),
        ({"unit": "words"}, "unit: 'words' given.*word"),
        ({"threshold": 1.5}, "between 0 and 1"),
        ({"method": "statistical", "unit": "subtoken"}, "links whole words"),
        ({"method": "combined", "unit": "subtoken"}, "give word or both"),
    ],
)
def test_what_can_not_be(given_, message):
    with pytest.raises(ConfigError, match=message):
        LinkConfig(**given_)


def slow_symmetrise(forth, back):
    """Koehn's grow-diag-final-and, with sets."""
    links, union = forth & back, forth | back
    changed = True
    while changed:
        changed = False
        for i, j in itertools.product(range(4), range(4)):
            if (i, j) not in links:  # also those that this pass has added lie here
                continue
            for di, dj in ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
                new = (i + di, j + dj)
                free = new[0] not in {a for a, _ in links} or new[1] not in {b for _, b in links}
                if new in union and new not in links and free:
                    links = links | {new}
                    changed = True
    for side in (forth, back):
        for i, j in sorted(side):
            if i not in {a for a, _ in links} and j not in {b for _, b in links}:
                links = links | {(i, j)}
    return links


MASKS = arrays(bool, (2, 4, 4))


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_symmetrisation(masks):
    forth, back = ({(int(i), int(j)) for i, j in np.argwhere(mask)} for mask in masks)
    expected = {
        "intersection": forth & back,
        "union": forth | back,
        "grow-diag-final-and": slow_symmetrise(forth, back),
    }
    for how, links in expected.items():
        found = symmetrise(*masks, how)
        assert {(int(i), int(j)) for i, j in np.argwhere(found)} == links


def test_argmax_of_either_side():
    table = np.array([[0.9, 0.8], [0.7, 0.1]], np.float32)
    assert (argmax(table[None])[0] > 0).tolist() == [[True, False], [False, False]]
    assert (argmax(table[None], "union")[0] > 0).tolist() == [[True, True], [True, False]]
    parts = as_parts(np.eye(3))
    config = LinkConfig(method="argmax", symmetrisation="union")
    assert [link[:2] for link in link_parts([(parts, parts)], config)[0]] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    with pytest.raises(ConfigError, match="only argmax and statistical"):
        LinkConfig(symmetrisation="union")

"""Mining against plain loops, on vectors whose cosines are exact so that ties are real ties."""

import logging
import math
import tracemalloc
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crosszero
from crosszero.errors import ConfigError, CrosszeroError
from crosszero.search import mined_pairs, vector_mining
from crosszero.search import neighbours as vectors
from crosszero.search.margin import MARGINS
from crosszero.search.mined_pairs import MinedPair, MinedPairs, write_pairs
from crosszero.search.mining import mine_texts
from crosszero.search.top_k import Neighbours
from crosszero.search.vector_mining import Retrieval, mine_vectors

# Unit vectors of whole quarters: sums and products of them are exact in every number format.
EXACT = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, -1)]
EXACT += [tuple(0.5 if bit == "1" else -0.5 for bit in f"{n:04b}") for n in range(16)]
EXACT += [(0, 0, 0, 0)]
exact_rows = st.lists(st.sampled_from(EXACT), min_size=1, max_size=9)


def slow_cosine(x, y):
    scale = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
    return sum(a * b for a, b in zip(x, y, strict=True)) / scale if scale else 0.0


def slow_mine(source, target, k, margin, retrieval="max"):
    """Every step as a loop: neighbours, averages, best candidates, one pair after the other."""

    cosine = [[slow_cosine(x, y) for y in target] for x in source]
    near_source = [
        sorted(range(len(target)), key=lambda j: (-cosine[i][j], j))[:k] for i in range(len(source))
    ]
    near_target = [
        sorted(range(len(source)), key=lambda i: (-cosine[i][j], i))[:k] for j in range(len(target))
    ]

    def score(i, j):
        of_source = sum(cosine[i][n] for n in near_source[i]) / len(near_source[i])
        of_target = sum(cosine[n][j] for n in near_target[j]) / len(near_target[j])
        average = (of_source + of_target) / 2
        if margin == "ratio":
            return cosine[i][j] / max(average, 1e-6)
        return cosine[i][j] - average if margin == "distance" else cosine[i][j]

    fwd, bwd = set(), set()
    for i in range(len(source)):
        best = None
        for j in near_source[i]:
            if best is None or score(i, j) > score(i, best):
                best = j
        fwd.add((i, best))
    for j in range(len(target)):
        best = None
        for i in near_target[j]:
            if best is None or score(i, j) > score(best, j):
                best = i
        bwd.add((best, j))
    every = {(i, j) for i in range(len(source)) for j in near_source[i]}
    every |= {(i, j) for j in range(len(target)) for i in near_target[j]}
    named = {"fwd": fwd, "bwd": bwd, "max": fwd | bwd, "intersect": fwd & bwd, "all": every}
    pairs = []
    for i, j in sorted(named[retrieval], key=lambda pair: (-score(*pair), pair)):
        free = all(i != one and j != other for one, other, _ in pairs)
        if (free or retrieval != "max") and cosine[i][j] > 0:
            pairs.append((i, j, score(i, j)))
    return pairs


@settings(max_examples=300, deadline=None)
@given(
    exact_rows,
    exact_rows,
    st.sampled_from([1, 2, 4]),
    st.sampled_from(MARGINS),
    st.sampled_from(get_args(Retrieval)),
)
def test_equal_to_the_loops_also_on_ties(source, target, k, margin, retrieval):
    found = mine_vectors(
        np.array(source, float), np.array(target, float), k=k, margin=margin, retrieval=retrieval
    )
    wanted = slow_mine(source, target, k, margin, retrieval)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in wanted]
    assert [pair.score for pair in found] == pytest.approx([pair[2] for pair in wanted], rel=1e-12)


@pytest.mark.parametrize("retrieval", get_args(Retrieval))
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("k", [1, 4, 50])
def test_equal_to_the_loops_across_blocks(monkeypatch, margin, k, retrieval):
    monkeypatch.setattr(vectors, "_QUERY_BLOCK", 5)
    monkeypatch.setattr(vectors, "_CANDIDATE_BLOCK", 7)
    monkeypatch.setattr(vector_mining, "_BLOCK", 4)
    monkeypatch.setattr(mined_pairs, "_BLOCK", 4)
    draw = np.random.default_rng(3)
    source, target = draw.normal(size=(23, 6)), draw.normal(size=(31, 6))
    found, wanted = (
        mine_vectors(source, target, k=k, margin=margin, retrieval=retrieval),
        slow_mine(source, target, k, margin, retrieval),
    )
    assert len(found) > 5
    assert {pair[:2] for pair in found} == {pair[:2] for pair in wanted}
    scores = [pair[2] for pair in wanted]
    assert [pair.score for pair in found] == pytest.approx(scores, rel=1e-5, abs=1e-5)


def test_picking_takes_a_hundred_bytes_a_line():
    """Of that, 24 are the result; a list of tuples and two sets took more than 500."""

    def measure(lines):
        draw = np.random.default_rng(lines)
        sides = [
            Neighbours(
                index=draw.integers(0, lines, (lines, 4)),
                similarity=draw.random((lines, 4), dtype=np.float32),
            )
            for _ in range(2)
        ]
        tracemalloc.start()
        found = vector_mining.pair_neighbours(*sides, "ratio")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) > lines / 2
        return peak

    assert measure(60_000) - measure(30_000) < 100 * 30_000


def test_pairs_in_columns_are_a_sequence_of_pairs():
    rows = [MinedPair(3, 1, 1.5), MinedPair(0, 2, 1.25), MinedPair(1, 0, -0.5)]
    found = MinedPairs(*(np.array(column) for column in zip(*rows, strict=True)))
    assert found == rows
    assert rows == found
    assert [found[0], found[-1]] == [rows[0], rows[2]]
    assert found[1:] == rows[1:]
    assert found != rows[:2]
    assert found != [*rows[:2], (1, 0, 0.5)]
    assert found != "pairs"
    assert rows[1] in found
    assert {type(value) for pair in found for value in pair} == {int, float}
    assert repr(found[:1]) == "MinedPairs([MinedPair(source=3, target=1, score=1.5)])"
    with pytest.raises(IndexError):
        found[3]


def test_planted_translations_are_found_among_others():
    draw = np.random.default_rng(0)
    source, target = draw.normal(size=(200, 32)), draw.normal(size=(300, 32))
    where = draw.permutation(300)[:50]
    target[where] = source[:50] + 0.3 * draw.normal(size=(50, 32))
    found = mine_vectors(source, target)
    assert {pair[:2] for pair in found[:50]} == set(zip(range(50), where.tolist(), strict=True))
    assert len({pair.source for pair in found}) == len({pair.target for pair in found})
    assert len({pair.source for pair in found}) == len(found)
    assert [pair.score for pair in found] == sorted((pair.score for pair in found), reverse=True)


def test_nearest_both_ways_have_distance_zero_and_are_kept():
    assert mine_vectors(np.eye(2), np.eye(2), k=1, margin="distance") == [(0, 0, 0.0), (1, 1, 0.0)]


def test_lengths_do_not_matter_and_zero_rows_are_in_no_pair():
    source = np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 1e-3]])
    found = mine_vectors(source, np.array([[0.0, 0.0], [0.0, 9.0], [1.0, 0.0]]), k=1)
    assert found == [MinedPair(0, 2, 1.0), MinedPair(2, 1, 1.0)]


def test_what_can_not_be_mined():
    with pytest.raises(ConfigError, match="k: 0 given"):
        mine_vectors(np.eye(2), np.eye(2), k=0)
    with pytest.raises(ConfigError, match="margin: 'best'"):
        mine_vectors(np.eye(2), np.eye(2), margin="best")
    with pytest.raises(ConfigError, match="did you mean 'max'"):
        mine_vectors(np.eye(2), np.eye(2), retrieval="mac")
    with pytest.raises(CrosszeroError, match="there are none"):
        mine_vectors(np.empty((0, 2)), np.eye(2))
    with pytest.raises(CrosszeroError, match="vector 1 has a value that is not finite"):
        mine_vectors(np.eye(2), np.array([[1.0, 0.0], [np.nan, 1.0]]))
    with pytest.raises(ValueError, match="2 dimensions, target vectors 3"):
        mine_vectors(np.eye(2), np.eye(3))


class Meaning:
    """Texts with the same first letter mean the same."""

    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked.append(texts)
        return np.eye(26)[[ord(text[0]) - ord("a") for text in texts]]


def test_equal_texts_take_part_once_and_are_left_out():
    encoder = Meaning()
    source, target = ["a", "b", "a", "c"], ["c!", "b!", "a!", "b!", "d"]
    found = mine_texts(encoder, source, target, k=1, drop_repeated=True)
    assert [p[:2] for p in found] == [(3, 0)]
    assert encoder.asked == [["a", "b", "c"], ["c!", "b!", "a!", "d"]]
    kept = mine_texts(Meaning(), source, target, k=1)
    assert [p[:2] for p in kept] == [(0, 2), (1, 1), (3, 0)]


def test_copies_that_look_alike_are_mined_once_and_counted(caplog):
    class Composed(Meaning):
        def encode(self, texts):
            return super().encode([text.replace("e\u0301", "e") for text in texts])

    encoder = Composed()
    source = ["e\u0301t\u00e9", "b c", "\u00e9te\u0301\u200b", "b\u00a0 c\ufeff", "bc", "d"]
    with caplog.at_level(logging.INFO):
        found = mine_texts(encoder, source, ["e!", "b!", "d!", "d! ", "\u00add!"], k=1)
    assert encoder.asked[0] == ["et\u00e9", "b c", "bc", "d"]
    assert encoder.asked[1] == ["e!", "b!", "d!"]
    assert [p[:2] for p in found] == [(0, 0), (1, 1), (5, 2)]
    assert "2 of 6 source texts and 2 of 5 target texts" in caplog.text
    assert "each text is mined once" in caplog.text
    caplog.clear()
    mine_texts(Meaning(), ["a", "b"], ["a", "b"], k=1)
    assert not caplog.records


def test_the_public_function_gives_texts_and_leaves_out_what_scores_too_low():
    draw = np.random.default_rng(1)
    known = {text: draw.normal(size=8) for text in "abcdef"}
    known |= {text.upper(): known[text] + 0.4 * draw.normal(size=8) for text in "abcdef"}

    class Table:
        def encode(self, texts):
            return np.array([known[text] for text in texts])

    source, target = list("abcdefa"), list("FEDCBA")
    pairs = mine_texts(Table(), source, target)
    every = crosszero.mine(Table(), source, target)
    assert every == [(p.score, source[p.source], target[p.target]) for p in pairs]
    assert {(s, t) for _, s, t in every[:3]} <= {(x, x.upper()) for x in "abcdef"}
    middle = every[2].score
    assert crosszero.mine(Table(), source, target, threshold=middle) == every[:3]
    forward = crosszero.mine(Table(), source, target, retrieval="fwd")
    assert sorted(row.source for row in forward) == sorted(set(source))
    with pytest.raises(ConfigError, match="margin"):
        crosszero.mine(Table(), source, target, margin="best")


def test_a_threshold_is_reached_as_scores_are_written(tmp_path):
    rows = np.arange(3)
    pairs = MinedPairs(rows, rows, np.array([0.99999994, 0.9999996, 0.9999994]))
    assert write_pairs(tmp_path / "pairs", pairs, "abc", "abc", threshold=1) == 2
    assert (tmp_path / "pairs").read_text() == "1.000000\ta\ta\n1.000000\tb\tb\n"
    assert write_pairs(tmp_path / "pairs", pairs, "abc", "abc", threshold=0.9999994) == 3
    assert write_pairs(tmp_path / "pairs", pairs, "abc", "abc") == 3

    class Rounded:
        def encode(self, texts):
            draw = (np.random.default_rng(ord(text)).normal(size=99) for text in texts)
            return np.array([row / np.linalg.norm(row) for row in draw], np.float32)

    texts = list("abcdefghijklmnopqrstuvwxyz")
    found = crosszero.mine(Rounded(), texts, texts, margin="absolute", threshold=1)
    assert sorted(one.source for one in found) == texts


def test_a_repeated_text_still_takes_its_partner():
    """The partner of a text that is left out gets no second choice."""

    class Near:
        def encode(self, texts):
            known = {"twice": (1, 0), "once": (0.8, 0.6), "it": (1, 0.05), "far": (0, -1.0)}
            return np.array([known[text] for text in texts], float)

    source, target = ["twice", "once", "twice"], ["it", "far"]
    options = {"k": 2, "margin": "absolute"}
    assert mine_texts(Near(), source, target, **options, drop_repeated=True) == []
    kept = mine_texts(Near(), source, target, **options)
    assert [p[:2] for p in kept] == [(0, 0)]


def test_copies_of_a_sentence_would_drown_its_margin():
    """Why texts are collapsed: ten copies make the right pair look like any other."""
    draw = np.random.default_rng(1)
    base = draw.normal(size=(40, 16))
    known = {f"s{i}": base[i] for i in range(40)}
    known |= {f"t{i}": base[i] + 0.3 * draw.normal(size=16) for i in range(40)}

    class Table:
        def encode(self, texts):
            return np.array([known[text] for text in texts])

    source = [f"s{i}" for i in range(40)] + ["s7"] * 9
    target = [f"t{i}" for i in range(40)]
    collapsed = mine_texts(Table(), source, target)
    raw = mine_vectors(Table().encode(source), Table().encode(target))
    high, low = ({p.target: p.score for p in pairs}[7] for pairs in (collapsed, raw))
    assert low < 0.8 * high


class Labelled:
    """Texts that are read by labels, as those of a pandas.Series."""

    def __init__(self, *texts):
        self.texts = texts

    def __len__(self):
        return len(self.texts)

    def __iter__(self):
        return iter(self.texts)

    def __getitem__(self, label):
        return dict(zip((0, 2, 1), self.texts, strict=True))[label]


def test_texts_are_read_by_their_place(tmp_path):
    source, target = Labelled("cat", "cat", "sea"), ["sea, the", "cat, the"]
    found = {(s, t) for _, s, t in crosszero.mine(Meaning(), source, target, k=2)}
    assert found == {("cat", "cat, the"), ("sea", "sea, the")}
    pairs = mine_texts(Meaning(), source, target, k=2)
    write_pairs(tmp_path / "x", pairs, source, target)
    lines = (tmp_path / "x").read_text().splitlines()
    assert {tuple(line.split("\t")[1:]) for line in lines} == found


def test_no_texts():
    with pytest.raises(CrosszeroError, match="there are none"):
        mine_texts(Meaning(), [], ["a"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"source": "abc"}, "source: one text given; a list of texts is needed"),
        ({"threshold": "Auto"}, "threshold: 'Auto' given; a number or auto is needed"),
        ({"threshold": math.nan}, "threshold: nan given"),
        ({"k": 2.5}, "k: 2.5 given; it must be a whole number"),
        ({"k": True}, "k: True given; it must be a whole number"),
    ],
)
def test_what_is_no_setting_is_refused_before_anything_is_encoded(settings, says):
    with pytest.raises(ConfigError, match=says):
        crosszero.mine(None, **{"source": ["a"], "target": ["b"], **settings})

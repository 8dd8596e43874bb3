"""The exact search against a slow double loop in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError
from crosszero.search import neighbours as vectors
from crosszero.search import top_k
from crosszero.search.neighbours import find_neighbours


def slow_cosines(queries: list[list[float]], candidates: list[list[float]]) -> list[list[float]]:
    def length(row: list[float]) -> float:
        return math.sqrt(math.fsum(value * value for value in row))

    table = []
    for query in queries:
        row = []
        for candidate in candidates:
            scale = length(query) * length(candidate)
            dot = math.fsum(a * b for a, b in zip(query, candidate, strict=True))
            row.append(dot / scale if scale else 0.0)
        table.append(row)
    return table


def matrices(width: int = 4) -> st.SearchStrategy[list[list[int]]]:
    # small whole numbers: many exact ties, zeros and multiples of each other
    return st.lists(
        st.lists(st.integers(-3, 3), min_size=width, max_size=width), min_size=1, max_size=12
    )


@settings(max_examples=150, deadline=None)
@given(queries=matrices(), candidates=matrices(), k=st.integers(1, 5), blocks=st.integers(1, 7))
def test_search_finds_what_the_double_loop_finds(queries, candidates, k, blocks):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "_QUERY_BLOCK", blocks)
        patch.setattr(vectors, "_CANDIDATE_BLOCK", blocks)
        found = find_neighbours(np.array(queries, float), np.array(candidates, float), k=k)
    width = min(k, len(candidates))
    assert found.index.shape == found.similarity.shape == (len(queries), width)
    table = slow_cosines(queries, candidates)
    for index, similarity, cosines in zip(found.index, found.similarity, table, strict=True):
        assert len(set(index.tolist())) == width
        best = sorted(cosines, reverse=True)[:width]
        assert np.allclose(similarity, best, atol=1e-5)
        assert np.allclose([cosines[i] for i in index], best, atol=1e-5)


# Whole quarters: unit vectors whose cosines are exact, so that ties are ties in every product.
QUARTERS = [(1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)]
QUARTERS += [tuple(0.5 if bit == "1" else -0.5 for bit in f"{n:04b}") for n in range(16)]
exact = st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(left=exact, right=exact, k=st.integers(1, 5), block=st.integers(1, 7), run=st.integers(1, 4))
def test_both_directions_from_one_product(left, right, k, block, run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "_QUERY_BLOCK", block)
        patch.setattr(vectors, "_CANDIDATE_BLOCK", 9 - block)
        patch.setattr(top_k, "_RUN", run)
        found = vectors.find_neighbours_both(np.array(left), np.array(right), k=k)
    for one, other, neighbours in ((left, right, found[0]), (right, left, found[1])):
        for row, query in enumerate(one):
            cosines = [sum(a * b for a, b in zip(query, c, strict=True)) for c in other]
            order = sorted(range(len(other)), key=lambda j: (-cosines[j], j))[:k]
            assert neighbours.index[row].tolist() == order
            assert neighbours.similarity[row].tolist() == [cosines[j] for j in order]


@settings(max_examples=100, deadline=None)
@given(candidates=matrices(), repeats=st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_equal_candidates_tie_and_the_lowest_index_wins(candidates, repeats):
    rows = [candidates[i % len(candidates)] for i in repeats]
    scaled = [[value * (1 + i % 3) for value in row] for i, row in enumerate(rows)]
    found = find_neighbours(np.array(rows, float), np.array(scaled, float)).index[:, 0]
    table = slow_cosines(rows, scaled)
    for index, cosines in zip(found, table, strict=True):
        same = [i for i, row in enumerate(rows) if row == rows[index]]
        assert index == min(same)
        assert cosines[index] == pytest.approx(max(cosines), abs=1e-5)


def test_block_size_changes_nothing(monkeypatch):
    random = np.random.default_rng(1)
    queries, candidates = random.normal(size=(37, 16)), random.normal(size=(53, 16))
    candidates[40:] = candidates[:13]
    whole = find_neighbours(queries, candidates, k=4)
    monkeypatch.setattr(vectors, "_QUERY_BLOCK", 5)
    monkeypatch.setattr(vectors, "_CANDIDATE_BLOCK", 7)
    parts = find_neighbours(queries, candidates, k=4)
    assert whole.index.tolist() == parts.index.tolist()
    assert np.allclose(whole.similarity, parts.similarity, atol=1e-6)
    first = find_neighbours(candidates[40:], candidates).index[:, 0]
    assert first.tolist() == list(range(13))


def test_only_a_block_of_similarities_exists_at_once(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(vectors, "_QUERY_BLOCK", 64)
    monkeypatch.setattr(vectors, "_CANDIDATE_BLOCK", 128)
    points = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    tracemalloc.start()
    find_neighbours(points, points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # the full matrix would take 64 MB
    tracemalloc.start()
    vectors.find_neighbours_both(points[:2000], points[:1000], k=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6  # the full matrix would take 8 MB


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(vectors, "_QUERY_BLOCK", 20)
    monkeypatch.setattr(vectors, "_CANDIDATE_BLOCK", 70)
    monkeypatch.setattr(vectors, "_UNIT_BLOCK", 50)
    draw = np.random.default_rng(5)
    left, right = draw.normal(size=(110, 3)), draw.normal(size=(180, 3))
    alone = vectors.find_neighbours_both(left, right, k=6)
    monkeypatch.setattr(vectors, "_WORTH_A_THREAD", 0)
    together = vectors.find_neighbours_both(left, right, k=6)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.index, other.index)
        assert np.array_equal(one.similarity, other.similarity)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_scale_of_the_vectors_does_not_matter(scale):
    points = np.random.default_rng(2).normal(size=(9, 5))
    found = find_neighbours(points * scale, points)
    assert found.index[:, 0].tolist() == list(range(9))
    assert np.allclose(found.similarity, 1.0, atol=1e-6)


def test_half_precision_is_taken():
    found = find_neighbours(np.eye(3, dtype=np.float16), np.eye(3, dtype=np.float32))
    assert found.index[:, 0].tolist() == [0, 1, 2]


def test_values_that_are_not_finite_are_named():
    broken = np.ones((3, 2))
    broken[1, 0] = np.nan
    with pytest.raises(CrosszeroError, match="vector 1 has a value that is not finite"):
        find_neighbours(np.ones((1, 2)), broken)


@pytest.mark.parametrize(
    ("left", "right", "k"),
    [((2, 3), (2, 4), 1), ((2, 3), (0, 3), 1), ((2, 3), (2, 3), 0), ((3,), (2, 3), 1)],
)
def test_shapes_that_do_not_fit_are_refused(left, right, k):
    with pytest.raises(ValueError, match=r"dimensions|candidate|shape"):
        find_neighbours(np.ones(left), np.ones(right), k=k)

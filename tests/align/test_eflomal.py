"""A model that was written out and read back aligns as the one that was trained."""

from __future__ import annotations

import pickle

import pytest

from crosszero.align.eflomal import TwoWayModel
from crosszero.align.statistical_aligner import StatisticalAligner
from crosszero.samples import WordFilter, WordFinder
from tests.samples.helpers import cipher

Rows = list[tuple[list[str], list[str]]]


def train_plainly(rows: Rows, seed: int) -> tuple[list[list[tuple[int, int]]], list[float]]:
    """Links that both models have, straight after training; scores of the first linked words."""
    import thot.alignment as thot

    models = []
    for number in (0, 1):
        model = thot.EflomalAlignmentModel()
        for row in rows:
            model.add_sentence_pair(row[number], row[1 - number], 1)
        model.seed, model.deterministic, model.auto_iterations = 2 * seed + number, True, False
        times = min(8.0, (10_000 / len(rows)) ** 0.5)
        model.set_iterations(round(4 * times), round(4 * times), round(8 * times))
        model.num_samplers = 1
        model.set_decode_params(1, 8, 2)
        model.start_training()
        for _ in range(model.scheduled_iterations):
            model.train()
        model.end_training()
        models.append(model)
    both = thot.SymmetrizedAligner(*models)
    both.heuristic = thot.SymmetrizationHeuristic.INTERSECTION
    links, scores = [], []
    for first, second in rows:
        _, matrix = both.get_best_alignments([first], [second])[0]
        links.append([(i - 1, j) for j, i in enumerate(matrix.to_list()) if i])
        if not links[-1]:
            continue
        i, j = links[-1][0]
        p, q = (
            model.translation_prob(model.get_src_word_index(a), model.get_trg_word_index(b))
            for model, a, b in zip(
                models, (first[i], second[j]), (second[j], first[i]), strict=True
            )
        )
        scores.append((p * q) ** 0.5)
    return links, scores


def test_nothing_is_lost_on_the_way_through_files() -> None:
    rows = [(p.source.split(), p.target.split()) for p in cipher(120, seed=2)[0]]
    links, scores = train_plainly(rows, seed=5)
    assert sum(map(len, links)) > 200
    assert len(set(scores)) > 5
    model = TwoWayModel(lambda: iter(rows), seeds=(10, 11), samplers=1)
    for _ in range(3):
        assert list(model.align(rows)) == links
        linked = [
            (a[found[0][0]], b[found[0][1]])
            for (a, b), found in zip(rows, links, strict=True)
            if found
        ]
        assert [model.score(a, b) for a, b in linked] == scores
        model = pickle.loads(pickle.dumps(model))


def test_a_finder_travels_to_other_processes() -> None:
    pairs, _ = cipher(120, seed=2, spaced=False)
    finder = WordFinder(StatisticalAligner(samplers=1), WordFilter(stop_words="none"))
    finder.fit(pairs)
    found = finder.find(pairs)
    assert any(found)
    assert pickle.loads(pickle.dumps(finder)).find(pairs) == found
    nothing = TwoWayModel(lambda: iter([]), seeds=(1, 2))
    assert list(pickle.loads(pickle.dumps(nothing)).align([(["a"], ["b"])])) == [[]]


@pytest.mark.parametrize("rows", [[(["a"], [])], [(["a"] * 300, ["b"])]])
def test_rows_that_cannot_be_aligned_have_no_links(rows: Rows) -> None:
    model = TwoWayModel(lambda: iter([(["a"], ["b"])] * 3), seeds=(2, 3), samplers=1)
    assert list(model.align([*rows, (["a"], ["b"])])) == [[], [(0, 0)]]

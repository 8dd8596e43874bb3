"""Batches: every text once, duplicates known, order random, position exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.errors import DataError
from crosszero.model.options import Level
from crosszero.samples.columns import RowGroup, to_table
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.training.batch import Batch, build_batch
from crosszero.training.stream import Position, SampleStream
from crosszero.training.train_config import TrainConfig
from tests.training.conftest import make_samples

Stores = Callable[..., Path]


class Listed:
    """Rows in memory, in row groups of a given size."""

    path = Path("samples")

    def __init__(self, samples: list[Sample], size: int) -> None:
        self.parts = [samples[i : i + size] for i in range(0, len(samples), size)]

    @property
    def row_groups(self) -> list[int]:
        return [len(part) for part in self.parts]

    def read_row_group(self, index: int) -> RowGroup:
        return RowGroup(to_table(self.parts[index]))

    def count_units(self, *, with_words: bool) -> list[int]:
        return [
            len({s.group or n for n, s in enumerate(part) if s.words or not with_words})
            for part in self.parts
        ]


def build(units: list[tuple[Sample, ...]], **options: object) -> Batch:
    config = TrainConfig(**({"words_per_sentence": 9} | options))
    return build_batch(units, config, np.random.default_rng(1))


@pytest.mark.parametrize("level", ["multi", "split", "sentence"])
def test_as_many_batches_come_as_were_counted(level: Level) -> None:
    """Rows without words are left out wherever words are contrasted."""
    samples = [replace(s, words=s.words if i % 3 else ()) for i, s in enumerate(make_samples(60))]
    stream = SampleStream(store=Listed(samples, 16), batch_size=8, level=level, seed=3)
    count = stream.count_batches()
    positions = [position for _, position in islice(stream.batches(), count + 1)]
    assert [position.epoch for position in positions] == [0] * count + [1]


def test_an_epoch_gives_every_unit_once_and_epochs_differ() -> None:
    samples = make_samples(100)
    stream = SampleStream(store=Listed(samples, 16), batch_size=8, level="multi", seed=3)
    count = stream.count_batches()
    batches = list(islice(stream.batches(), 2 * count))
    epochs = [batches[:count], batches[count:]]
    orders = [[unit[0].origin for units, _ in e for unit in units] for e in epochs]
    assert Counter(orders[0]) == Counter(s.origin for s in samples)
    assert Counter(orders[1]) == Counter(orders[0])
    assert orders[0] != orders[1]
    assert orders[0] != [s.origin for s in samples]
    assert {len(units) for units, _ in batches} <= {8, 9, 7}


@pytest.mark.parametrize("multiway", [False, True])
def test_resuming_a_stream_at_any_position_goes_on_exactly(multiway: bool) -> None:
    samples = make_samples(60, multiway=multiway)
    stream = SampleStream(
        store=Listed(samples, 12), batch_size=4, level="multi", seed=3, window_rows=36
    )
    batches = list(islice(stream.batches(), 40))
    for step in (1, 5, 17, 29, 38):
        units, position = next(stream.batches(batches[step - 1][1]))
        assert (list(units), position) == (list(batches[step][0]), batches[step][1])
    assert batches[-1][1].epoch > 0


def test_multiway_lines_stay_together() -> None:
    samples = make_samples(20, multiway=True)
    stream = SampleStream(store=Listed(samples, 9), batch_size=4, level="multi", seed=3)
    for units, _ in islice(stream.batches(), 5):
        assert all(len(unit) == 3 and len({s.group for s in unit}) == 1 for unit in units)


def test_rows_without_words_are_for_sentence_level_only() -> None:
    samples = [replace(s, words=()) if i % 2 else s for i, s in enumerate(make_samples(40))]
    for level, expected in (("multi", 20), ("sentence", 40)):
        stream = SampleStream(store=Listed(samples, 10), batch_size=4, level=level, seed=1)
        batches = islice(stream.batches(), stream.count_batches())
        assert sum(len(units) for units, _ in batches) == expected


@pytest.mark.parametrize(("lines", "size"), [(7, 2), (3, 2), (2, 64), (9, 4), (65, 64)])
def test_no_batch_is_too_small_for_negatives(lines: int, size: int) -> None:
    samples = make_samples(lines)
    stream = SampleStream(store=Listed(samples, 50), batch_size=size, level="multi", seed=1)
    sizes = [len(units) for units, _ in islice(stream.batches(), stream.count_batches())]
    assert sum(sizes) == lines
    assert min(sizes) >= 2
    assert max(sizes) < 2 * size


def test_nothing_to_train_on_is_an_error() -> None:
    samples = [replace(s, words=()) for s in make_samples(4)]
    stream = SampleStream(store=Listed(samples, 4), batch_size=2, level="multi", seed=1)
    with pytest.raises(DataError, match="at least two sentence pairs with word pairs"):
        next(stream.batches())


def test_every_text_once_however_many_words_and_pairs() -> None:
    samples = make_samples(6, multiway=True)
    units = [tuple(samples[i : i + 3]) for i in range(0, 18, 3)]
    batch = build(units)
    assert len(batch.texts) == len(set(zip(batch.languages, batch.texts, strict=True))) == 18
    assert len(batch.left) == 6 * 3 * 3
    assert len(batch.anchors) == 6 * 3 * 3  # a word of a text serves in two language pairs
    for text, start, end in batch.anchors:
        assert batch.texts[text][start:end].strip() == batch.texts[text][start:end] != ""


def slow_groups(batch: Batch, links: list[tuple[int, int]]) -> list[set[int]]:
    """Connected anchors by repeated merging."""
    sets = [{i} for i in range(len(batch.anchors))]
    for a, b in [*links, *zip(batch.left, batch.right, strict=True)]:
        first, second = (next(s for s in sets if x in s) for x in (a, b))
        if first is not second:
            sets.remove(second)
            first |= second
    return sets


def test_samples_mean_the_same_only_through_shared_words() -> None:
    samples = make_samples(8, multiway=True)
    units = [tuple(samples[i : i + 3]) for i in range(0, 24, 3)]
    batch = build(units)
    sets = slow_groups(batch, [])
    for i in range(len(batch.left)):
        for j in range(len(batch.left)):
            together = any(batch.left[i] in s and batch.left[j] in s for s in sets)
            assert (batch.groups[i] == batch.groups[j]) == together


def test_words_of_one_sentence_are_hard_negatives() -> None:
    (sample,) = make_samples(1)
    batch = build([(sample,)])
    assert len(batch.texts) == 2
    assert len(set(batch.groups)) == 3


def test_unchosen_links_still_tell_what_means_the_same() -> None:
    """en-fr and ru-xx samples of one concept share no anchor, but other rows link them."""
    samples = make_samples(1, multiway=True)
    en_fr, en_ru, fr_ru = samples
    first = [replace(en_fr, words=en_fr.words[:1])]
    unit = (*first, replace(en_ru, words=en_ru.words[:1]), replace(fr_ru, words=fr_ru.words[:1]))
    batch = build([unit])
    assert len(set(batch.groups)) == 1


def test_equal_sentences_are_not_negatives() -> None:
    a, b = make_samples(2)
    same_source = replace(b, source=a.source)
    batch = build([(a,), (same_source,)], level="sentence")
    assert batch.groups == [0, 0]
    assert len(batch.texts) == 3
    assert build([(a,), (b,)], level="sentence").groups == [0, 1]


def test_words_that_a_link_left_out_makes_equal_are_no_negatives() -> None:
    """People link words many to many: a-x, b-x and b-y make a and y the same."""
    a, b, x, y = Span(0, 5), Span(6, 10), Span(0, 4), Span(5, 10)
    words = (WordPair(a, x), WordPair(b, x), WordPair(b, y))
    row = replace(make_samples(1)[0], source="going home", target="nach Hause", words=words)
    config = TrainConfig(level="split", words_per_sentence=2)
    drawn = set()
    for seed in range(12):
        batch = build_batch([(row,)], config, np.random.default_rng(seed))
        drawn.add(len(batch.anchors))
        assert len(set(batch.groups)) == 1
    assert drawn == {3, 4}


@pytest.mark.parametrize("level", ["sentence", "split"])
def test_sentences_that_look_alike_are_not_negatives(level: str) -> None:
    first, second = make_samples(2)
    twin = replace(first, target=f"{first.target}\u200b", source=f"{first.source} ")
    batch = build([(first,), (second,), (twin,)], level=level, words_per_sentence=2)
    numbers = batch.groups if level == "sentence" else batch.meanings[::2]  # of two words each
    assert numbers[0] == numbers[2] != numbers[1]


def test_sentences_of_one_line_are_not_negatives() -> None:
    samples = make_samples(2, multiway=True)
    batch = build([tuple(samples[:3]), tuple(samples[3:])], level="sentence")
    assert batch.groups == [0, 0, 0, 1, 1, 1]


def test_limits() -> None:
    samples = make_samples(4, multiway=True)
    units = [tuple(samples[i : i + 3]) for i in range(0, 12, 3)]
    assert len(build(units, words_per_sentence=2).left) == 4 * 3 * 2
    assert len(build(units, words_per_sentence=1, pairs_per_group=2).left) == 4 * 2


def test_a_real_store_streams(store_folder: Stores) -> None:
    store = SampleStore.open(store_folder(60))
    stream = SampleStream(store=store, batch_size=10, level="multi", seed=1)
    assert stream.count_batches() == 6
    units, position = next(stream.batches())
    assert len(units) == 10
    assert position == Position(0, 0, 1)

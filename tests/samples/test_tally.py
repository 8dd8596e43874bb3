"""Counts that are written with a store, what has been seen, and what is read at the start."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosszero.align.spans import Span, WordPair
from crosszero.samples import Sample, SampleStore, write_store
from crosszero.samples.columns import METADATA
from crosszero.samples.seen import Seen
from crosszero.samples.tally import count_samples
from crosszero.training.stream import SampleStream
from tests.samples.helpers import sample

WORD = (WordPair(Span(0, 1), Span(0, 1)),)
ROWS = st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.booleans()), max_size=40)


def make(rows: list[tuple[str, bool]]) -> list[Sample]:
    return [sample("x", "y", WORD * words, group) for group, words in rows]


def count_slowly(rows: list[tuple[str, bool]]) -> list[bool]:
    """Units, each with whether it has words."""
    units: list[bool] = []
    before = ""
    for group, words in rows:
        if group and units and group == before:
            units[-1] |= words
        else:
            units.append(words)
        before = group
    return units


@given(ROWS)
def test_units_are_counted(rows: list[tuple[str, bool]]) -> None:
    tally = count_samples(make(rows))
    units = count_slowly(rows)
    assert (tally.units, tally.units_with_words) == (len(units), sum(units))
    assert (tally.rows, tally.words) == (len(rows), sum(words for _, words in rows))
    assert tally.pairs == ({"en-zh-CN": len(rows)} if rows else {})


def write(path: Path, rows: int, **options: Any) -> SampleStore:
    with write_store(path, **options) as writer:
        for number in range(rows):
            group = f"line {number // 3}" if number % 60 > 30 else ""
            writer.add(sample(f"x{number}", "y", WORD * (number % 4 > 1), group))
    return SampleStore.open(path)


def test_counts_of_a_store_are_read_or_made(tmp_path: Path, monkeypatch: Any) -> None:
    store = write(tmp_path / "s", 150, row_group=20, part=60)
    groups = [store.read_row_group(index) for index in range(len(store.row_groups))]
    rows = [[(s.group, bool(s.words)) for s in group] for group in groups]
    expected = [[len(count_slowly(g)) for g in rows], [sum(count_slowly(g)) for g in rows]]
    path = tmp_path / "s" / METADATA
    metadata = json.loads(path.read_text())
    for wrong in (
        None,
        7,
        "1 2",
        "x",
        metadata["units"] + " 1",
        metadata["units"].replace(" ", " 9"),
    ):
        path.write_text(json.dumps({**metadata, "units": wrong, "units_with_words": wrong}))
        other = SampleStore.open(tmp_path / "s")
        assert [other.count_units(with_words=flag) for flag in (False, True)] == expected
    monkeypatch.setattr(SampleStore, "read_row_group", lambda *_: pytest.fail("rows were read"))
    assert [store.count_units(with_words=flag) for flag in (False, True)] == expected


@pytest.mark.parametrize("level", ["sentence", "multi"])
def test_the_length_of_an_epoch_is_known_without_reading(tmp_path: Path, level: Any) -> None:
    store = write(tmp_path / "s", 700, row_group=20)
    stream = SampleStream(store=store, batch_size=7, level=level, seed=2, window_rows=90)
    count = stream.count_batches()
    positions = [position for _, position in islice(stream.batches(), count + 1)]
    assert positions[count - 1].epoch == 0
    assert positions[count].epoch == 1


def test_start_of_training_reads_one_window(tmp_path: Path) -> None:
    counter = Path("/proc/self/io")
    if not counter.exists():
        pytest.skip("bytes read are counted by Linux only")

    def bytes_read() -> int:
        return int(counter.read_text().split("rchar: ")[1].split()[0])

    with write_store(tmp_path / "s", row_group=50) as writer:
        for number in range(1_500):
            text = "".join(chr(0x4E00 + (number * 7919 + i * i * 31) % 9_000) for i in range(400))
            writer.add(sample(text, text[::-1], WORD))
    size = sum(file.stat().st_size for file in (tmp_path / "s").iterdir())
    assert size > 1_000_000
    before = bytes_read()
    store = SampleStore.open(tmp_path / "s")
    stream = SampleStream(store=store, batch_size=8, level="multi", seed=1, window_rows=100)
    assert stream.count_batches() == 15 * round(100 / 8)
    assert store.languages == ["en", "zh-CN"]
    assert store.language_pairs == ["en-zh-CN"]
    assert len(store.fingerprint) == 64
    opened = bytes_read() - before
    assert opened < 0.1 * size
    next(stream.batches())
    assert bytes_read() - before - opened < 0.2 * size  # a fifteenth, and the footer again


@given(st.lists(st.text("ab", max_size=4)), st.integers(1, 5))
def test_seen_is_a_set(texts: list[str], recent: int) -> None:
    seen, plain = Seen(recent), set[str]()
    for text in texts:
        assert seen.add(text) == (text not in plain)
        plain.add(text)


def test_digests_that_end_in_zeros_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Digest:
        def __init__(self, data: bytes, digest_size: int) -> None:
            self._value = data.ljust(digest_size, b"\0")

        def digest(self) -> bytes:
            return self._value

    monkeypatch.setattr("crosszero.samples.seen.blake2b", Digest)
    seen = Seen(2)
    assert [seen.add(text) for text in ("a", "b", "ab", "a", "b", "ab", "")] == [True] * 3 + [
        False
    ] * 3 + [True]

"""The store: round trips, row groups, broken files."""

from __future__ import annotations

import json
import pickle
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import Span, WordPair
from crosszero.errors import ConfigError, DataError
from crosszero.samples import Sample, SampleStore, Summary, write_store
from crosszero.samples.store import collect
from tests.samples.helpers import sample

WORD = WordPair(Span(0, 2), Span(1, 3), 0.5)

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    source, target = draw(text), draw(text)

    def span(length: int) -> Span:
        start = draw(st.integers(0, length - 1))
        return Span(start, draw(st.integers(start + 1, length)))

    words = tuple(
        WordPair(span(len(source)), span(len(target)), draw(st.floats(0, 1, width=32)))
        for _ in range(draw(st.integers(0, 3)))
    )
    return Sample(
        source=source,
        target=target,
        source_language=draw(st.sampled_from(["en", "zh-CN", ""])),
        target_language=draw(st.sampled_from(["ar", "fr"])),
        origin=draw(text),
        group=draw(st.sampled_from(["", "g"])),
        words=words,
        finder=draw(st.sampled_from(["lexicon", "aligner"])),
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(samples(), max_size=12))
def test_round_trip(rows: list[Sample]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = collect(rows, Path(folder) / "store")
        assert list(store) == rows
        assert store.rows == len(store) == len(rows) == sum(store.row_groups)
        codes = {code for s in rows for code in (s.source_language, s.target_language)}
        assert store.languages == sorted(codes)


def test_plain_pyarrow_reads_it(tmp_path: Path) -> None:
    collect([sample("weather", "天气好", (WORD,)), sample("a", "b")], tmp_path / "store")
    table = pq.read_table(tmp_path / "store").to_pylist()
    assert table[0]["target"] == "天气好"
    assert table[0]["words"] == [
        {"source_start": 0, "source_end": 2, "target_start": 1, "target_end": 3, "score": 0.5}
    ]
    assert table[1]["words"] == []


def test_groups_are_never_cut(tmp_path: Path) -> None:
    rows = [sample(f"s{i}", "abc", (WORD,) * (i % 3), f"g{i // 7}") for i in range(200)]
    rows += [sample(f"t{i}", "abc") for i in range(30)]
    with write_store(tmp_path / "store", row_group=10, part=50, metadata={"note": 1}) as writer:
        for row in rows:
            writer.add(row)
    store = SampleStore.open(tmp_path / "store")
    assert len(list((tmp_path / "store").glob("*.parquet"))) > 2
    assert store.metadata["note"] == 1
    assert list(store) == rows
    homes: dict[str, set[int]] = {}
    for index in range(len(store.row_groups)):
        members = store.read_row_group(index)
        assert len(members) == store.row_groups[index]
        for row in members:
            if row.group:
                homes.setdefault(row.group, set()).add(index)
    assert all(len(home) == 1 for home in homes.values())
    assert all(10 <= size <= 16 for size in store.row_groups[:-1])
    copy = pickle.loads(pickle.dumps(store))
    assert list(copy.read_row_group(3)) == list(store.read_row_group(3))


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one = collect([sample("aa", "bbb", (WORD,))], tmp_path / "one")
    same = collect([sample("aa", "bbb", (WORD,))], tmp_path / "two")
    other = collect([sample("ab", "bbb", (WORD,))], tmp_path / "three")
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_an_error_leaves_the_old_store(tmp_path: Path) -> None:
    collect([sample("a", "b")], tmp_path / "store")

    def fail() -> None:
        with write_store(tmp_path / "store") as writer:
            writer.add(sample("c", "d"))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert [s.source for s in SampleStore.open(tmp_path / "store")] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("span", [Span(0, 0), Span(2, 1), Span(-1, 1), Span(0, 99)])
def test_spans_are_checked(tmp_path: Path, span: Span) -> None:
    bad = sample("word", "wort", (WordPair(span, Span(0, 1)),))
    with pytest.raises(ValueError, match="outside its texts"):
        collect([bad], tmp_path / "store")
    assert not list(tmp_path.iterdir())


def test_spans_are_checked_when_read(tmp_path: Path) -> None:
    store = collect([sample("word", "wort", (WORD,))], tmp_path / "store")
    file = tmp_path / "store" / "part-00000.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(0, "source", pa.array(["x"])), file)
    with pytest.raises(DataError, match="outside its texts"):
        list(SampleStore.open(store.path))


def test_broken_stores(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        SampleStore.open(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.parquet file"):
        SampleStore.open(tmp_path / "empty")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    pq.write_table(pa.table({"source": ["a"], "target": ["b"]}), foreign / "x.parquet")
    with pytest.raises(DataError, match=r"'source_language'.*is missing"):
        SampleStore.open(foreign)

    path = tmp_path / "store"
    collect([sample(f"abc{i}", "bcd", (WORD,)) for i in range(50)], path)
    file = path / "part-00000.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a complete Parquet file"):
        SampleStore.open(path)
    file.write_bytes(whole[:4] + b"\xff" * 300 + whole[304:])
    with pytest.raises(DataError):
        list(SampleStore.open(path))
    file.write_bytes(whole)

    metadata = path / "_metadata.json"
    record = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({**record, "schema_version": 0}))
    with pytest.raises(DataError, match="schema version 0"):
        SampleStore.open(path)
    metadata.write_text(json.dumps({**record, "rows": 99}))
    with pytest.raises(DataError, match="a file is missing"):
        SampleStore.open(path)
    for damage in ("{", "[]", "null", "[" * 100_000):
        metadata.write_text(damage)
        with pytest.raises(DataError, match=r"_metadata\.json: damaged .*; prepare it again"):
            SampleStore.open(path)
    for summary in ([], {"pairs_read": 1}, "x"):
        metadata.write_text(json.dumps({**record, "summary": summary}))
        assert Summary.of(SampleStore.open(path)) is None
    metadata.unlink()
    assert SampleStore.open(path).languages == ["en", "zh-CN"]


def test_old_schema_in_the_parquet_file(tmp_path: Path) -> None:
    store = collect([sample("a", "b")], tmp_path / "store")
    file = store.path / "part-00000.parquet"
    table = pq.read_table(file)
    meta = {b"crosszero.schema_version": b"7"}
    pq.write_table(table.replace_schema_metadata(meta), file)
    with pytest.raises(DataError, match="schema version 7"):
        SampleStore.open(store.path)


def _rewritten(folder: Path, column: str, value: str | None) -> SampleStore:
    store = collect([sample("abc", "bcd", (WORD,)), sample("efg", "fgh")], folder)
    file = folder / "part-00000.parquet"
    table = pq.read_table(file)
    place = table.column_names.index(column)
    kind = table.schema.field(column).type
    values = pa.array(["x" * 9, value], pa.string()).cast(kind)
    pq.write_table(table.set_column(place, table.schema.field(column), values), file)
    return SampleStore.open(store.path)


@pytest.mark.parametrize("column", ["source", "target", "source_language", "target_language"])
def test_a_text_that_is_null_is_told(tmp_path: Path, column: str) -> None:
    store = _rewritten(tmp_path / "store", column, None)
    with pytest.raises(DataError, match=f"column '{column}' is null in row 1"):
        list(store)


@pytest.mark.parametrize("column", ["group", "origin", "finder"])
def test_null_is_nothing_where_nothing_is_allowed(tmp_path: Path, column: str) -> None:
    store = _rewritten(tmp_path / "store", column, None)
    assert [getattr(s, column) for s in store] == ["x" * 9, ""]


def test_a_sample_holds_its_pair() -> None:
    case = sample("weather", "天气好", (WORD,), group="7")
    assert Sample.of(case.pair, case.words, case.finder) == case
    assert Sample.of(case.pair).words == ()


def test_language_pairs_with_and_without_metadata(tmp_path: Path) -> None:
    store = collect([sample("a", "b")], tmp_path / "store")
    assert store.language_pairs == ["en-zh-CN"]
    (store.path / "_metadata.json").unlink()
    assert SampleStore.open(store.path).language_pairs == ["en-zh-CN"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("names", [["c.tsv"], ["train.parquet"], ["_metadata.json"], ["sub/x"]])
def test_no_foreign_folder_is_replaced(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text("mine")
    before = _contents(tmp_path)
    with (
        pytest.raises(ConfigError, match="is not a store of samples; choose another --out"),
        write_store(tmp_path / "d"),
    ):
        pass
    assert _contents(tmp_path) == before


def test_a_store_with_a_foreign_file_is_not_replaced(tmp_path: Path) -> None:
    collect([sample("a", "b")], tmp_path / "d")
    (tmp_path / "d" / "notes.txt").write_text("mine")
    before = _contents(tmp_path)
    with pytest.raises(ConfigError, match="not a store of samples"):
        collect([sample("c", "d")], tmp_path / "d")
    assert _contents(tmp_path) == before


def test_no_file_is_replaced_and_empty_folders_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="not a store of samples"):
        collect([sample("a", "b")], tmp_path / "file")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    (tmp_path / "empty").mkdir()
    assert collect([sample("a", "b")], tmp_path / "empty").rows == 1
    assert collect([sample("c", "d")] * 2, tmp_path / "empty").rows == 2
    for bad in (".", "..", "/"):
        with pytest.raises(ConfigError, match="can't be replaced as a whole"), write_store(bad):
            pass


def test_a_column_name_that_is_no_text(tmp_path: Path) -> None:
    store = collect([sample("a", "b")], tmp_path / "store")
    file = store.path / "part-00000.parquet"
    table = pq.read_table(file).append_column("xxxx", pa.array([1])).replace_schema_metadata(None)
    pq.write_table(table, file, store_schema=False)
    file.write_bytes(file.read_bytes().replace(b"xxxx", b"x\xff\xfex"))
    with pytest.raises(DataError, match=r"is not a complete Parquet file .*utf-8"):
        SampleStore.open(store.path)

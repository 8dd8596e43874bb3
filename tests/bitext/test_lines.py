"""Lines: only a line feed ends one; every error names its line; the memory stays constant."""

from __future__ import annotations

import gzip
import logging
import tracemalloc
import unicodedata
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.bitext import SkipLog, read_bitext
from crosszero.bitext.decoding import BadText
from crosszero.bitext.formats.multiway import read_parallel
from crosszero.bitext.lines import MAX_LINE, read_lines, require_texts, split_words
from crosszero.errors import DataError

# Characters that str.splitlines, text mode or a careless strip would take for something else.
TRICKY = "\u2028\u2029\x85\x0c\x0b\x1c\x1d\x1e\r\ufeff\u00a0é\U0001f600 a\t"
LINES = st.lists(
    st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"])).map(
        lambda text: text.replace("\n", "").replace("\0", "").rstrip("\r")
    ),
    min_size=1,
)


@settings(deadline=None, max_examples=100)
@given(lines=LINES, packed=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_any_lines_come_back_as_they_were_written(tmp_path_factory, lines, packed, end):
    path = tmp_path_factory.getbasetemp() / "any-lines.en"
    # With a mark, so that a first line that itself starts with U+FEFF keeps it.
    data = b"\xef\xbb\xbf" + "".join(line + end for line in lines).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    assert list(read_lines(path)) == lines


def test_tricky_characters_do_not_shift_the_alignment(tmp_path):
    inner = "one\u2028two\x85three\x0cfour\rfive"
    (tmp_path / "x.en").write_bytes(f"{inner}\nsecond\n".encode())
    (tmp_path / "x.fr").write_bytes(b"un\ndeux\n")
    pairs = list(read_bitext(tmp_path / "x"))
    assert [(p.source, p.target) for p in pairs] == [(inner, "un"), ("second", "deux")]


def test_a_last_line_without_line_feed_counts(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntwo")
    assert list(read_lines(tmp_path / "a")) == ["one", "two"]


def test_a_bad_line_takes_its_place_and_the_next_is_read(tmp_path):
    long = b"x" * (MAX_LINE + 5)
    (tmp_path / "a").write_bytes(b"one\nf\xe9e\n" + long + b"\na\0b\nfive\n")
    lines = list(read_lines(tmp_path / "a"))
    reasons = [line.reason if isinstance(line, BadText) else line for line in lines]
    assert reasons == ["one", "not UTF-8", "line too long", "NUL byte", "five"]


def test_lines_may_be_longer_where_the_reader_says_so(tmp_path):
    rows = [b"a" * 15, b"x" * 25, b"b" * 19]
    (tmp_path / "a").write_bytes(b"\n".join(rows))
    lines = [
        x.message if isinstance(x, BadText) else x for x in read_lines(tmp_path / "a", longest=20)
    ]
    assert lines[::2] == ["a" * 15, "b" * 19]
    assert "longer than 20 bytes" in lines[1]


PACKED = gzip.compress(b"a line\n" * 9000, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PACKED[:-9], "the gzip data is truncated"),
        (PACKED[:10], "the gzip data is truncated"),
        (PACKED[:20] + b"\xff" * 40, "the gzip data is damaged"),
        (PACKED[:-8] + b"\0" * 8, "the gzip data is damaged"),  # the check sum
        (PACKED + b"no gzip", "the gzip data is damaged"),
        (b"\x1f\x8b\x07" + PACKED[3:], "the gzip data is damaged"),  # an unknown method
        (b"\x1f\x8b", "the gzip data is truncated"),
        (b"", "is empty"),
        (b"\xff\xfea\0", "is UTF-16"),
    ],
)
def test_files_that_can_not_be_read_are_told_by_name(tmp_path, content, message):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_lines(tmp_path / "a.gz"))
    assert str(caught.value).startswith(str(tmp_path / "a.gz"))


@pytest.mark.parametrize("name", ["", "missing"])
def test_no_file(tmp_path, name):
    with pytest.raises(DataError, match="can't be read"):
        next(read_lines(tmp_path / name))


def test_unequal_counts_are_told_where_the_shorter_ends(tmp_path):
    (tmp_path / "a.en").write_text("x\n" * 10)
    (tmp_path / "a.fr").write_text("x\n" * 8)
    (tmp_path / "a.ru").write_text("x\n" * 10)
    paths = [tmp_path / f"a.{code}" for code in ("en", "fr", "ru")]
    rows = read_parallel(paths)
    assert sum(1 for _ in zip(range(8), rows, strict=False)) == 8
    with pytest.raises(DataError) as caught:
        next(rows)
    assert str(caught.value).startswith(
        f"{paths[1]}:8: ends after line 8, but {paths[0]} has 10, {paths[2]} has 10:"
    )


def test_unequal_counts_can_not_be_skipped(tmp_path):
    (tmp_path / "a.en").write_text("x\n" * 3)
    (tmp_path / "a.fr").write_text("x\n" * 2)
    with pytest.raises(DataError, match="ends after line 2"):
        list(read_bitext(tmp_path / "a", skip_log=SkipLog()))


SPACES = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Zs"]
NUMBERS = "\u00a0\u2007\u202f"  # stand inside numbers


@pytest.mark.parametrize("space", SPACES, ids=[f"U+{ord(space):04X}" for space in SPACES])
def test_every_space_but_those_of_numbers_separates_words(space):
    words = ["今天", "天气", "很", "好"]
    line = f"{space}{space.join(words[:2])}{space}{space.join(['', *words[2:]])}{space}"
    assert split_words(line) == ([line] if space in NUMBERS else words)
    assert split_words(space * 2) == ([space * 2] if space in NUMBERS else [])


@pytest.mark.parametrize("empty", ["", " ", "\t\r", "\u3000", "\u200b\ufeff"])
def test_a_line_without_text_keeps_its_number_and_is_counted(tmp_path, caplog, empty):
    path = tmp_path / "a.zh"
    path.write_text(f"今天\n{empty}\n好\n{empty}\n", encoding="utf-8", newline="")
    with caplog.at_level(logging.WARNING):
        found = list(require_texts(path, strict=False, outcome="left out"))
    assert found == ["今天", "", "好", ""]
    assert caplog.messages == [
        f"{path}:2: 2 lines are empty, this is the first: left out; --strict refuses them"
    ]
    with pytest.raises(DataError, match=r"a\.zh:2: the line is empty"):
        list(require_texts(path, strict=True, outcome="left out"))


def test_memory_stays_constant(tmp_path):
    count = 200_000
    path = tmp_path / "big.en-fr.tsv.gz"
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
        file.writelines(f"sentence {number}\tphrase {number}\n" for number in range(count))
    pairs = read_bitext(path)
    before = count - 20_000  # tracing is slow; what 20,000 lines do not add, no number adds
    assert sum(1 for _ in islice(pairs, before)) == before
    tracemalloc.start()
    try:
        read = before + sum(1 for _ in pairs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == count
    assert peak < 300_000  # the text of these lines alone is 600 kB

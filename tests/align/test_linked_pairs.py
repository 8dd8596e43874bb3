"""Linked pairs are read as they were written, or refused with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crosszero.align.link_reader import read_links
from crosszero.align.link_writer import spell_links
from crosszero.align.linked_pairs import read_linked
from crosszero.align.spans import LinkedPair, ScoredLink, from_words
from crosszero.bitext.lines import MAX_LINE
from crosszero.errors import DataError
from crosszero.projection.linking import attach_links
from tests.viewer.conftest import ROWS, make_row


def test_rows_come_back(tmp_path: Path) -> None:
    links = tmp_path / "links.jsonl"
    links.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    found = [json.loads(spell_links(*pair, "jsonl")) for pair in read_linked(links)]
    assert found == ROWS


def test_what_align_writes_of_a_long_text_is_read_by_all(tmp_path: Path) -> None:
    text = from_words(["word"] * 60_000)
    path = tmp_path / "long.jsonl"
    path.write_text(spell_links(text, text, [ScoredLink(0, 1, 0.5)], "jsonl"), "utf-8")
    assert path.stat().st_size > MAX_LINE
    [pair] = read_linked(path)
    [attached] = attach_links([(text.text, text.text)], path)
    assert pair.links == attached.links == [(0, 1, 0.5)]
    assert read_links(path).rows[0].sure == {(0, 1)}


def test_pharaoh_with_its_texts(tmp_path: Path) -> None:
    for name, text in {
        "links": "0-0 1-1:0.25\n\n2p0\n", "en": "a  red house\n\na b c\n", "de": "ein Haus\n\nx\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    first, empty, last = read_linked(tmp_path / "links", [tmp_path / "en", tmp_path / "de"])
    assert first.source == from_words(["a", "red", "house"])
    assert first.links == [(0, 0, 1.0), (1, 1, 0.25)]
    assert empty == (from_words([]), from_words([]), [])
    assert last.links == [(2, 0, 1.0)]


GOOD = make_row("a b", "c", [[0, 0, 0.5]])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"links": None}, "not a link"),
        ({"links": [[0]]}, "not a link"),
        ({"links": [[0, 1, 0.5]]}, "1 target words, counted from 0"),
        ({"links": [[-1, 0, 0.5]]}, "not a link"),
        ({"links": [[True, 0, 0.5]]}, "not a link"),
        ({"links": [[0, 0, 1.5]]}, "0 to 1"),
        ({"links": [[0, 0, float("nan")]]}, "0 to 1"),
        ({"links": [[0, 0, "x"]]}, "0 to 1"),
        ({"source": 7}, "not a text"),
        ({"source": "\ud800 b"}, "surrogate"),
        ({"source_words": [["a", 0, 2]]}, "not a word of the text"),
        ({"source_words": [["a", 0]]}, "not a word of the text"),
        ({"source_words": [["a", 0, 1], ["b", 2, 99]]}, "not a word of the text"),
        ({"source_words": [["", 0, 0]]}, "not a word of the text"),
        ({"source_words": [["b", 2, 3], ["a", 0, 1]]}, "order"),
        ({"target_words": 3}, "not a word of the text"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = tmp_path / "links.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD | change)}\n")
    with pytest.raises(DataError, match=says) as caught:
        list(read_linked(path))
    assert caught.value.line == 2


@pytest.mark.parametrize("line", ["[]", "{", "{}", "0-0 1-1", "[" * 100_000, '{"source": "a"}'])
def test_a_line_that_is_no_row(line: str, tmp_path: Path) -> None:
    path = tmp_path / "links.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(DataError, match="crosszero align --format jsonl"):
        list(read_linked(path))


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("0:0", "not a link"),
        ("5-0", "counted from 0"),
        ("0-0:x", "not a link"),
        ("0-0:1.5", "0 to 1"),
        ("0-0:-", "not a link"),
    ],
)
def test_a_bad_link_of_pharaoh(link: str, says: str, tmp_path: Path) -> None:
    for name, text in {"links": link, "en": "a b", "de": "c d"}.items():
        (tmp_path / name).write_text(f"{text}\n")
    with pytest.raises(DataError, match=says):
        list(read_linked(tmp_path / "links", [tmp_path / "en", tmp_path / "de"]))


@pytest.fixture
def ten(tmp_path: Path) -> list[Path]:
    """Links that count from 1, beside texts of which the last words are not linked."""
    for name, line in {"links": "1-1 2-2", "en": "a b c", "de": "x y z"}.items():
        (tmp_path / name).write_text(f"{line}\n" * 12)
    return [tmp_path / name for name in ("links", "en", "de")]


@pytest.mark.parametrize("reader", ["view", "project"])
def test_links_that_count_from_1_are_not_read_as_from_0(
    ten: list[Path], reader: str, caplog: pytest.LogCaptureFixture
) -> None:
    links, *texts = ten

    def read(base: int | None = None) -> list[LinkedPair]:
        if reader == "view":
            return list(read_linked(links, texts, base=base))
        rows = zip(*(path.read_text().splitlines() for path in texts), strict=True)
        return list(attach_links(rows, links, base))

    with pytest.raises(DataError, match="seem to count from 1: give --base 1") as caught:
        read()
    assert caught.value.line == 10
    assert [pair.links for pair in read(1)] == [[(0, 0, 1.0), (1, 1, 1.0)]] * 12
    assert [pair.links for pair in read(0)] == [[(1, 1, 1.0), (2, 2, 1.0)]] * 12
    for path in ten:
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    assert not caplog.messages
    assert read()[0].links == [(1, 1, 1.0), (2, 2, 1.0)]
    assert "no index is 0; words are taken to count from 0" in caplog.text
    links.write_text("0-1\n" + links.read_text().partition("\n")[2])
    assert len(read()) == 3
    with pytest.raises(DataError, match="has an index 0, but --base 1 was given"):
        read(1)


def test_the_first_pairs_alone_are_not_read_as_from_0(
    ten: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    links, *texts = ten
    with pytest.raises(DataError, match="seem to count from 1: give --base 1"):
        next(read_linked(links, texts))
    assert next(read_linked(links, texts, base=1)).links == [(0, 0, 1.0), (1, 1, 1.0)]
    for path in ten:
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    assert not caplog.messages
    assert next(read_linked(links, texts)).links == [(1, 1, 1.0), (2, 2, 1.0)]
    assert "no index is 0; words are taken to count from 0" in caplog.text


def test_a_possible_link_carries_nothing(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("0-0 1p1\n")
    with pytest.raises(DataError, match="1p1 is a possible link"):
        list(attach_links([("a b", "c d")], tmp_path / "links"))

"""Links to files and back: all formats, NULL, bases."""

import json

import pytest

from crosszero.align.link_reader import read_links
from crosszero.align.link_writer import count_links, spell_links
from crosszero.align.spans import GoldLinks, ScoredLink, from_words
from crosszero.errors import ConfigError, DataError

SOURCE, TARGET = from_words(["ein", "Haus"]), from_words(["house"])
LINKS = [ScoredLink(0, 0, 0.25), ScoredLink(1, 0, 0.98)]


def sure(*links):
    return GoldLinks(sure=frozenset(links))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "links"
    for kind in ("pharaoh", "scores", "jsonl"):
        line = spell_links(SOURCE, TARGET, LINKS, kind)
        path.write_text(f"{line}\n{spell_links(SOURCE, TARGET, [], kind)}\n")
        found = read_links(path)
        assert found.rows == (sure((0, 0), (1, 0)), sure())
        assert (found.base, found.null) == (0, 0)
        assert [count_links(row, kind) for row in path.read_text().splitlines()] == [2, 0]
    row = json.loads(line)
    assert row["links"] == [[0, 0, 0.25], [1, 0, 0.98]]
    assert [row["source"][a:b] for _, a, b in row["source_words"]] == ["ein", "Haus"]


def test_wpt_files_count_from_one_and_have_null(tmp_path):
    path = tmp_path / "wpt"
    path.write_text("0001 1 1 S\n0001 2 0 S\n0001 2 3 P\n0003 0 1\n0003 1 2\n")
    found = read_links(path)
    first = GoldLinks(sure=frozenset({(0, 0)}), possible=frozenset({(1, 2)}))
    assert found.rows == (first, sure(), sure((0, 1)))
    assert (found.base, found.null) == (1, 2)
    assert len(found.fill(5)) == 5


def test_wpt_lines_that_count_from_zero_have_no_null(tmp_path):
    path = tmp_path / "wpt"
    path.write_text("1 0 0\n1 1 2 P\n")
    found = read_links(path, base=0)
    assert (found.rows, found.base, found.null) == (
        (GoldLinks(sure=frozenset({(0, 0)}), possible=frozenset({(1, 2)})),), 0, 0,
    )  # fmt: skip
    assert read_links(path, base=0, lengths=[(2, 3)]).rows == found.rows
    with pytest.raises(DataError, match="points past the last word, but base=0"):
        read_links(path, base=0, lengths=[(2, 2)])


def test_jsonl_counts_from_zero(tmp_path):
    path = tmp_path / "links"
    path.write_text('{"links": [[1, 1], [2, 2, 0.5]]}\n\n')
    for base in (None, 0):
        assert read_links(path, base=base).rows == (sure((1, 1), (2, 2)), sure())
    with pytest.raises(ConfigError, match="base=1 was given, but JSONL counts words from 0"):
        read_links(path, base=1)


def test_texts_beside_the_links_tell_the_base(tmp_path):
    path = tmp_path / "links"
    path.write_text("the house\tla maison\t1-1 2-2\n")
    assert read_links(path).base == 1
    path.write_text("the old house\tla vieille maison\t1-1\n")
    with pytest.raises(ConfigError, match="too few to tell"):
        read_links(path)
    assert read_links(path, base=0).rows == (sure((1, 1)),)


def test_links_that_stand_beside_their_texts(tmp_path):
    path = tmp_path / "test.tsv"  # as XL-WA's, with empty columns behind the third
    path.write_text("The house .\tDas Haus .\t0-0 1-1\t\t\n\n1-1 x\tb\n2 3\tb\t0-0 1-0\n")
    assert read_links(path).rows == (sure((0, 0), (1, 1)), sure(), sure(), sure((0, 0), (1, 0)))
    path.write_text("a\tb\t0-0\nc\n")
    with pytest.raises(DataError, match=r"test.tsv:2: .*source TAB target TAB links"):
        read_links(path)
    path.write_text("0-0\t1-1\t2-2\n")  # tabs between links
    assert read_links(path).rows == (sure((0, 0), (1, 1), (2, 2)),)


def test_the_base_is_found(tmp_path):
    path = tmp_path / "links"
    path.write_text("1-1 2p2\n" * 10)
    assert read_links(path).base == 1
    assert read_links(path).rows[0].possible == {(1, 1)}
    path.write_text("1-1 2?2\n" * 9 + "3-0\n")
    assert read_links(path).base == 0
    path.write_text("1-1\n\n")
    with pytest.raises(ConfigError, match="too few to tell"):
        read_links(path)
    assert read_links(path, base=1).rows == (sure((0, 0)), sure())
    path.write_text("\n\n")
    assert read_links(path).rows == (sure(), sure())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-0\n1:1\n", ":2: '1:1' is not a link"),
        ("0001 1 1\n1-1\n", ":2: is not a line"),
        ('{"links": [[0]]}\n', ':1: [0] is not a link: {"links"'),
        ('{"links": [[0, 0]]}\n{"links": [[0.9, 1.9]]}\n', ":2: [0.9, 1.9] is not a link"),
        ('{"links": ["12", "34"]}\n', ":1: '12' is not a link"),
        ('{"links": [[true, false]]}\n', ":1: [True, False] is not a link"),
        ('{"links": [[1e999, 0]]}\n', ":1: [inf, 0] is not a link"),
        ('{"links": [[0, -1]]}\n', ":1: [0, -1] is not a link"),
        ('{"links": null}\n', ":1: None is not a link"),
        ("[[0, 0]]\n", ":1: '[[0,' is not a link"),
        ('{"links": []}\n[]\n', ':2: is not {"links"'),
        # Links lie inside the texts that stand beside them.
        ("a b\tc d\t0-0\nthe house\tla maison\t0-0 57-99\n", ":2: link 57-99 points outside"),
        ("the house\tla maison\t0-0 1-2\n", ":1: link 1-2 contradicts line 1: an index 0"),
        (spell_links(SOURCE, TARGET, [ScoredLink(0, 1, 0.5)], "jsonl"), ":1: link 0-1 points past"),
        (spell_links(SOURCE, TARGET, [ScoredLink(9, 0, 0.5)], "jsonl"), ":1: link 9-0 points out"),
    ],
)
def test_lines_that_are_no_links(tmp_path, text, message):
    path = tmp_path / "links"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_links(path)
    assert message in str(caught.value)
    with pytest.raises(DataError, match="below 1"):
        path.write_text("0-1\n")
        read_links(path, base=1)

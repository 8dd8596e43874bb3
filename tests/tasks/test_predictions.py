"""Files in XTREME's submission format: as the format says when written, the same when read."""

from __future__ import annotations

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.bucc import read_pairs
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.prediction_files import name_file, read_numbers, write_lines
from tests.tasks.helpers import find_fine_tuned

TAGS = [("DET", "NOUN"), ("X",)]


def test_labels(tmp_path):
    for task, labels in (("xnli", ["neutral", "entailment"]), ("pawsx", ["1", "0"])):
        path = find_fine_tuned(task).write(tmp_path, "fr", labels)
        assert path == tmp_path / task / "test-fr.tsv"
        assert path.read_bytes() == ("\n".join(labels) + "\n").encode()
        assert find_task(task).read_labels(tmp_path, "fr") == labels


def test_tags(tmp_path):
    udpos = find_fine_tuned("udpos")
    path = udpos.write(tmp_path, "fr", TAGS)
    assert path.read_bytes() == b"DET\nNOUN\n\nX\n\n"
    assert udpos.read_labels(tmp_path, "fr") == TAGS
    path.write_bytes(b"DET\r\nNOUN\r\n\r\nX")
    assert udpos.read_labels(tmp_path, "fr") == TAGS
    find_fine_tuned("panx").write(tmp_path, "fr", [["I-LOC", "O"]])
    assert find_task("panx").read_labels(tmp_path, "fr") == [("I-LOC", "O")]


def test_numbers(tmp_path):
    path = write_lines(name_file(tmp_path, "tatoeba", "fr"), [2, -1, 0])
    assert path.read_bytes() == b"2\n-1\n0\n"
    assert read_numbers(path, 3, 3, unit="lines", unanswered=True) == [2, -1, 0]


def test_pairs_of_ids(tmp_path):
    path = write_lines(tmp_path / "test-zh.tsv", ["zh-1\ten-2", "en-3\tzh-2", "zh-1\ten-2"])
    assert read_pairs(path, "zh") == {("zh-1", "en-2"), ("zh-2", "en-3")}  # in either order
    path.write_bytes(b"zh-1\ten-2\r\nzh-1\ten-2\r\n")
    assert read_pairs(path, "zh") == {("zh-1", "en-2")}
    path.write_bytes(b"")
    assert read_pairs(path, "zh", empty=True) == set()
    with pytest.raises(DataError, match="is empty"):
        read_pairs(path, "zh")


@pytest.mark.parametrize(
    ("task", "found", "message"),
    [
        ("xnli", ["neutral", "yes"], "fr.tsv:2: 'yes' is not a label"),
        ("xnli", [], "nothing to write"),
        ("udpos", [["DET", "NOUN"], ["B-LOC"]], "fr.tsv:4: 'B-LOC' is not"),
        ("panx", [["O"], []], "fr.tsv:3: a sentence without words"),
        ("panx", [], "nothing to write"),
    ],
)
def test_nothing_bad_is_written(tmp_path, task, found, message):
    with pytest.raises(DataError, match=message):
        find_fine_tuned(task).write(tmp_path, "fr", found)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("xnli", b"neutral\n\nneutral\n", "xx.tsv:2: the line is empty"),
        ("xnli", b"neutral\nNeutral\n", "xx.tsv:2: 'Neutral' is not a label"),
        ("xnli", b"a\tb\tneutral\n", "xx.tsv:1: .* is not a label"),
        ("pawsx", b"", "xx.tsv:1: is empty"),
        ("pawsx", b"0\n\xff\xfe\n", "xx.tsv:2: .* not UTF-8"),
        ("udpos", b"DET\n\n\nX\n", "xx.tsv:3: the line is empty where"),
        ("udpos", b"DET\n\nCONJ\n", "xx.tsv:3: 'CONJ' is not a label"),
        ("panx", b"Rome\tB-LOC\n", "xx.tsv:1: .* is not a label"),
        ("tatoeba", b"1\n2\n", "xx.tsv:2: 2 is out of range"),
        ("tatoeba", b"0\n01\n", "xx.tsv:2: a line number is needed, not '01'"),
        ("tatoeba", "0\n\u0661\n".encode(), "xx.tsv:2: a line number is needed"),
        ("tatoeba", b"0\n\n", "xx.tsv:2: the line is empty"),
        ("tatoeba", b"0\n" + b"9" * 5000, "xx.tsv:2: a line number is needed"),
        ("gold tatoeba", b"0\n-1\n", "xx.tsv:2: a line number .* not '-1'"),
        ("gold tatoeba", b"0\n0\n", "xx.tsv:2: 0 is already on line 1"),
        ("bucc2018", b"xx-1 en-1\n", "xx.tsv:1: two ids with a tab"),
        ("bucc2018", b"xx-1\ten-1\nxx-1\ten-2\t1.3\n", "xx.tsv:2: two ids with a tab"),
        ("bucc2018", b"fr-1\ten-1\n", "xx.tsv:1: 'fr-1' is not the id"),
        ("bucc2018", b"xx-1\ten-1\n\n", "xx.tsv:2: the line is empty"),
        ("bucc2018", b"xx-1\t\n", "xx.tsv:1: two ids with a tab"),
        ("bucc2018", b"xx-1\ten-\0\n", "xx.tsv:1: there is a NUL byte"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    gold = name.startswith("gold ")
    name = name.removeprefix("gold ")
    path = tmp_path / name / "test-xx.tsv"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        if name == "tatoeba" and not gold:
            read_numbers(path, None, None, unit="lines", unanswered=True)
        else:
            find_task(name).read_labels(tmp_path, "xx")


def test_bad_names(tmp_path):
    with pytest.raises(ConfigError, match="not a language code"):
        name_file(tmp_path, "tatoeba", "../fr")
    with pytest.raises(ConfigError, match="its gold is not a file of labels"):
        find_task("word-alignment").read_labels(tmp_path, "de-en")

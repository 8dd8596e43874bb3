"""Files in XTREME's submission format: as the format says when written, the same when read."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.predictions import (
    read_labels,
    read_links,
    read_places,
    read_tags,
    write_labels,
    write_links,
    write_places,
    write_tags,
)

read_gold_places = partial(read_places, gold=True)
TAGS = [("DET", "NOUN"), ("X",)]
LINKS = [("zh-000000002", "en-000000001"), ("zh-000000001", "en-000000009")]


def test_labels(tmp_path):
    for task, labels in (("xnli", ["neutral", "entailment"]), ("pawsx", ["1", "0"])):
        path = write_labels(tmp_path, task, "fr", labels)
        assert path == tmp_path / task / "test-fr.tsv"
        assert path.read_bytes() == ("\n".join(labels) + "\n").encode()
        assert read_labels(tmp_path, task, "fr") == labels


def test_tags(tmp_path):
    path = write_tags(tmp_path, "udpos", "fr", TAGS)
    assert path.read_bytes() == b"DET\nNOUN\n\nX\n\n"
    assert read_tags(tmp_path, "udpos", "fr") == TAGS
    path.write_bytes(b"DET\r\nNOUN\r\n\r\nX")
    assert read_tags(tmp_path, "udpos", "fr") == TAGS
    write_tags(tmp_path, "panx", "fr", [["I-LOC", "O"]])
    assert read_tags(tmp_path, "panx", "fr") == [("I-LOC", "O")]


def test_places(tmp_path):
    path = write_places(tmp_path, "fr", np.array([2, -1, 0]))
    assert path.read_bytes() == b"2\n-1\n0\n"
    assert read_places(tmp_path, "fr") == [2, -1, 0]


def test_links(tmp_path):
    path = write_links(tmp_path, "zh", [*LINKS, LINKS[0]])
    assert path.read_bytes() == b"zh-000000001\ten-000000009\nzh-000000002\ten-000000001\n"
    assert read_links(tmp_path, "zh") == set(LINKS)
    path.write_bytes(b"zh-1\ten-2\r\nzh-1\ten-2\r\n")
    assert read_links(tmp_path, "zh") == {("zh-1", "en-2")}


def test_no_link_found(tmp_path):
    path = write_links(tmp_path, "zh", [])
    assert path.read_bytes() == b""
    assert read_links(tmp_path, "zh", empty=True) == set()
    with pytest.raises(DataError, match="is empty"):
        read_links(tmp_path, "zh")


@pytest.mark.parametrize(
    ("write", "arguments", "message"),
    [
        (write_labels, ("xnli", "fr", ["neutral", "yes"]), "fr.tsv:2: 'yes' is not a label"),
        (write_labels, ("xnli", "fr", []), "nothing to write"),
        (write_tags, ("udpos", "fr", [["DET", "NOUN"], ["B-LOC"]]), "fr.tsv:4: 'B-LOC' is not"),
        (write_tags, ("panx", "fr", [["O"], []]), "fr.tsv:3: a sentence without words"),
        (write_tags, ("panx", "fr", []), "nothing to write"),
        (write_places, ("fr", [0, 2]), "fr.tsv:2: 2 is out of range"),
        (write_places, ("fr", [-2]), "fr.tsv:1: a line number is needed, not '-2'"),
        (write_places, ("fr", []), "nothing to write"),
        (write_links, ("zh", [("en-1", "zh-2")]), "'en-1' is not the id of a sentence: zh-"),
    ],
)
def test_nothing_bad_is_written(tmp_path, write, arguments, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path, *arguments)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("read", "name", "content", "message"),
    [
        (read_labels, "xnli", b"neutral\n\nneutral\n", "xx.tsv:2: the line is empty"),
        (read_labels, "xnli", b"neutral\nNeutral\n", "xx.tsv:2: 'Neutral' is not a label"),
        (read_labels, "xnli", b"a\tb\tneutral\n", "xx.tsv:1: .* is not a label"),
        (read_labels, "pawsx", b"", "xx.tsv:1: is empty"),
        (read_labels, "pawsx", b"0\n\xff\xfe\n", "xx.tsv:2: .* not UTF-8"),
        (read_tags, "udpos", b"DET\n\n\nX\n", "xx.tsv:3: the line is empty where"),
        (read_tags, "udpos", b"DET\n\nCONJ\n", "xx.tsv:3: 'CONJ' is not a label"),
        (read_tags, "panx", b"Rome\tB-LOC\n", "xx.tsv:1: .* is not a label"),
        (read_places, "tatoeba", b"1\n2\n", "xx.tsv:2: 2 is out of range"),
        (read_places, "tatoeba", b"0\n01\n", "xx.tsv:2: a line number is needed, not '01'"),
        (read_places, "tatoeba", "0\n\u0661\n".encode(), "xx.tsv:2: a line number is needed"),
        (read_places, "tatoeba", b"0\n\n", "xx.tsv:2: the line is empty"),
        (read_places, "tatoeba", b"0\n" + b"9" * 5000, "xx.tsv:2: a line number is needed"),
        (read_gold_places, "tatoeba", b"0\n-1\n", "xx.tsv:2: a line number .* not '-1'"),
        (read_gold_places, "tatoeba", b"0\n0\n", "xx.tsv:2: 0 stands on line 1 already"),
        (read_links, "bucc2018", b"xx-1 en-1\n", "xx.tsv:1: two ids .* 1 columns"),
        (read_links, "bucc2018", b"xx-1\ten-1\nxx-1\ten-2\t1.3\n", "xx.tsv:2: .* 3 columns"),
        (read_links, "bucc2018", b"en-1\txx-1\n", "xx.tsv:1: 'en-1' is not the id"),
        (read_links, "bucc2018", b"xx-1\ten-1\n\n", "xx.tsv:2: .* 1 columns"),
        (read_links, "bucc2018", b"xx-1\t\n", "xx.tsv:1: '' is not the id"),
        (read_links, "bucc2018", b"xx-1\ten-\0\n", "xx.tsv:1: there is a NUL byte"),
    ],
)
def test_bad_files(tmp_path, read, name, content, message):
    path = tmp_path / name / "test-xx.tsv"
    path.parent.mkdir()
    path.write_bytes(content)
    arguments = (name, "xx") if read in (read_labels, read_tags) else ("xx",)
    with pytest.raises(DataError, match=message):
        read(tmp_path, *arguments)


def test_each_task_has_its_kind(tmp_path):
    for call in (
        lambda: write_labels(tmp_path, "udpos", "fr", ["DET"]),
        lambda: read_labels(tmp_path, "tatoeba", "fr"),
        lambda: write_tags(tmp_path, "xnli", "fr", [["neutral"]]),
        lambda: read_tags(tmp_path, "bucc2018", "fr"),
    ):
        with pytest.raises(ConfigError, match="is not a task that is possible here"):
            call()
    with pytest.raises(ConfigError, match="not a language code"):
        write_places(tmp_path, "../fr", [0])

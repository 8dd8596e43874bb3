"""The data files of four tasks, whole and broken."""

from __future__ import annotations

import csv

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.prediction_files import list_languages
from tests.tasks.helpers import read

TRAIN = ["A man eats.\tSomeone eats.\tentailment", "It rains.\tIt is dry.\tcontradiction"]
TEST = ["Il dort.\tIl mange.", "Il dort.\tQuelqu'un dort.", "Bon.\t"]
TAGGED = ["A\tDET", "cat\tNOUN", "", "Yes\tINTJ", ""]


def write(path, lines, *, ending="\n", start=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(start + "".join(line + ending for line in lines).encode())
    return path


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "xnli/train-en.tsv", TRAIN)
    write(tmp_path / "xnli/test-fr.tsv", TEST)
    write(tmp_path / "labels/xnli/test-fr.tsv", ["contradiction", "entailment", "neutral"])
    write(tmp_path / "udpos/train-en.tsv", TAGGED)
    write(tmp_path / "udpos/test-fr.tsv", ["Un", "chat", "", "10\u00a0000", "euros", ""])
    write(tmp_path / "labels/udpos/test-fr.tsv", ["DET", "NOUN", "", "NUM", "NOUN", ""])
    return tmp_path


def check(error, path, line, message):
    assert (error.value.path, error.value.line) == (str(path), line), str(error.value)
    assert message in str(error.value)


def test_pairs(data):
    assert read(data, "xnli", "train", "en") == [
        SentencePairExample("A man eats.", "Someone eats.", "entailment"),
        SentencePairExample("It rains.", "It is dry.", "contradiction"),
    ]
    bare = read(data, "xnli", "test", "fr")
    assert [e.label for e in bare] == ["", "", ""]
    assert bare[2] == SentencePairExample("Bon.", "")  # XTREME keeps an empty sentence
    gold = read(data, "xnli", "test", "fr", gold=True)
    assert [e.label for e in gold] == ["contradiction", "entailment", "neutral"]
    assert [(e.first, e.second) for e in gold] == [(e.first, e.second) for e in bare]


def test_pairs_as_csv_wrote_them(tmp_path):
    """csv ends lines in CRLF and doubles quotation marks; XTREME does not undo the latter."""
    path = tmp_path / "pawsx/dev-fr.tsv"
    path.parent.mkdir()
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t").writerow(['dit "oui" .', "dit oui\u2028.", "1"])
    (row,) = read(tmp_path, "pawsx", "dev", "fr")
    assert row == SentencePairExample('"dit ""oui"" ."', "dit oui\u2028.", "1")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_and_marks(data, ending, start):
    write(data / "xnli/train-en.tsv", TRAIN, ending=ending, start=start)
    assert read(data, "xnli", "train", "en")[1].label == "contradiction"
    write(data / "udpos/train-en.tsv", TAGGED, ending=ending, start=start)
    assert read(data, "udpos", "train", "en")[0] == TaggedSentence(("A", "cat"), ("DET", "NOUN"))


def test_tagged(data):
    assert read(data, "udpos", "train", "en") == [
        TaggedSentence(("A", "cat"), ("DET", "NOUN")),
        TaggedSentence(("Yes",), ("INTJ",)),
    ]
    words = [("Un", "chat"), ("10\u00a0000", "euros")]
    assert read(data, "udpos", "test", "fr") == [TaggedSentence(w) for w in words]
    gold = read(data, "udpos", "test", "fr", gold=True)
    assert [s.words for s in gold] == words
    assert [s.tags for s in gold] == [("DET", "NOUN"), ("NUM", "NOUN")]


@pytest.mark.parametrize("lines", [TAGGED[:-1], [*TAGGED, ""]])
def test_end_of_tagged_file(data, lines):
    write(data / "udpos/train-en.tsv", lines)
    assert len(read(data, "udpos", "train", "en")) == 2


def test_panx_has_tags_of_its_own(data):
    path = write(data / "panx/dev-en.tsv", ["#\tO", "Rome\tI-LOC", "a b\tO"])
    assert read(data, "panx", "dev", "en")[0].words == ("#", "Rome", "a b")
    write(path, ["Rome\tB-LOC", "", "x\tB-MISC"])
    with pytest.raises(DataError) as error:
        read(data, "panx", "dev", "en")
    check(error, path, 3, "'B-MISC' is not a label of panx")


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ([TRAIN[0], "one\ttwo"], 2, "2 columns found; 3, separated by tabs, are needed"),
        ([TRAIN[0], TRAIN[1] + "\tx"], 2, "4 columns found"),
        ([TRAIN[0], "", TRAIN[1]], 2, "1 columns found"),
        ([TRAIN[0], "a\tb\tcontradictory"], 2, "did you mean 'contradiction'"),
        (["a\tb\tneutral "], 1, "'neutral ' is not a label of xnli"),
        (["a\tb\t"], 1, "'' is not a label"),
        (["a\0\tb\tneutral"], 1, "NUL byte"),
        ([], 1, "is empty"),
    ],
)
def test_bad_pairs(data, lines, line, message):
    path = write(data / "xnli/train-en.tsv", lines)
    with pytest.raises(DataError) as error:
        read(data, "xnli", "train", "en")
    check(error, path, line, message)


def test_test_files_have_no_labels(data):
    path = write(data / "xnli/test-fr.tsv", TRAIN)
    with pytest.raises(DataError) as error:
        read(data, "xnli", "test", "fr")
    check(error, path, 1, "3 columns found; 2, separated by tabs, are needed")
    path = write(data / "udpos/test-fr.tsv", ["Un", "", "chat", "noir\tADJ"])
    with pytest.raises(DataError) as error:
        read(data, "udpos", "test", "fr")
    check(error, path, 4, "2 columns found, but only a word")


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["A\tDET", "cat"], 2, "a word, a tab and its tag are needed"),
        (["A\tDET", "cat\t"], 2, "a word, a tab and its tag are needed"),
        (["A\tDET", "\tNOUN"], 2, "a word, a tab and its tag are needed"),
        (["A\tDET", "cat\tcat\tNOUN"], 2, "3 of 3 columns"),
        (["A\tDET", "", "cat\tNOUNS"], 3, "did you mean 'NOUN'"),
        (["A\tDET", "", "", "cat\tNOUN"], 3, "the line is empty where a sentence begins"),
        (["", "A\tDET"], 1, "the line is empty where a sentence begins"),
        (["", " "], 1, "nothing but empty lines"),
        ([], 1, "is empty"),
    ],
)
def test_bad_tagged(data, lines, line, message):
    path = write(data / "udpos/train-en.tsv", lines)
    with pytest.raises(DataError) as error:
        read(data, "udpos", "train", "en")
    check(error, path, line, message)


@pytest.mark.parametrize("start", [b"\xff\xfe", b"\x93"])
def test_other_encodings(data, start):
    for task in ("xnli", "udpos"):
        path = write(data / task / "train-en.tsv", TRAIN, start=start)
        with pytest.raises(DataError) as error:
            read(data, task, "train", "en")
        check(error, path, 1, "UTF-8")


@pytest.mark.parametrize("labels", [["neutral"] * 2, ["neutral"] * 4])
def test_labels_off_by_one(data, labels):
    path = write(data / "labels/xnli/test-fr.tsv", labels)
    with pytest.raises(DataError) as error:
        read(data, "xnli", "test", "fr", gold=True)
    check(error, path, min(len(labels), 3), f"{len(labels)} lines for 3 pairs of sentences in ")


@pytest.mark.parametrize(
    ("tags", "line", "message"),
    [
        (["DET", "NOUN", "", "NUM", ""], 4, "has 1 lines, but 2 in"),
        (["DET", "NOUN", "", "NUM", "NOUN", "X"], 4, "has 3 lines, but 2 in"),
        (["DET", "NOUN", ""], 1, "1 sentences, but"),
        (["DET", "NOUN", "", "NUM", "NOUN", "", "X", ""], 7, "3 sentences, but"),
        (["DET", "noun", "", "NUM", "NOUN", ""], 2, "'noun' is not a label of udpos"),
    ],
)
def test_tags_off_by_one(data, tags, line, message):
    path = write(data / "labels/udpos/test-fr.tsv", tags)
    with pytest.raises(DataError) as error:
        read(data, "udpos", "test", "fr", gold=True)
    check(error, path, line, message)


def test_missing(data):
    with pytest.raises(DataError) as error:
        read(data, "xnli", "test", "de")
    check(error, data / "xnli/test-de.tsv", None, "is missing; languages with such a file: fr")
    (data / "labels/udpos/test-fr.tsv").unlink()
    with pytest.raises(DataError) as error:
        read(data, "udpos", "test", "fr", gold=True)
    check(error, data / "labels/udpos/test-fr.tsv", None, "languages with such a file: none")


@pytest.mark.parametrize(
    ("task", "split", "language", "message"),
    [
        ("xnli", "valid", "en", "'valid' is not a split"),
        ("xnli", "train", "../en", "not a language code"),
    ],
)
def test_bad_arguments(data, task, split, language, message):
    with pytest.raises(ConfigError, match=message):
        read(data, task, split, language)


def test_languages(data):
    write(data / "xnli/test-zh-CN.tsv", TEST)
    write(data / "xnli/test-fr.tsv.bak", TEST)
    assert list_languages(data, "xnli") == ["fr", "zh-CN"]
    assert list_languages(data, "xnli", "train") == ["en"]
    assert list_languages(data, "panx") == []

"""The mining task on a made-up BUCC: good files, broken files, scores from the written file."""

import json

import numpy as np
import pytest

from crosszero.config import read_json, to_dict
from crosszero.errors import ConfigError, DataError
from crosszero.tasks.bucc import Bucc, Tuned, mine_ids, read_bucc, read_gold
from crosszero.tasks.task import Task
from tests.tasks.helpers import Table, make_score, write

DEV = {"eins": "one", "zwei": "two", "drei": "three"}
TEST = {"vier": "four", "acht": "eight", "neun": "nine", "zehn": "ten"}
LONELY = ["gestern", "yesterday"]  # in no pair
MEANINGS = {
    word: number for number, pair in enumerate([*DEV.items(), *TEST.items()]) for word in pair
} | {word: 10 + number for number, word in enumerate(LONELY)}


@pytest.fixture
def data(tmp_path):
    for part, words in (("dev", DEV), ("test", TEST)):
        foreign, english = [*words, LONELY[0]], [*sorted(words.values()), LONELY[1]]
        stem = f"bucc2018/de-en.{part}"
        write(tmp_path / f"{stem}.de", [f"de-{n}\t{word}" for n, word in enumerate(foreign)])
        write(tmp_path / f"{stem}.en", [f"en-{n}\t{word}" for n, word in enumerate(english)])
        gold = [f"de-{foreign.index(a)}\ten-{english.index(b)}" for a, b in words.items()]
        name = "bucc2018/de-en.dev.gold" if part == "dev" else "labels/bucc2018/test-de.tsv"
        write(tmp_path / name, gold)
    return tmp_path


def values(scores):
    return {score.metric: score.value for score in scores}


def test_whole_task(data, tmp_path):
    task: Task = Bucc()
    assert (task.name, task.fine_tuned, task.list_languages(data)) == ("bucc2018", False, ["de"])
    [path] = Bucc().predict(Table(MEANINGS), data, tmp_path / "out", k=2)
    assert path == tmp_path / "out/bucc2018/test-de.tsv"
    assert sorted(path.read_text().splitlines()) == sorted(
        (data / "labels/bucc2018/test-de.tsv").read_text().splitlines()
    )
    scores = task.score(tmp_path / "out", data)
    assert scores == [
        make_score(f"bucc2018/{metric}", "de", 1.0, 4) for metric in ("f1", "precision", "recall")
    ]


def test_the_threshold_comes_from_dev(data, tmp_path):
    """Pairs that are as weak as wrong pairs of dev are left out of test."""
    weak = {"vier": 0.4, "acht": 0.4}

    class Weak(Table):
        def encode(self, texts):
            rows = super().encode(texts)
            for row, text in zip(rows, texts, strict=True):
                if text in weak or text in LONELY:
                    row[19] = 3.0  # the lonely ones and the weak ones look alike
            return rows

    mined = mine_ids(Weak(MEANINGS), read_bucc(data, "de", "test"), margin="absolute")
    assert len(mined) == 5  # all sentences find something
    [path] = Bucc().predict(Weak(MEANINGS), data, tmp_path / "out", margin="absolute")
    assert len(path.read_text().splitlines()) == 2
    assert values(Bucc().score(tmp_path / "out", data)) == {
        "f1": pytest.approx(2 / 3), "precision": 1.0, "recall": 0.5,
    }  # fmt: skip


def test_scores_come_from_the_file(data, tmp_path):
    [path] = Bucc().predict(Table(MEANINGS), data, tmp_path / "out", k=2)
    lines = path.read_text().splitlines()
    write(path, lines[:2])
    assert values(Bucc().score(tmp_path / "out", data)) == {
        "f1": pytest.approx(2 / 3), "precision": 1.0, "recall": 0.5,
    }  # fmt: skip
    swapped = ["\t".join(reversed(line.split("\t"))) for line in lines[:2]]
    write(path, [*swapped, lines[0]], ending="\r\n", start=b"\xef\xbb\xbf")
    assert values(Bucc().score(tmp_path / "out", data))["recall"] == 0.5


@pytest.mark.parametrize("lines", [[], ["de-4\ten-4"]])
def test_nothing_right_is_zero(data, tmp_path, lines):
    write(tmp_path / "out/bucc2018/test-de.tsv", lines)
    found = values(Bucc().score(tmp_path / "out", data))
    assert found == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"de-0\ten-0\t0.9\nd\xe9-1\ten-1\t0.8\n", r"mined-de\.tsv:2: byte 0xe9 .* not UTF-8"),
        (b"de-0\ten-0\t0.9\nde-1\ten-1\n", r"mined-de\.tsv:2: two ids and a number"),
        (b"de-0\ten-0\thigh\n", r"mined-de\.tsv:1: two ids and a number"),
    ],
)
def test_damaged_mined_pairs_are_named_with_their_line(data, tmp_path, content, message):
    folder = tmp_path / "out/bucc2018"
    write(folder / "threshold-de.json", ['{"threshold": 0.5}'])
    (folder / "mined-de.tsv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        Bucc().score(tmp_path / "out", data)
    (folder / "mined-de.tsv").write_bytes(b"")  # nothing was mined
    assert set(values(Bucc().score(tmp_path / "out", data)).values()) == {0.0}


def test_both_orders_of_columns(data):
    sentences = read_bucc(data, "de", "test")
    path = data / "labels/bucc2018/test-de.tsv"
    wanted = read_gold(data, sentences, "test")
    assert ("de-0", "en-1") in wanted  # vier, four
    write(path, ["\t".join(reversed(line.split("\t"))) for line in path.read_text().splitlines()])
    assert read_gold(data, sentences, "test") == wanted


def test_repeated_sentences_are_in_no_pair(data, tmp_path):
    path = data / "bucc2018/de-en.test.de"
    write(path, [*path.read_text().splitlines(), "de-9\tvier"])
    [output] = Bucc().predict(Table(MEANINGS), data, tmp_path / "out", k=2)
    assert len(output.read_text().splitlines()) == 3
    assert "en-1" not in output.read_text()


def test_windows_files(data):
    wanted = read_bucc(data, "de", "test")
    for path in (data / "bucc2018").glob("*.test.*"):
        write(path, path.read_text().splitlines(), ending="\r\n", start=b"\xef\xbb\xbf")
    assert read_bucc(data, "de", "test") == wanted


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("bucc2018/de-en.dev.de", ["de-0\teins", "de-1 zwei"], r"dev\.de:2: an id, a tab and"),
        ("bucc2018/de-en.dev.de", ["de-0\teins", "de-1\t"], r"dev\.de:2: an id, a tab and"),
        ("bucc2018/de-en.dev.de", ["de-0\teins", "de-1\t\u3000"], r"dev\.de:2: an id, a tab and"),
        ("bucc2018/de-en.dev.de", ["de-0\teins", ""], r"dev\.de:2: the line is empty"),
        ("bucc2018/de-en.dev.de", ["de-0\teins", "de-0\tzwei"], r"dev\.de:2: the id 'de-0'"),
        ("bucc2018/de-en.dev.en", ["en-0\tone", "de-1\ttwo"], r"dev\.en:2: .*'de-1' is also in"),
        ("bucc2018/de-en.test.en", [], r"test\.en:1: is empty"),
        ("bucc2018/de-en.dev.gold", [], r"dev\.gold:1: is empty"),
        ("bucc2018/de-en.dev.gold", ["de-0\ten-0", "de-7\ten-1"], r"gold:2: 'de-7' is not the id"),
        ("bucc2018/de-en.dev.gold", ["de-0\tde-1"], r"gold:1: 'de-0' and 'de-1' are both .* de "),
        ("bucc2018/de-en.dev.gold", ["de-0 en-0"], r"gold:1: two ids"),
        ("bucc2018/de-en.dev.gold", ["de-0\ten-0\t1.0"], r"gold:1: two ids"),
    ],
)  # fmt: skip
def test_broken_data_is_named_with_its_line(data, tmp_path, name, lines, message):
    write(data / name, lines)
    with pytest.raises(DataError, match=message):
        Bucc().predict(Table(MEANINGS), data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name", ["de-en.dev.de", "de-en.dev.en", "de-en.dev.gold", "de-en.test.en"]
)
def test_missing_files_are_named(data, tmp_path, name):
    (data / "bucc2018" / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: can't be read \(No such file"):
        Bucc().predict(Table(MEANINGS), data, tmp_path / "out")


def test_broken_encoding_is_named(data, tmp_path):
    (data / "bucc2018/de-en.dev.de").write_bytes(b"de-0\teins\nde-1\tzw\xf6lf\n")
    with pytest.raises(DataError, match=r"dev\.de:2: byte 0xf6 .* is not UTF-8"):
        Bucc().predict(Table(MEANINGS), data, tmp_path / "out")


def test_broken_predictions_are_named(data, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(
        DataError, match=r"test-de\.tsv: is missing; languages with such a file: none"
    ):
        Bucc().score(out, data)
    write(out / "bucc2018/test-de.tsv", ["de-0\ten-0", "de-1"])
    with pytest.raises(DataError, match=r"test-de\.tsv:2: two ids"):
        Bucc().score(out, data)
    write(out / "bucc2018/test-de.tsv", ["de-0\ten-99"])
    with pytest.raises(DataError, match=r"test-de\.tsv:1: 'en-99' is not the id of any sentence"):
        Bucc().score(out, data)
    (data / "labels/bucc2018/test-de.tsv").unlink()
    write(out / "bucc2018/test-de.tsv", [])
    with pytest.raises(DataError, match=r"labels/bucc2018/test-de\.tsv: can't be read"):
        Bucc().score(out, data)


def test_languages(data, tmp_path):
    with pytest.raises(ConfigError, match="bucc2018 has no data for 'fr'; Allowed: de"):
        Bucc().predict(Table(MEANINGS), data, tmp_path / "out", ["fr"])
    with pytest.raises(ConfigError, match="no data for 'fr'"):
        Bucc().score(tmp_path / "out", data, ["fr"])
    with pytest.raises(DataError, match="holds no BUCC files"):
        Bucc().list_languages(tmp_path / "labels")
    assert Bucc().predict(Table(MEANINGS), data, tmp_path / "out", []) == []


def test_an_encoder_that_is_right_nowhere_keeps_what_it_finds(data, tmp_path):
    class Noise:
        def encode(self, texts):
            return np.abs(np.random.default_rng(len(texts[0])).normal(size=(len(texts), 3)))

    gold = data / "bucc2018/de-en.dev.gold"
    write(gold, ["de-3\ten-0"])
    [path] = Bucc().predict(Noise(), data, tmp_path / "out", k=1)
    assert path.is_file()
    assert all(0.0 <= score.value <= 1.0 for score in Bucc().score(tmp_path / "out", data))


@pytest.mark.parametrize("damage", ["{", "[]", '{"threshold": null}', "[" * 100_000])
def test_the_threshold_stays_beside_the_predictions(data, tmp_path, damage):
    out = tmp_path / "out"
    Bucc().predict(Table(MEANINGS), data, out, k=2)
    settings = json.loads((out / "bucc2018/threshold-de.json").read_text())
    assert (settings["dev_f1"], settings["k"], settings["margin"]) == (1.0, 2, "ratio")
    assert to_dict(read_json(out / "bucc2018/threshold-de.json", Tuned)) == settings
    mined = [line.split("\t") for line in (out / "bucc2018/mined-de.tsv").read_text().splitlines()]
    kept = {(a, b) for a, b, score in mined if float(score) >= settings["threshold"]}
    assert kept == read_gold(data, read_bucc(data, "de", "test"), "test")
    # scored again at another threshold, without an encoder
    wanted = (out / "bucc2018/test-de.tsv").read_bytes()
    (out / "bucc2018/test-de.tsv").unlink()
    assert values(Bucc().score(out, data))["f1"] == 1.0
    assert (out / "bucc2018/test-de.tsv").read_bytes() == wanted
    (out / "bucc2018/test-de.tsv").unlink()
    write(out / "bucc2018/threshold-de.json", [json.dumps({"threshold": 1e9})])
    assert values(Bucc().score(out, data))["f1"] == 0.0
    (out / "bucc2018/test-de.tsv").unlink()
    write(out / "bucc2018/threshold-de.json", [damage])
    with pytest.raises(DataError, match=r"threshold-de\.json: damaged .*; predict again"):
        Bucc().score(out, data)
    write(out / "bucc2018/threshold-de.json", [json.dumps(settings)])
    write(out / "bucc2018/mined-de.tsv", ["de-0\ten-0"])
    with pytest.raises(DataError, match=r"mined-de\.tsv:1: two ids and a number"):
        Bucc().score(out, data)

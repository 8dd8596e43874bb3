"""Tatoeba as a task: both layouts, both directions, scores from the written files."""

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks import tatoeba
from crosszero.tasks.scoring import score_predictions
from crosszero.tasks.task import Task
from crosszero.tasks.tatoeba import Tatoeba, list_languages, score_as_mteb
from tests.tasks.helpers import Table, make_score, write

FRENCH = ["Bonjour.", "Merci.", "Au revoir."]
ENGLISH = ["Goodbye.", "Hello.", "Thanks."]
GOLD = ["2", "0", "1"]
MEANINGS = {"Bonjour.": 0, "Hello.": 0, "Merci.": 1, "Thanks.": 1, "Au revoir.": 2, "Goodbye.": 2}
FORWARD, BACKWARD = "tatoeba/accuracy", "tatoeba/reversed-accuracy"
RIGHT = [make_score(name, "fr", 1.0, 3) for name in (FORWARD, BACKWARD)]


@pytest.fixture(autouse=True)
def without_mteb(monkeypatch):
    """The same scores whether mteb is installed or not."""
    monkeypatch.setattr(tatoeba, "score_as_mteb", lambda found, gold: None)


@pytest.fixture
def xtreme(tmp_path):
    write(tmp_path / "tatoeba/fr-en.fr", FRENCH)
    write(tmp_path / "tatoeba/fr-en.en", ENGLISH)
    write(tmp_path / "labels/tatoeba/test-fr.tsv", GOLD)
    return tmp_path


def test_xtreme_layout(xtreme):
    task: Task = Tatoeba()
    assert (task.name, task.fine_tuned, task.list_languages(xtreme)) == ("tatoeba", False, ["fr"])
    out = xtreme / "out"
    written = Tatoeba().predict(Table(MEANINGS), xtreme, out)
    assert written == [out / "tatoeba/test-fr.tsv", out / "tatoeba/reversed-fr.tsv"]
    assert written[0].read_text() == "2\n0\n1\n"
    assert written[1].read_text() == "1\n2\n0\n"
    assert task.score(out, xtreme) == [
        make_score(FORWARD, "fr", 1.0, 3),
        make_score(BACKWARD, "fr", 1.0, 3),
    ]


@pytest.mark.parametrize("folder", ["", "tatoeba/"])
@pytest.mark.parametrize("asked", [["fr"], ["fra"], ["fra", "fr"], None])
def test_laser_layout_is_named_by_two_letters(tmp_path, folder, asked):
    write(tmp_path / f"{folder}tatoeba.fra-eng.fra", FRENCH)
    write(tmp_path / f"{folder}tatoeba.fra-eng.eng", ["Hello.", "Thanks.", "Goodbye."])
    out = tmp_path / "out"
    assert Tatoeba().list_languages(tmp_path) == ["fr"]
    paths = Tatoeba().predict(Table(MEANINGS), tmp_path, out, asked)
    assert [path.name for path in paths] == ["test-fr.tsv", "reversed-fr.tsv"]
    scores = Tatoeba().score(out, tmp_path, asked)
    assert scores == RIGHT


def test_scores_come_from_the_files(xtreme):
    out = xtreme / "out"
    write(out / "tatoeba/test-fr.tsv", ["2", "1", "1"], ending="\r\n", start=b"\xef\xbb\xbf")
    assert Tatoeba().score(out, xtreme) == [make_score(FORWARD, "fr", pytest.approx(2 / 3), 3)]
    write(out / "tatoeba/reversed-fr.tsv", ["1", "0", "-1"])
    assert Tatoeba().score(out, xtreme)[1] == make_score(BACKWARD, "fr", pytest.approx(1 / 3), 3)


def test_a_sentence_without_a_vector_finds_nothing(xtreme):
    known = {text: meaning for text, meaning in MEANINGS.items() if text != "Goodbye."}
    paths = Tatoeba().predict(Table(known), xtreme, xtreme / "out")
    assert paths[0].read_text() == "-1\n0\n1\n"
    assert Tatoeba().score(xtreme / "out", xtreme)[0].value == pytest.approx(2 / 3)
    # what was written is read back by "crosszero xtreme score", too
    scores = score_predictions(xtreme / "out", xtreme / "labels", ["tatoeba"])
    assert scores == Tatoeba().score(xtreme / "out", xtreme)
    assert scores[0] == make_score(FORWARD, "fr", pytest.approx(2 / 3), 3)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0", "1"], r"test-fr\.tsv:2: 2 lines for 3 English sentences"),
        (["0", "1", "3"], r"test-fr\.tsv:3: 3 is out of range"),
        (["0", "-2", "1"], r"test-fr\.tsv:2: a line number is needed, not '-2'"),
        (["0", "one", "1"], r"test-fr\.tsv:2: a line number is needed, not 'one'"),
        (["0", "9" * 5000, "1"], r"test-fr\.tsv:2: a line number is needed"),
        (["0", "", "1"], r"test-fr\.tsv:2: the line is empty"),
        ([], r"test-fr\.tsv:1: is empty"),
    ],
)
def test_broken_predictions_are_named(xtreme, lines, message):
    write(xtreme / "out/tatoeba/test-fr.tsv", lines)
    with pytest.raises(DataError, match=message):
        Tatoeba().score(xtreme / "out", xtreme)


def test_what_is_missing(xtreme):
    with pytest.raises(
        DataError, match=r"test-fr\.tsv: is missing; languages with such a file: none"
    ):
        Tatoeba().score(xtreme / "out", xtreme)
    with pytest.raises(ConfigError, match="tatoeba has no data for 'de'; Allowed: fr"):
        Tatoeba().predict(Table(MEANINGS), xtreme, xtreme / "out", ["de"])
    with pytest.raises(DataError, match="holds no Tatoeba files"):
        Tatoeba().list_languages(xtreme / "labels")
    (xtreme / "labels/tatoeba/test-fr.tsv").unlink()
    with pytest.raises(DataError, match=r"test-fr\.tsv: is missing.*sorted"):
        Tatoeba().predict(Table(MEANINGS), xtreme, xtreme / "out")


def test_both_layouts_side_by_side_are_one_language(xtreme):
    write(xtreme / "tatoeba/tatoeba.fra-eng.fra", FRENCH)
    write(xtreme / "tatoeba/tatoeba.fra-eng.eng", ["Hello.", "Thanks.", "Goodbye."])
    assert list_languages(xtreme) == ["fr"]
    assert Tatoeba().list_languages(xtreme) == ["fr"]


def test_the_score_of_mteb(xtreme, monkeypatch):
    pytest.importorskip("mteb")
    monkeypatch.setattr(tatoeba, "score_as_mteb", score_as_mteb)
    write(xtreme / "out/tatoeba/test-fr.tsv", GOLD)
    write(xtreme / "out/tatoeba/reversed-fr.tsv", ["1", "2", "2"])  # gold is 1 2 0
    scores = {score.metric: score for score in Tatoeba().score(xtreme / "out", xtreme)}
    # Hello: precision and recall 1; Thanks: 1/2 and 1; Goodbye: nobody names it
    assert scores["mteb-f1"].value == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert scores["mteb-f1"].count == 3
    assert score_as_mteb([0, 1], [0, 0]) is None  # mteb knows no line with two translations

"""Sentence retrieval as a task: parallel texts in, one number a query out."""

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.samples.sample import Sample
from crosszero.samples.store import collect
from crosszero.tasks.sentence_retrieval import SentenceRetrieval, list_directions
from tests.tasks.helpers import Table, count_items, make_score, write

MEANINGS = {"Open": 0, "Ouvrir": 0, "Ouvert": 0, "Offen": 0, "Close": 1, "Fermer": 1, "Zu": 1}


def sample(source, target, languages=("en", "fr")):
    return Sample(
        source=source, target=target, source_language=languages[0], target_language=languages[1],
        origin="x:1", group="", words=(), finder="lexicon",
    )  # fmt: skip


SAMPLES = [
    sample("Open", "Ouvrir"),
    sample("Open", "Ouvert"),
    sample("Open", "Ouvrir"),  # counts once
    sample("Close", "Fermer"),
    sample("Offen", "Open", ("de", "en")),
]


@pytest.fixture
def data(tmp_path):
    collect(SAMPLES, tmp_path / "sentence-retrieval")
    return tmp_path


def test_whole_task(data):
    task = SentenceRetrieval()
    assert task.list_languages(data) == ["de-en", "en-de", "en-fr", "fr-en"]
    paths = task.predict(Table(MEANINGS), data, data / "out")
    assert paths[2] == data / "out/sentence-retrieval/test-en-fr.tsv"
    assert paths[2].read_text() == "0\n0\n2\n"  # the second Open finds Ouvrir, which it may
    scores = task.score(data / "out", data, ["en-fr", "fr-en"])
    assert scores == [
        make_score(f"sentence-retrieval/{metric}", language, 1.0, 3)
        for language in ("en-fr", "fr-en")
        for metric in ("text-accuracy",)
    ]
    items = count_items(task, data / "out", data, "en-fr")
    assert items.tolist() == [[1, 1], [1, 1], [1, 1]]


def test_scores_come_from_the_file(data):
    task = SentenceRetrieval()
    write(data / "out/sentence-retrieval/test-en-fr.tsv", ["1", "2", "-1"])
    assert task.score(data / "out", data, ["en-fr"])[0].value == pytest.approx(1 / 3)
    write(data / "out/sentence-retrieval/test-en-fr.tsv", ["1", "3", "0"])
    with pytest.raises(DataError, match=r"test-en-fr\.tsv:2: 3 is out of range"):
        task.score(data / "out", data, ["en-fr"])
    write(data / "out/sentence-retrieval/test-en-fr.tsv", ["1"])
    with pytest.raises(DataError, match=r"test-en-fr\.tsv:1: 1 lines for 3 sentences"):
        task.score(data / "out", data, ["en-fr"])


def test_both_orders_of_a_language_pair_meet(data):
    turned = sample("Fermer", "Close", ("fr", "en"))
    found = list_directions([*SAMPLES[:2], turned])
    assert list(found) == ["en-fr", "fr-en"]
    assert found["en-fr"].queries == ["Open", "Open", "Close"]
    assert found["fr-en"].queries == ["Ouvrir", "Ouvert", "Fermer"]


def test_the_store_of_words_will_do_and_another_name_has_scores_of_its_own(tmp_path):
    collect(SAMPLES, tmp_path / "word-retrieval")
    task = SentenceRetrieval("strings")
    assert task.list_files(tmp_path) == [tmp_path / "word-retrieval"]
    task.predict(Table(MEANINGS), tmp_path, tmp_path / "out", ["en-fr"])
    assert task.score(tmp_path / "out", tmp_path, ["en-fr"])[0].name == "strings/text-accuracy"
    assert (tmp_path / "out/strings/test-en-fr.tsv").is_file()
    assert SentenceRetrieval().locate(tmp_path / "word-retrieval") == tmp_path / "word-retrieval"


def test_what_is_missing(data):
    with pytest.raises(ConfigError, match="sentence-retrieval has no data for 'en-it'"):
        SentenceRetrieval().check(data, ["en-it"])
    with pytest.raises(DataError, match="holds no samples"):
        SentenceRetrieval().list_languages(data / "nowhere")
    with pytest.raises(
        DataError, match=r"test-de-en\.tsv: is missing; languages with such a file: none"
    ):
        SentenceRetrieval().score(data / "out", data)

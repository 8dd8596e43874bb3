"""Word retrieval as a task: a store of samples in, one number a query out."""

import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.errors import ConfigError, DataError
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import collect
from crosszero.tasks import word_retrieval
from crosszero.tasks.task import Task
from crosszero.tasks.word_retrieval import WordRetrieval, compare_words, list_questions
from tests.tasks.helpers import Table, write

MEANINGS = {"cat": 0, "Katze": 0, "dog": 1, "Hund": 1, "red": 2, "rot": 2, "chat": 0}


def sample(source, target, *pairs, languages=("en", "de")):
    words = []
    for one, other in pairs:
        left, right = source.index(one), target.index(other)
        words.append(WordPair(Span(left, left + len(one)), Span(right, right + len(other))))
    return Sample(
        source=source, target=target, source_language=languages[0], target_language=languages[1],
        origin="x:1", group="", words=tuple(words), finder="lexicon",
    )  # fmt: skip


SAMPLES = [
    sample("the cat here", "die Katze hier", ("cat", "Katze")),
    sample("cat there", "dort Katze", ("cat", "Katze")),
    sample("dog is red", "Hund ist rot", ("dog", "Hund"), ("red", "rot")),
    sample("the cat here", "le chat", ("cat", "chat"), languages=("en", "fr")),
    sample("no words", "sans mots", languages=("en", "it")),
]


@pytest.fixture
def data(tmp_path):
    collect(SAMPLES, tmp_path / "word-retrieval")
    return tmp_path


def values(scores):
    return {(score.language, score.metric): score.value for score in scores}


def test_whole_task(data):
    task: Task = WordRetrieval()
    assert (task.name, task.fine_tuned) == ("word-retrieval", False)
    assert task.list_languages(data) == ["de-en", "en-de", "en-fr", "fr-en"]
    paths = WordRetrieval().predict(Table(MEANINGS), data, data / "out")
    assert paths[1] == data / "out/word-retrieval/test-en-de.tsv"
    # the candidates are die Katze hier dort Katze Hund ist rot; the second cat finds the first
    assert paths[1].read_text() == "1\n1\n5\n7\n"
    found = values(task.score(data / "out", data))
    assert found["en-de", "accuracy"] == 0.75
    assert found["en-de", "type-accuracy"] == 1.0
    assert found["en-fr", "accuracy"] == found["fr-en", "accuracy"] == 1.0
    assert {score.count for score in task.score(data / "out", data, ["en-de"])} == {4}


def test_equal_to_each_direction_alone_without_files(data, model_folder):
    encoder = Encoder(Backbone.load(model_folder("bert")))
    WordRetrieval().predict(encoder, data, data / "out")
    found = values(WordRetrieval().score(data / "out", data))
    asked = list_questions(SAMPLES)
    assert len(found) == 2 * len(asked)
    for direction, questions in asked.items():
        ((_, numbers),) = WordRetrieval().answer(encoder, {direction: questions})
        hits, type_hits = compare_words(questions, numbers)
        assert found[direction, "accuracy"] == sum(hits) / len(hits)
        assert found[direction, "type-accuracy"] == sum(type_hits) / len(hits)


def test_scores_come_from_the_file(data):
    WordRetrieval().predict(Table(MEANINGS), data, data / "out", ["en-de"])
    write(data / "out/word-retrieval/test-en-de.tsv", ["1", "4", "-1", "0"])
    found = values(WordRetrieval().score(data / "out", data, ["en-de"]))
    assert found == {("en-de", "accuracy"): 0.5, ("en-de", "type-accuracy"): 0.5}


def test_a_word_without_a_vector_finds_nothing(data):
    blind = {word: meaning for word, meaning in MEANINGS.items() if word != "dog"}
    [path] = WordRetrieval().predict(Table(blind), data, data / "out", ["en-de"])
    assert path.read_text() == "1\n1\n-1\n7\n"
    assert values(WordRetrieval().score(data / "out", data, ["en-de"]))["en-de", "accuracy"] == 0.5


def test_a_part_of_the_directions_asks_the_same(data):
    WordRetrieval().predict(Table(MEANINGS), data, data / "out")
    whole = (data / "out/word-retrieval/test-fr-en.tsv").read_text()
    [path] = WordRetrieval().predict(Table(MEANINGS), data, data / "other", ["fr-en"])
    assert path.read_text() == whole
    assert [path.name for path in (data / "other/word-retrieval").iterdir()] == ["test-fr-en.tsv"]


def test_questions():
    german = list_questions(SAMPLES)["en-de"]
    assert [text[span.start : span.end] for text, span in german.queries] == [
        "cat", "cat", "dog", "red",
    ]  # fmt: skip
    assert len(german.candidates) == 8


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0", "1", "2"], r"test-en-de\.tsv:3: 3 lines for 4 words that ask"),
        (["0", "1", "2", "8"], r"test-en-de\.tsv:4: 8 is out of range"),
        (["0", "1", "x", "2"], r"test-en-de\.tsv:3: a line number is needed"),
    ],
)
def test_broken_predictions_are_named(data, lines, message):
    write(data / "out/word-retrieval/test-en-de.tsv", lines)
    with pytest.raises(DataError, match=message):
        WordRetrieval().score(data / "out", data, ["en-de"])


def test_what_is_missing(data, tmp_path):
    with pytest.raises(
        DataError, match=r"test-de-en\.tsv: is missing; languages with such a file: none"
    ):
        WordRetrieval().score(data / "out", data)
    with pytest.raises(ConfigError, match="no data for 'en-it'"):
        WordRetrieval().predict(Table(MEANINGS), data, data / "out", ["en-it"])
    with pytest.raises(DataError, match="is not a folder of samples"):
        WordRetrieval().list_languages(tmp_path / "nowhere")
    collect(SAMPLES[-1:], tmp_path / "bare/word-retrieval")
    with pytest.raises(DataError, match="has no sample with a word pair"):
        WordRetrieval().predict(Table(MEANINGS), tmp_path / "bare", data / "out")


def test_a_large_store_is_done_pair_by_pair(data, monkeypatch):
    WordRetrieval().predict(Table(MEANINGS), data, data / "whole")
    held = []

    def watch(samples):
        held.append(len(samples))
        return list_questions(samples)

    monkeypatch.setattr(word_retrieval, "list_questions", watch)
    monkeypatch.setattr(word_retrieval, "_AT_ONCE", len(SAMPLES) - 1)
    paths = WordRetrieval().predict(Table(MEANINGS), data, data / "parts")
    assert held == [3, 1]  # German, then French; Italian has no word pair
    assert len(paths) == 4
    for path in paths:
        assert path.read_text() == (data / "whole/word-retrieval" / path.name).read_text()
    scores = [WordRetrieval().score(data / name, data) for name in ("whole", "parts")]
    assert set(scores[0]) == set(scores[1])

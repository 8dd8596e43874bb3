"""Word alignment as a task, with all layers from one forward pass."""

import numpy as np
import pytest

from crosszero.align.linker import align_words
from crosszero.align.spans import join_words
from crosszero.align.subtokens import as_parts
from crosszero.errors import ConfigError, DataError
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.tasks.task import Task
from crosszero.tasks.word_alignment import WordAlignment
from tests.tasks.helpers import Table, write

SOURCE = ["das Haus ist alt", "guten Tag"]
TARGET = ["the house is old", "good day"]
MEANINGS = {"das": 0, "the": 0, "Haus": 1, "house": 1, "ist": 2, "is": 2, "alt": 3, "old": 3,
            "guten": 4, "good": 4, "Tag": 5, "day": 5}  # fmt: skip
GOLD = ["0-0 1-1 2-2 3-3", "0-0 1p1"]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "word-alignment"
    for ending, lines in ((".src", SOURCE), (".tgt", TARGET), (".gold", GOLD)):
        write(folder / f"de-en{ending}", lines)
    return tmp_path


def values(scores):
    return {score.name.removeprefix("word-alignment/"): score.value for score in scores}


def test_whole_task(data):
    task: Task = WordAlignment()
    assert (task.name, task.fine_tuned) == ("word-alignment", False)
    assert task.list_languages(data) == ["de-en"]
    [path] = WordAlignment().predict(Table(MEANINGS), data, data / "out")
    assert path == data / "out/word-alignment/test-de-en.tsv"
    assert path.read_text() == "0-0 1-1 2-2 3-3\n0-0 1-1\n"
    scores = task.score(data / "out", data)
    assert values(scores) == {"aer": 0.0, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert {(score.language, score.count) for score in scores} == {("de-en", 2)}


def test_scores_come_from_the_file(data):
    path = data / "out/word-alignment/test-de-en.tsv"
    write(path, ["0-0 1-1 3-0", ""])  # |A| 3, |S| 5, hits 2 and 2
    found = values(WordAlignment().score(data / "out", data))
    assert found["aer"] == pytest.approx(1 - 4 / 8)
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 5))
    assert found["f1"] == pytest.approx(0.5)


def test_gold_that_counts_from_one(data):
    write(data / "word-alignment/de-en.gold", ["1-1 2-2 3-3 4-4", "1-1 2p2"])
    WordAlignment().predict(Table(MEANINGS), data, data / "out")
    assert values(WordAlignment().score(data / "out", data))["aer"] == 0.0
    write(data / "word-alignment/de-en.gold", ["1-1 2-2 3-3", "1p1"])
    with pytest.raises(ConfigError, match="may count words from 0 or from 1"):
        WordAlignment().score(data / "out", data)
    scores = WordAlignment().score(data / "out", data, ["de-en:0"])
    assert (scores[0].language, values(scores)["recall"]) == ("de-en", 1.0)
    assert values(scores)["precision"] == pytest.approx(4 / 6)


@pytest.fixture(scope="module")
def encoder(model_folder):
    return Encoder(Backbone.load(model_folder("bert")), mini_batch_num_tokens=40)


@pytest.fixture
def many(tmp_path):
    words = ["the", "weather", "is", "good", "today", "king", "house", "cat", "dog", "old"]
    french = ["le", "temps", "est", "bon", "aujourd", "roi", "maison", "chat", "chien", "vieux"]
    source, target, gold = [], [], []
    for n in range(70):  # more than one chunk
        size = 2 + n % 5
        source.append(" ".join(words[(n + i) % 10] for i in range(size)))
        target.append(" ".join(french[(n + i) % 10] for i in reversed(range(size))))
        gold.append(" ".join(f"{i}-{size - 1 - i}" for i in range(size)))
    for ending, lines in ((".src", source), (".tgt", target), (".gold", gold)):
        write(tmp_path / f"word-alignment/en-fr{ending}", lines)
    return tmp_path


def test_all_layers_equal_one_layer_after_the_other(many, encoder):
    out = many / "out"
    paths = WordAlignment().predict(encoder, many, out, layers="all")
    names = ["", *(f"layer-{n}/" for n in range(1, encoder.backbone.layers + 1))]
    assert paths == [out / f"word-alignment/{name}test-en-fr.tsv" for name in names]
    source = [line.split() for line in (many / "word-alignment/en-fr.src").read_text().splitlines()]
    target = [line.split() for line in (many / "word-alignment/en-fr.tgt").read_text().splitlines()]
    for layer, path in zip([2, 1, 2, 3], paths, strict=True):
        single = Encoder(encoder.backbone, layer=layer, mini_batch_num_tokens=40)
        links = align_words(single, source, target)
        assert path.read_text().splitlines() == [
            " ".join(f"{i}-{j}" for i, j in sentence) for sentence in links
        ]
    scores = values(WordAlignment().score(out, many))
    assert len(scores) == 16
    assert {"aer", "layer-1/aer", "layer-3/f1"} <= set(scores)


def test_each_layer_has_its_own_file(data, encoder, monkeypatch):
    """Vectors that turn the target by one word a layer must turn the links of its file, too."""

    def encode(self, texts, spans, layers):
        turned = [(text in TARGET) * (layer or 0) for text in texts for layer in layers]
        sizes = [len(words) for words in spans for _ in layers]
        rows = [np.roll(np.eye(n), by, axis=0) for n, by in zip(sizes, turned, strict=True)]
        parts = list(map(as_parts, rows))
        return [parts[i : i + len(layers)] for i in range(0, len(rows), len(layers))]

    monkeypatch.setattr(Encoder, "encode_subtoken_layers", encode)
    first_last = Encoder(encoder.backbone, layer="first-last")
    own, *paths = WordAlignment().predict(first_last, data, data / "out", layers="all")
    assert own.read_text().startswith("0-0 1-1")
    for layer, path in enumerate(paths, start=1):
        assert path.parent.name == f"layer-{layer}"
        wanted = [f"{i}-{(i + layer) % 4}" for i in range(4)]
        assert path.read_text().splitlines()[0] == " ".join(wanted)


def test_layers_of_another_encoder_do_not_stay(data, encoder):
    WordAlignment().predict(encoder, data, data / "out", layers="all")
    write(data / "out/word-alignment/layer-12/test-de-en.tsv", ["0-0", "0-0"])
    write(data / "out/word-alignment/layer-x/test-de-en.tsv", ["no link"])
    assert len(WordAlignment().score(data / "out", data)) == 4 * 5
    WordAlignment().predict(encoder, data, data / "out", layers="all")
    assert len(WordAlignment().score(data / "out", data)) == 4 * 4
    WordAlignment().predict(Table(MEANINGS), data, data / "out")
    assert len(WordAlignment().score(data / "out", data)) == 4


def test_all_layers_are_one_forward_pass(many, encoder, request):
    passes = []
    table = encoder.backbone.base.get_input_embeddings()
    hook = table.register_forward_hook(lambda *given: passes.append(1))
    request.addfinalizer(hook.remove)
    WordAlignment().predict(encoder, many, many / "out")
    single = len(passes)
    passes.clear()
    WordAlignment().predict(encoder, many, many / "out", layers="all")
    assert len(passes) == single > 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0-0"], r"de-en\.tsv:1: 1 lines for 2 sentence pairs"),
        (["0-0", "0-2"], r"de-en\.tsv:2: link 0-2 points past the last word"),
        (["0-0", "0-3"], r"de-en\.tsv:2: link 0-3 points outside"),
        (["0-0", "0:1"], r"de-en\.tsv:2: '0:1' is not a link"),
        (["0p0", "0-1"], r"de-en\.tsv:1: 0p0: a predicted link is written 0-0"),
        ([], r"de-en\.tsv:1: is empty"),
    ],
)
def test_broken_predictions_are_named(data, lines, message):
    write(data / "out/word-alignment/test-de-en.tsv", lines)
    with pytest.raises(DataError, match=message):
        WordAlignment().score(data / "out", data)


def test_what_is_missing_or_unknown(data, encoder):
    with pytest.raises(
        DataError, match=r"test-de-en\.tsv: is missing; languages with such a file: none"
    ):
        WordAlignment().score(data / "out", data)
    with pytest.raises(ConfigError, match=r"word-alignment has no data for 'de-fr'.*'de-en'"):
        WordAlignment().predict(Table(MEANINGS), data, data / "out", ["de-fr"])
    with pytest.raises(ConfigError, match="de-en:0 and de-en:1 given: name a pair"):
        WordAlignment().check(data, ["de-en:0", "de-en:1"])
    assert [name for name, _ in WordAlignment().load(data, ["de-en", "de-en"])] == ["de-en"]
    with pytest.raises(DataError, match=r"holds no gold alignments"):
        WordAlignment().list_languages(data / "word-alignment")
    with pytest.raises(ConfigError, match="needs an Encoder"):
        WordAlignment().predict(Table(MEANINGS), data, data / "out", layers="all")
    with pytest.raises(ConfigError, match="layers: 3 given"):
        WordAlignment().predict(encoder, data, data / "out", layers=3)
    write(data / "word-alignment/de-en.tgt", TARGET[:1])
    with pytest.raises(DataError, match=r"de-en\.tgt:1: 1 lines, but .*de-en\.src has 2"):
        WordAlignment().predict(Table(MEANINGS), data, data / "out")
    (data / "word-alignment/de-en.src").unlink()
    with pytest.raises(DataError, match=r"de-en\.src: can't be read"):
        WordAlignment().predict(Table(MEANINGS), data, data / "out")


def test_a_short_window_loses_no_word(data, model_folder, caplog):
    for length in (32, 4):
        encoder = Encoder.load(model_folder(), max_length=length)
        with caplog.at_level("WARNING", logger="crosszero"):
            WordAlignment().predict(encoder, data, data / "out")
        for texts in (SOURCE, TARGET):
            for parts in encoder.encode_subtokens(*join_words([text.split() for text in texts])):
                assert parts.lost == 0
    assert "no vector" not in caplog.text


def test_words_without_a_token_are_told(data, model_folder, caplog):
    """They get no links, which is no wrong number as long as somebody knows of it."""
    write(data / "word-alignment/de-en.src", ["das \u200b ist alt", "guten Tag"])
    with caplog.at_level("WARNING", logger="crosszero"):
        WordAlignment().predict(Encoder.load(model_folder()), data, data / "out")
    assert "1 word has no vector" in caplog.text

"""XTREME's layout from the hub: local data sets stand in for those of the hub."""

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.hub import fetch_xtreme
from crosszero.tasks.tatoeba import read_tatoeba
from tests.tasks.helpers import read

datasets = pytest.importorskip("datasets")
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
UPOS = ["ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
        "PUNCT", "SCONJ", "SYM", "VERB", "X"]  # fmt: skip


def pairs(label, *rows):
    text = datasets.Value("string")
    features = datasets.Features(sentence1=text, sentence2=text, label=label)
    return datasets.Dataset.from_list(
        [dict(zip(features, row, strict=True)) for row in rows], features=features
    )


def words(column, names, *rows):
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            column: datasets.List(datasets.ClassLabel(names=names)),
        }
    )
    return datasets.Dataset.from_list(
        [{"tokens": tokens, column: tags} for tokens, tags in rows], features=features
    )


def make_hub():
    yes = datasets.ClassLabel(names=["0", "1"])
    nli = [
        ("en", "It rains.", 'He said "no".', "neutral"),
        ("fr", "Il pleut.", "Il dit non.", "contradiction"),
        ("en", "Two", "Deux", "entailment"),
    ]
    xnli = datasets.Dataset.from_list(
        [{"language": c, "sentence1": a, "sentence2": b, "gold_label": g} for c, a, b, g in nli]
    )
    train = datasets.Dataset.from_list(
        [{"premise": "a", "hypothesis": "b", "label": 2}],
        features=datasets.Features(
            premise=datasets.Value("string"),
            hypothesis=datasets.Value("string"),
            label=datasets.ClassLabel(names=["entailment", "neutral", "contradiction"]),
        ),
    )
    lines = [("Merci.\n", "Thanks.\n"), ("Allô\n", "Hello\n"), ("Oui\n", "Hello\n")]
    found = {
        ("facebook/xnli", "en", "train"): train,
        ("google/xtreme", "tatoeba.fra", "validation"): datasets.Dataset.from_list(
            [{"source_sentence": a, "target_sentence": b} for a, b in lines]
        ),
    }
    for split in ("validation", "test"):
        found["google/xtreme", "XNLI", split] = xnli
    for split in ("train", "validation", "test"):
        for code in ("en", "fr"):
            text = f'{code} "{split}"'
            found["google/xtreme", f"PAWS-X.{code}", split] = pairs(yes, (text, "b\tc", 1))
            found["google/xtreme", f"PAN-X.{code}", split] = words(
                "ner_tags", TAGS, (["New York", split], [5, 0]), ([code], [1])
            )
        found["google/xtreme", "udpos.English", split] = words(
            "pos_tags", UPOS, ([f"a{chr(0x200C)}b", " "], [7, 15])
        )
    found["google/xtreme", "udpos.Yoruba", "test"] = words("pos_tags", UPOS, (["ọjọ́"], [7]))
    return found


@pytest.fixture
def hub(monkeypatch):
    """The calls that reached the hub."""
    asked = []
    held = make_hub()

    def load(name, subset, *, split, revision, streaming):
        asked.append((name, subset, split, revision))
        if (name, subset, split) not in held:
            raise ValueError(f"BuilderConfig {subset!r} not found")
        return held[name, subset, split].to_iterable_dataset() if streaming else None

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_pairs_of_sentences(hub, tmp_path):
    assert fetch_xtreme(tmp_path, ["pawsx", "xnli"], ["fr"], revision="abc") == [
        tmp_path / "pawsx",
        tmp_path / "xnli",
    ]
    assert ("google/xtreme", "PAWS-X.fr", "test", "abc") in hub
    assert ("facebook/xnli", "en", "train", None) in hub  # the revision is google/xtreme's
    assert ("google/xtreme", "PAWS-X.fr", "train", "abc") not in hub
    files = sorted(path.name for path in (tmp_path / "pawsx").iterdir())
    assert files == ["dev-en.tsv", "dev-fr.tsv", "test-fr.tsv", "train-en.tsv"]
    # as Python's csv writes it, which is what XTREME's models see
    assert (tmp_path / "pawsx/train-en.tsv").read_bytes() == b'"en ""train"""\tb c\t1\r\n'
    [example] = read(tmp_path, "pawsx", "test", "fr", gold=True)
    assert (example.first, example.second, example.label) == ('"fr ""test"""', "b c", "1")
    [example] = read(tmp_path, "xnli", "test", "fr", gold=True)
    assert (example.first, example.label) == ("Il pleut.", "contradiction")
    assert [e.label for e in read(tmp_path, "xnli", "train", "en")] == ["contradiction"]
    assert [e.label for e in read(tmp_path, "xnli", "dev", "en")] == ["neutral", "entailment"]


def test_words(hub, tmp_path):
    fetch_xtreme(tmp_path, ["panx"], ["en", "fr"])
    test = read(tmp_path, "panx", "test", "fr", gold=True)
    assert [(s.words, s.tags) for s in test] == [
        (("New York", "test"), ("B-LOC", "O")),
        (("fr",), ("B-PER",)),
    ]
    assert read(tmp_path, "panx", "train", "en")[0].words == ("New York", "train")
    fetch_xtreme(tmp_path, ["udpos"], ["yo"])
    [sentence] = read(tmp_path, "udpos", "test", "yo", gold=True)
    assert (sentence.words, sentence.tags) == (("ọjọ́",), ("NOUN",))
    assert not (tmp_path / "udpos/dev-yo.tsv").exists()
    assert read(tmp_path, "udpos", "dev", "en")[0].words == ("ab", "_")


def test_tatoeba_is_sorted_with_its_permutation_as_gold(hub, tmp_path):
    fetch_xtreme(tmp_path, ["tatoeba"], ["fr"])
    data = read_tatoeba(tmp_path, "fr")
    assert data.foreign == ("Merci.", "Allô", "Oui")
    assert data.english == ("Hello", "Hello", "Thanks.")
    assert data.gold == (1, 2, 0)
    assert hub == [("google/xtreme", "tatoeba.fra", "validation", None)]


def test_what_is_not_there_is_told(hub, tmp_path):
    with pytest.raises(ConfigError, match=r"bucc2018: the hub has only the gold pairs"):
        fetch_xtreme(tmp_path, ["bucc2018"])
    with pytest.raises(ConfigError, match="did you mean 'pawsx'"):
        fetch_xtreme(tmp_path, ["pawxs"])
    with pytest.raises(ConfigError, match="no task has 'xx'"):
        fetch_xtreme(tmp_path, ["pawsx"], ["xx"])
    assert hub == []
    (tmp_path / "pawsx").mkdir()
    (tmp_path / "pawsx/old").touch()
    with pytest.raises(DataError, match=r"google/xtreme/PAWS-X.de/validation: can't be loaded"):
        fetch_xtreme(tmp_path, ["pawsx"], ["fr", "de"])
    assert [path.name for path in (tmp_path / "pawsx").iterdir()] == ["old"]
    assert not (tmp_path / "labels").exists()  # nothing half-written


def test_languages_are_those_of_xtreme():
    sizes = {task.name: len(task.hub_languages) for task in list_tasks() if task.hub_languages}
    assert sizes == {"tatoeba": 36, "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40}

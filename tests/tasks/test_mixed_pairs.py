"""The generalised setting: the first sentence in one language, the second in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from crosszero.cli import main
from crosszero.errors import ConfigError, DataError
from crosszero.experiment.evaluation import evaluate
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.finetune.classification import Classifier
from crosszero.tasks.finetune.examples import SentencePairExample
from tests.tasks.helpers import write

LABELS = ["neutral", "entailment", "contradiction", "neutral", "entailment", "neutral"]
WORDS = {
    "en": ["king", "house", "cat", "sea", "dog", "weather"],
    "fr": ["roi", "maison", "chat", "mer", "chien", "temps"],
    "zh": ["国王", "天气", "猫", "狗", "今天", "好"],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for code, words in WORDS.items():
        pairs = [f"{word} {words[n - 1]}\t{words[n - 2]}" for n, word in enumerate(words)]
        write(folder / f"xnli/test-{code}.tsv", pairs)
        write(folder / f"labels/xnli/test-{code}.tsv", LABELS)
        labelled = [f"{pair}\t{label}" for pair, label in zip(pairs, LABELS, strict=True)]
        for split in ("train", "dev"):
            write(folder / f"xnli/{split}-{code}.tsv", labelled)
    return folder


def test_scores_are_those_of_pairs_put_together_by_hand(
    model_folder: Callable[..., Path], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    scores = evaluate(
        model_folder(dropout=0.0), data=data, tasks=["xnli", "xnli-mixed"], out=out,
        fine_tune={"xnli": {"steps": 60, "learning_rate": 1e-2, "max_length": 32}},
    )  # fmt: skip
    (folder,) = (out / "models").iterdir()  # one model for both
    model = Classifier.load(folder)
    found = {s.language: s.value for s in scores if s.task == "xnli-mixed"}
    for one, other in permutations(WORDS, 2):
        files = [data / f"xnli/test-{code}.tsv" for code in (one, other)]
        firsts, seconds = (
            [line.split("\t") for line in file.read_text().split("\n")[:-1]] for file in files
        )
        hits = 0
        for first, second, label in zip(firsts, seconds, LABELS, strict=True):
            hits += model.predict([SentencePairExample(first[0], second[1])]) == [label]
        assert found.pop(f"{one}-{other}") == hits / len(LABELS)
    assert not found
    assert len({s.value for s in scores}) > 1
    assert scores.mean("xnli-mixed") > 0
    assert "xnli-mixed/accuracy" in str(scores)


def test_lines_with_another_label_in_the_other_language_do_not_count(tmp_path: Path) -> None:
    """As in PAWS-X, where some sentences were not translated."""
    names = {"en": ["1", "0"] * 10, "de": ["1", "0"] * 9 + ["0", "0"]}
    for code, labels in names.items():
        pairs = [f"{code} {n}\t{code} {n + 1}" for n in range(20)]
        write(tmp_path / f"pawsx/test-{code}.tsv", pairs)
        write(tmp_path / f"labels/pawsx/test-{code}.tsv", labels)
    found = tmp_path / "out"
    for name in ("de-en", "en-de"):
        write(found / f"pawsx-mixed/test-{name}.tsv", ["1"] * 20)
    scores = find_task("pawsx-mixed").score(found, tmp_path)
    assert {s.language: (s.value, s.count) for s in scores} == {
        "de-en": (9 / 19, 19),
        "en-de": (9 / 19, 19),
    }
    ((_, examples),) = find_task("pawsx-mixed").load(tmp_path, ["de-en"])
    assert [row.label for row in examples] == [*["1", "0"] * 9, "", "0"]
    assert (examples[0].first, examples[0].second) == ("de 0", "en 1")


def test_it_is_measured_where_it_is_named(
    model_folder: Callable[..., Path],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        assert stopped.value.code == 0
        return capsys.readouterr().out

    command = ["evaluate", "--encoder", model_folder(), "--data", data, "--languages", "fr", "en"]
    command += ["--set", "xnli.steps=1", "xnli.max_length=32"]
    call(*command, "--out", tmp_path / "one")
    call(*command, "--out", tmp_path / "two", "--tasks", "xnli-mixed")
    for name, task in (("one", "xnli"), ("two", "xnli-mixed")):
        rows = json.loads((tmp_path / name / "scores.json").read_text())["scores"]
        assert {row["task"] for row in rows} == {task}
    files = sorted(path.name for path in (tmp_path / "two/predictions/xnli-mixed").iterdir())
    assert files == ["test-en-fr.tsv", "test-fr-en.tsv"]
    sides = [tmp_path / "two/predictions"] * 2
    table = call("compare", data, *sides, "--tasks", "xnli-mixed", "--resamples", 100)
    assert "en-fr" in table
    assert "0.00" in table


def test_what_does_not_fit_is_told(data: Path, tmp_path: Path) -> None:
    task = find_task("xnli-mixed")
    assert task.choose_languages(data, ["zh", "en", "fr-en"]) == ["en-zh", "fr-en", "zh-en"]
    with pytest.raises(ConfigError, match=r"needs two languages, or pairs such as de-fr: fr"):
        task.choose_languages(data, ["fr"])
    with pytest.raises(ConfigError, match=r"xnli-mixed has no data for 'en-de'"):
        task.choose_languages(data, ["en-de"])
    with pytest.raises(ConfigError, match=r"fetch that"):
        task.fetch(tmp_path, [])
    with pytest.raises(ConfigError, match=r"xnli-mixed takes the models of xnli"):
        evaluate("x", data=data, tasks=["xnli-mixed"], fine_tune={"xnli-mixed": {"steps": 1}})
    write(data / "labels/xnli/test-fr.tsv", ["neutral"] * len(LABELS))
    differ = r"labels/xnli/test-fr\.tsv: its gold is on 3 of 6 lines not that of en"
    with pytest.raises(DataError, match=differ):
        task.check(data, ["en", "fr"])
    write(data / "xnli/test-fr.tsv", ["roi\tmer"])
    with pytest.raises(DataError, match=r"has 1 lines, and that of en 6: lines don't"):
        task.predict(None, data, tmp_path, ["en", "fr"])
    for code in ("fr", "zh"):
        (data / f"xnli/test-{code}.tsv").unlink()
        (data / f"labels/xnli/test-{code}.tsv").unlink()
    with pytest.raises(DataError, match=r"holds one language of xnli; two are needed"):
        task.list_languages(data)

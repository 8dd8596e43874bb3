"""Scores from files: against a second reading of the format, and what is refused."""

from __future__ import annotations

import json
import random

import pytest

from crosszero.cli import main
from crosszero.errors import ConfigError, DataError
from crosszero.tasks.prediction_files import name_file, write_lines
from crosszero.tasks.score import Score, average
from crosszero.tasks.scoring import score_predictions
from tests.tasks.helpers import find_fine_tuned, make_score
from tests.tasks.test_tag_spans import slow_spans

LANGUAGES = ("de", "en", "fr")
LABELS = {task: find_fine_tuned(task).labels for task in ("xnli", "pawsx", "udpos", "panx")}


def write(root, task, language, found):
    if task in LABELS:
        find_fine_tuned(task).write(root, language, found)
    else:
        write_lines(name_file(root, task, language), found)


@pytest.fixture
def folders(tmp_path):
    """Gold and predictions of six tasks and three languages, half of them right."""
    draw = random.Random(7)
    for folder in ("gold", "predictions"):
        root = tmp_path / folder
        for language in LANGUAGES:
            for task in ("xnli", "pawsx"):
                write(root, task, language, draw.choices(LABELS[task], k=40))
            for task in ("udpos", "panx"):
                tags = [draw.choices(LABELS[task], k=1 + i % 4) for i in range(40)]
                write(root, task, language, tags)
            if language != "en":
                write(root, "tatoeba", language, [*draw.sample(range(20), 20), *range(20, 40)])
                links = [f"{language}-{i}\ten-{draw.randint(i, i + 1)}" for i in range(20)]
                write(root, "bucc2018", language, links)
    return tmp_path / "predictions", tmp_path / "gold"


def read_plainly(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def score_plainly(predictions, labels, task, language):
    """The format as section 6 of the protocol says it, read without any of the library."""
    name = f"{task}/test-{language}.tsv"
    predicted, gold = read_plainly(predictions / name), read_plainly(labels / name)
    if task == "bucc2018":
        right = len(set(predicted) & set(gold))
        precision, recall = right / len(set(predicted)), right / len(set(gold))
        f1 = 2 * precision * recall / (precision + recall)
        return {"f1": f1, "precision": precision, "recall": recall}
    hits = [a == b for a, b in zip(predicted, gold, strict=True) if b]
    found = {"accuracy": sum(hits) / len(hits)}
    if task in ("udpos", "panx"):
        # an empty line stands between sentences, as O stands between spans
        one, two = (slow_spans([[tag or "O" for tag in side]]) for side in (predicted, gold))
        found["f1"] = 2 * len(one & two) / (len(one) + len(two))
    return found


@pytest.mark.parametrize("task", ["xnli", "pawsx", "udpos", "panx", "bucc2018", "tatoeba"])
def test_like_a_plain_reading(folders, task):
    languages = ["de", "fr"] if task in ("bucc2018", "tatoeba") else list(LANGUAGES)
    scores = score_predictions(*folders, tasks=[task])
    assert list(dict.fromkeys(s.language for s in scores)) == languages
    for language in languages:
        found = {s.name: s.value for s in scores if s.language == language}
        plain = score_plainly(*folders, task, language)
        assert found == {f"{task}/{name}": pytest.approx(plain[name]) for name in plain}
        assert any(0 < value < 1 for value in found.values())


def test_gold_is_right(folders):
    _, gold = folders
    scores = score_predictions(gold, gold)
    assert {s.value for s in scores} == {1.0}
    assert list(dict.fromkeys(s.name for s in scores)) == [
        "xnli/accuracy", "pawsx/accuracy",
        "udpos/f1", "udpos/accuracy", "panx/f1", "panx/accuracy",
        "bucc2018/f1", "bucc2018/precision", "bucc2018/recall",
        "tatoeba/accuracy",
    ]  # fmt: skip
    assert set(average(scores).values()) == {1.0}


def test_sizes(folders):
    sizes = {s.name: s.count for s in score_predictions(*folders) if s.language == "de"}
    assert sizes["xnli/accuracy"] == sizes["tatoeba/accuracy"] == 40
    assert sizes["udpos/accuracy"] == 10 * (1 + 2 + 3 + 4)
    text = (folders[1] / "panx/test-de.tsv").read_text(encoding="utf-8")
    gold = [sentence.split() for sentence in text.split("\n\n")]
    assert sizes["panx/f1"] == len(slow_spans(gold))
    assert sizes["bucc2018/precision"] == 20


def test_average_counts_languages_not_items():
    scores = [
        make_score("udpos/f1", "de", 0.2, 1000),
        make_score("udpos/f1", "fr", 0.6, 10),
        make_score("xnli/accuracy", "fr", 0.9, 10),
    ]
    means = average(scores)
    assert means == {"udpos/f1": pytest.approx(0.4), "xnli/accuracy": 0.9}
    assert list(means) == ["udpos/f1", "xnli/accuracy"]
    assert average([]) == {}


def test_some_tasks_and_languages(folders):
    scores = score_predictions(*folders, tasks=["tatoeba", "xnli"], languages=["en", "de"])
    assert [(s.task, s.language) for s in scores] == [
        ("tatoeba", "de"), ("xnli", "de"), ("xnli", "en"),
    ]  # fmt: skip


def test_what_was_not_predicted_is_no_task(folders, tmp_path):
    _, gold = folders
    write(tmp_path / "few", "tatoeba", "de", [0] * 40)
    with pytest.raises(DataError, match=r"few/tatoeba/test-fr\.tsv: is missing, but"):
        score_predictions(tmp_path / "few", gold)
    (score,) = score_predictions(tmp_path / "few", gold, languages=["de"])
    assert (score.name, score.count) == ("tatoeba/accuracy", 40)


@pytest.mark.parametrize("side", [0, 1])
def test_language_on_one_side_only(folders, side):
    (folders[side] / "udpos/test-fr.tsv").unlink()
    with pytest.raises(DataError, match="is missing, but") as error:
        score_predictions(*folders)
    assert error.value.path == str(folders[side] / "udpos/test-fr.tsv")
    assert len(score_predictions(*folders, tasks=["udpos"], languages=["de", "en"])) == 4


@pytest.mark.parametrize(
    ("name", "change", "line", "message"),
    [
        ("xnli/test-de.tsv", lambda lines: lines[:-1], 39, "39 lines for 40 pairs"),
        ("xnli/test-de.tsv", lambda lines: [*lines, lines[0]], 40, "41 lines for 40 pairs"),
        ("pawsx/test-fr.tsv", lambda lines: [*lines[:4], "2", *lines[5:]], 5, "not a label"),
        ("tatoeba/test-de.tsv", lambda lines: lines[:-1], 39, "39 lines for 40 English"),
        ("udpos/test-de.tsv", lambda lines: lines[1:], 1, "line is empty where a sentence"),
        ("udpos/test-de.tsv", lambda lines: lines[2:], 1, "2 lines, but 1 in"),
        ("udpos/test-de.tsv", lambda lines: [*lines[:3], *lines[4:]], 3, "1 lines, but 2 in"),
        ("panx/test-de.tsv", lambda lines: lines[:-5], 132, "39 sentences, but"),
        ("panx/test-de.tsv", lambda lines: [*lines, "O"], 141, "41 sentences, but"),
        ("bucc2018/test-de.tsv", lambda lines: ["de-1", *lines], 1, "two ids with a tab between"),
    ],
)
def test_bad_predictions(folders, name, change, line, message):
    path = folders[0] / name
    path.write_text("".join(f"{row}\n" for row in change(read_plainly(path))), encoding="utf-8")
    with pytest.raises(DataError, match=message) as error:
        score_predictions(*folders)
    assert (error.value.path, error.value.line) == (str(path), line)


def test_the_columns_of_mined_pairs_may_stand_in_either_order(folders):
    wanted = score_predictions(*folders, tasks=["bucc2018"])
    for folder in folders:
        path = folder / "bucc2018/test-de.tsv"
        turned = ["\t".join(reversed(line.split("\t"))) for line in read_plainly(path)]
        path.write_text("".join(f"{row}\n" for row in turned), encoding="utf-8")
        assert score_predictions(*folders, tasks=["bucc2018"]) == wanted
    path.write_text("de-1\tde-2\n", encoding="utf-8")
    with pytest.raises(DataError, match="'de-1' and 'de-2' are both ids of de sentences"):
        score_predictions(*folders, tasks=["bucc2018"])


def test_the_other_direction_of_tatoeba_is_scored_where_it_is_there(folders, capsys):
    write_lines(name_file(folders[0], "tatoeba", "de", "reversed"), range(40))
    scores = score_predictions(*folders, tasks=["tatoeba"])
    names = ["tatoeba/accuracy", "tatoeba/reversed-accuracy"]
    assert [s.name for s in scores if s.language == "de"][:2] == names
    assert [s.name for s in scores if s.language == "fr"] == names[:1]
    assert call("xtreme", "score", *folders, "--tasks", "tatoeba") == 0
    assert "reversed-accuracy" in capsys.readouterr().out


def test_empty_files(folders):
    path = folders[0] / "bucc2018/test-de.tsv"
    path.write_bytes(b"")  # nothing was found: a score of 0, as XTREME has it
    scores = score_predictions(*folders, tasks=["bucc2018"], languages=["de"])
    assert [s.value for s in scores] == [0.0, 0.0, 0.0]
    for path in (folders[1] / "bucc2018/test-de.tsv", folders[0] / "xnli/test-de.tsv"):
        path.write_bytes(b"")
        with pytest.raises(DataError, match="is empty") as error:
            score_predictions(*folders, tasks=[path.parent.name])
        assert (error.value.path, error.value.line) == (str(path), 1)


def test_bad_names(folders, tmp_path):
    predictions, gold = folders
    for tasks, languages, message in (
        (["udpo"], None, "did you mean 'udpos'"),
        (None, ["xx"], "no file test-xx.tsv"),
        (["tatoeba", "xnli"], ["en"], "tatoeba has none of the languages en"),
    ):
        with pytest.raises(ConfigError, match=message):
            score_predictions(predictions, gold, tasks, languages)
    (tmp_path / "nothing/udpos").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no test-<xx>"):
        score_predictions(tmp_path / "nothing", tmp_path / "nothing")
    with pytest.raises(DataError, match="has no task folder"):
        score_predictions(tmp_path / "nothing/udpos", gold)
    with pytest.raises(DataError, match="no such folder"):
        score_predictions(predictions, tmp_path / "absent")
    with pytest.raises(DataError, match=r"name .*/predictions"):
        score_predictions(tmp_path, gold)
    gold.rename(tmp_path / "labels")
    with pytest.raises(DataError, match="which holds the gold files"):
        score_predictions(predictions, tmp_path)


def call(*arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return caught.value.code


def test_command(folders, tmp_path, capsys):
    out = tmp_path / "scores.json"
    flags = ["--tasks", "udpos", "tatoeba", "--languages", "de", "fr", "--out", out]
    assert call("xtreme", "score", *folders, *flags) == 0
    scores = score_predictions(*folders, ["udpos", "tatoeba"], ["de", "fr"])
    saved = json.loads(out.read_text(encoding="utf-8"))
    assert [Score(**row) for row in saved["scores"]] == scores
    assert saved["mean"] == average(scores)
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert [row[1:] for row in rows if row[:1] == ["language"]] == [
        ["f1", "accuracy", "spans"], ["accuracy", "sentences"],
    ]  # fmt: skip
    first = next(row for row in rows if row[:1] == ["de"])
    assert first[1:3] == [f"{100 * s.value:.1f}" for s in scores[:2]]
    assert "seqeval 1.2.2" in text


def test_command_refuses(folders, capsys):
    (folders[0] / "xnli/test-de.tsv").unlink()
    assert call("xtreme", "score", *folders) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "test-de.tsv: is missing" in message

"""xsim and xsim++ against loops over all pairs, and the files that they read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.hard_negatives import make_negatives
from tests.tasks.helpers import count_items, write

ENGLISH = [f"sentence {n}" for n in range(12)] + ["sentence 3"]
FRENCH = [f"phrase {n}" for n in range(12)] + ["phrase 3"]
NEGATIVES = [f"sentence {n} not" for n in (1, 4, 5, 7)]


class Noisy:
    """Sentences of the same number are near each other, a language is off by itself."""

    def encode(self, texts: list[str]) -> Any:
        rows = []
        for text in texts:
            _, number, *more = text.split()
            own = np.random.default_rng(int(number)).normal(size=6)
            seed = sum(map(ord, text))
            rows.append(own + 0.7 * np.random.default_rng(seed).normal(size=6) + len(more) * 0.1)
        return np.array(rows)


def find_slowly(queries: list[str], candidates: list[str], k: int, margin: str) -> list[int]:
    """The answer of each query, as LASER's definition has it, pair by pair."""
    sides = [[row / math.hypot(*row) for row in Noisy().encode(s)] for s in (queries, candidates)]
    cosine = [[float(a @ b) for b in sides[1]] for a in sides[0]]
    columns = list(zip(*cosine, strict=True))

    def mean(values: Any) -> float:
        near = sorted(values, reverse=True)[:k]
        return sum(near) / len(near)

    answers = []
    for row in cosine:
        near = sorted(range(len(row)), key=lambda j: -row[j])[:k]
        scores = []
        for j in near:
            average = (mean(row) + mean(columns[j])) / 2
            ways = {"ratio": row[j] / average, "distance": row[j] - average, "absolute": row[j]}
            scores.append(ways[margin])
        answers.append(near[scores.index(max(scores))])
    return answers


def write_flores(folder: Path) -> None:
    write(folder / "devtest" / "eng_Latn.devtest", ENGLISH)
    write(folder / "devtest" / "fra_Latn.devtest", FRENCH)
    more = folder / "devtest_augmented"
    write(more / "eng_Latn_augmented.devtest", [*NEGATIVES, ENGLISH[2]])
    kinds = ["Number replacement", "Entity", "Number replacement", "Entity"]
    rows = {
        text: {"src": text.removesuffix(" not"), "errtype": kind}
        for text, kind in zip(NEGATIVES, kinds, strict=True)
    }
    (more / "eng_Latn_errtype.devtest.json").write_text(json.dumps(rows), encoding="utf-8")


@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
@pytest.mark.parametrize("k", [1, 4])
def test_answers_and_errors_are_those_of_the_loops(tmp_path: Path, k: int, margin: str) -> None:
    write_flores(tmp_path)
    data, out = tmp_path / "devtest", tmp_path / "out"
    for name, candidates in (("xsim", ENGLISH), ("xsim++", ENGLISH + NEGATIVES)):
        task = find_task(name)
        assert task.list_languages(data) == ["fra_Latn"]
        (path,) = task.predict(Noisy(), data, out, k=k, margin=margin)  # type: ignore[call-arg]
        assert path == out / name / "test-fra_Latn.tsv"
        answers = [int(line) for line in path.read_text().splitlines()]
        wanted = find_slowly(FRENCH, candidates, k, margin)
        texts = [candidates[answer] for answer in wanted]
        assert [candidates[answer] for answer in answers] == texts
        wrong = [(text, right) for text, right in zip(texts, ENGLISH, strict=True) if text != right]
        found = {score.metric: score.value for score in task.score(out, data)}
        assert found["error"] == pytest.approx(len(wrong) / len(ENGLISH))
        if name == "xsim++":
            own = [text for text, right in wrong if text == f"{right} not"]
            numbers = [text for text in own if text in (NEGATIVES[0], NEGATIVES[2])]
            parts = {
                "number-replacement": len(numbers),
                "entity": len(own) - len(numbers),
                "misaligned": len(wrong) - len(own),
            }
            assert found == {"error": found["error"]} | {
                f"error-{kind}": pytest.approx(count / len(ENGLISH))
                for kind, count in parts.items()
            }
        items = count_items(task, out, data, "fra_Latn")
        assert items.sum(axis=0).tolist() == [len(wrong), len(ENGLISH)]


def test_each_kind_of_answer_is_counted(tmp_path: Path) -> None:
    write_flores(tmp_path)
    data, out = tmp_path / "devtest", tmp_path / "out"
    answers = [0, len(ENGLISH), 2, 12, 5, len(ENGLISH) + 1, -1, *range(7, 12), 3]
    write(out / "xsim++" / "test-fra_Latn.tsv", map(str, answers))
    found = {s.metric: s.value * len(ENGLISH) for s in find_task("xsim++").score(out, data)}
    # line 1 has its own negative, 4 a wrong line, 5 the negative of 4, 6 nothing; 3 is there twice
    wanted = {"error": 4, "error-number-replacement": 1, "error-entity": 0, "error-misaligned": 3}
    assert found == {metric: pytest.approx(count) for metric, count in wanted.items()}


def test_files_by_language_last_and_in_the_folder_of_the_task(tmp_path: Path) -> None:
    for folder in (tmp_path / "xsim", tmp_path / "plain"):
        for code, lines in (("en", ENGLISH), ("fr", FRENCH), ("de", FRENCH)):
            write(folder / f"multi.{code}", lines)
        for code in ("txt", "ids"):  # which were averaged in
            write(folder / f"multi.{code}", ENGLISH)
    for name in ("xsim", "xsim-negatives"):
        task = find_task(name)
        for data in (tmp_path, tmp_path / "plain"):
            assert task.list_languages(data) == ["de", "fr"]
            ((code, lines),) = task.load(data, ["fr"])
            assert (code, lines.queries, lines.candidates[:13]) == ("fr", FRENCH, ENGLISH)
            assert len(lines.candidates) == 13 + len(lines.changed)
            assert (not lines.changed) == (name == "xsim")
            assert len(task.list_files(data)) == 3
    with pytest.raises(ConfigError, match="fr"):
        list(find_task("xsim").load(tmp_path, ["it"]))
    with pytest.raises(DataError, match="LASER's eng_Latn_augmented"):
        list(find_task("xsim++").load(tmp_path / "plain"))


def test_what_can_not_be_used(tmp_path: Path) -> None:
    task = find_task("xsim")
    with pytest.raises(DataError, match=r"holds no texts for xsim: multi.en"):
        task.list_languages(tmp_path)
    write(tmp_path / "multi.en", ENGLISH)
    with pytest.raises(DataError, match="holds no texts for xsim"):
        task.list_languages(tmp_path)
    write(tmp_path / "multi.fr", FRENCH[:-1])
    with pytest.raises(DataError, match="12 lines for 13 English lines"):
        task.check(tmp_path)
    write(tmp_path / "other.en", ENGLISH)
    with pytest.raises(DataError, match=r"several English texts: multi \(en\), other \(en\)"):
        task.list_languages(tmp_path)
    write_flores(tmp_path / "flores")
    path = tmp_path / "flores" / "devtest_augmented" / "eng_Latn_errtype.devtest.json"
    for text in ("[]", "{", '{"a": {"src": 1}}', '{"a": 1}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="as LASER has it"):
            find_task("xsim++").check(tmp_path / "flores" / "devtest")
    out = tmp_path / "out"
    write(out / "xsim" / "test-fra_Latn.tsv", ["0"])
    with pytest.raises(DataError, match="1 lines for 13 lines of fra_Latn"):
        task.score(out, tmp_path / "flores" / "devtest")


def test_spaces_at_the_edges_of_changes_count_as_in_texts(tmp_path: Path) -> None:
    """A no-break space belongs to the text; without it in the table, an error was unnamed."""
    write_flores(tmp_path)
    more = tmp_path / "devtest_augmented"
    path, texts = more / "eng_Latn_errtype.devtest.json", more / "eng_Latn_augmented.devtest"
    rows = json.loads(path.read_text("utf-8"))
    first, kept = NEGATIVES[0], f"\u00a0{NEGATIVES[0]}"
    rows[f" {kept}\n"] = rows.pop(first)
    path.write_text(json.dumps(rows), encoding="utf-8")
    texts.write_text(texts.read_text("utf-8").replace(first, kept, 1), encoding="utf-8")
    ((_, gold),) = find_task("xsim++").load(tmp_path / "devtest")
    assert gold.changed[kept].change == "Number replacement"


def test_negatives_change_one_thing_and_are_the_same_each_time() -> None:
    lines = [
        "In 1994 more than 20 men went to Paris with Ann Lee.",
        "He said that Berlin was not the best of three towns, 1,000 years old.",
        "The sea is calm.",
        "The sea is not calm.",
        "Bonjour",
    ]
    made = make_negatives(lines)
    assert made == make_negatives(lines)
    assert list(made) != list(make_negatives(lines, seed=2))
    assert not set(made) & set(lines)
    assert {original for original, _ in made.values()} == set(lines[:2])
    for text, (original, change) in made.items():
        one, other = original.split(), text.split()
        if change in ("number", "antonym"):
            differ = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
            assert len(differ) == 1, text
            if change == "number" and differ[0][0].isdecimal():
                assert differ[0][1].isdecimal()
                assert len(differ[0][0]) == len(differ[0][1])
        elif change == "negation":
            assert sorted([*one, "not"]) == sorted(other) or sorted([*other, "not"]) == sorted(one)
    found = {change for _, change in made.values()}
    assert found == {"number", "antonym", "entity", "negation"}
    assert "1,000" in " ".join(made)  # a part of a number is no number


@pytest.mark.parametrize("other", ["sentences", "originals"])
def test_negatives_of_another_text_are_refused(tmp_path: Path, other: str) -> None:
    """Each error would be one of misalignment, and the others 0."""
    write_flores(tmp_path)
    path = tmp_path / "devtest_augmented/eng_Latn_errtype.devtest.json"
    rows = json.loads(path.read_text())
    if other == "sentences":
        rows = {f"{text} here": row for text, row in rows.items()}
    else:
        rows = {text: row | {"src": "another text"} for text, row in rows.items()}
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError, match=r"errtype\.devtest\.json: names no line of "):
        find_task("xsim++").check(tmp_path / "devtest")

"""Scores on real gold labels: against a plain reading of the format, and against seqeval.

Run with a folder in XTREME's layout, gold in ``labels``:

    CROSSZERO_XTREME=xtreme python -m pytest tests/tasks/test_real_labels.py
"""

from __future__ import annotations

import os
import random
from importlib import metadata
from pathlib import Path

import pytest

from crosszero.tasks.scoring import score_predictions
from crosszero.tasks.tag_spans import score_spans
from tests.tasks.helpers import find_fine_tuned
from tests.tasks.test_scoring import read_plainly, score_plainly

TASKS = ("xnli", "pawsx", "udpos", "panx", "bucc2018", "tatoeba")
FOLDER = os.environ.get("CROSSZERO_XTREME")
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="CROSSZERO_XTREME names no folder with XTREME's labels"
)


def spoil(lines: list[str], task: str, draw: random.Random) -> list[str]:
    """Predictions that are wrong here and there, in the format of the gold labels."""
    if task == "bucc2018":
        sides = [line.split("\t") for line in lines]
        other = [sides[(i + (draw.random() < 0.3)) % len(sides)][1] for i in range(len(sides))]
        return list(dict.fromkeys(f"{a}\t{b}" for (a, _), b in zip(sides, other, strict=True)))
    labels = sorted(set(lines) - {""})
    return [draw.choice(labels) if line and draw.random() < 0.2 else line for line in lines]


def spoil_all(folder: Path, task: str) -> tuple[Path, list[str]]:
    gold = Path(str(FOLDER)) / "labels"
    languages = sorted(path.stem.removeprefix("test-") for path in (gold / task).glob("test-*.tsv"))
    (folder / task).mkdir()
    for language in languages:
        name = f"{task}/test-{language}.tsv"
        lines = spoil(read_plainly(gold / name), task, random.Random(language))
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return gold, languages


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_a_plain_reading(task: str, tmp_path: Path) -> None:
    gold, languages = spoil_all(tmp_path, task)
    scores = score_predictions(tmp_path, gold, tasks=[task])
    assert sorted({score.language for score in scores}) == languages
    for language in languages:
        found = {s.metric: s.value for s in scores if s.language == language}
        plain = score_plainly(tmp_path, gold, task, language)
        assert found == {m: pytest.approx(v, abs=1e-9) for m, v in plain.items()}
        assert all(0 < value < 1 for value in found.values())


@pytest.mark.parametrize("task", ["udpos", "panx"])
def test_spans_are_those_of_seqeval(task: str, tmp_path: Path) -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    assert metadata.version("seqeval") == "1.2.2"
    gold, languages = spoil_all(tmp_path, task)
    for language in languages:
        predicted, right = (
            [list(tags) for tags in find_fine_tuned(task).read_labels(folder, language)]
            for folder in (tmp_path, gold)
        )
        found = score_spans(predicted, right)
        assert found.f1 == pytest.approx(seqeval.f1_score(right, predicted), abs=1e-12)

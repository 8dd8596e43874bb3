"""The pages on E5 are what their records say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from research.e5_evidence import Evidence, mean, sign
from research.e5_pages import write_pages
from research.e5_records import (
    AT_LAYER_7,
    FIRST_LAST,
    OWN_POOLING,
    PAPER,
    START,
    restore,
    shrink,
)
from research.e5_tables import SENTENCES, make_answers, make_changes, make_transfer

from crosszero.experiment.records import Record
from crosszero.tasks.score import Score

ROOT = Path(__file__).parents[2]
EVIDENCE = ROOT / "research/e5-results.json"
PAGES = "results.md", "alignment.md"
LEARNT = "udpos", "panx", "pawsx"
PROSE = re.compile(r"<!-- (\w+) -->.*?<!-- end of \1 -->", re.DOTALL)


def read(name: str) -> Evidence:
    found = json.loads(EVIDENCE.read_text(encoding="utf-8"))
    return Evidence(found["experiments"][name], found["seeds"])


def test_the_tables_are_made_from_the_records(tmp_path: Path) -> None:
    for name in PAGES:
        shutil.copy(ROOT / "docs" / name, tmp_path / name)
    write_pages(EVIDENCE, tmp_path)
    for name in PAGES:
        assert (tmp_path / name).read_text("utf-8") == (ROOT / "docs" / name).read_text("utf-8")


def test_every_number_of_the_text_stands_in_a_table() -> None:
    page = (ROOT / "docs/results.md").read_text("utf-8")
    tables = "".join(found.group() for found in PROSE.finditer(page))
    said = re.findall(
        r"\b\d+\.\d\b", re.sub(r"arXiv [\d.]+|chance: [\d.]+", "", PROSE.sub("", page))
    )
    assert len(said) >= 10
    assert not set(said) - set(re.findall(r"\b\d+\.\d\b", tables))


def test_what_the_page_concludes_holds_for_the_records() -> None:
    e5 = read("e5")
    by_name = {(r.system, r.task, r.seed): r for r in e5.records}
    start, split = (by_name[name, "tatoeba", 1].scores for name in (START, "split"))
    assert all(new.value > old.value for old, new in zip(start, split, strict=True))
    gap = {name: mean(by_name[name, "xnli", 1], "gap") for name in (START, *PAPER)}
    assert gap["CZ-snt"] == min(gap.values())
    assert gap["ML-CTL-CZ"] > gap[START]
    others = {name: mean(by_name[name, "xnli", 1], "others") for name in PAPER}
    again = mean(by_name[START, "xnli", 2], "others")
    assert (
        max(others["ML-CTL-info"], others["ML-CTL-CZ"])
        < again
        < min(others["info-snt"], others["CZ-snt"])
    )
    aer = {name: mean(by_name[name, "word-alignment", 1]) for name in (START, *PAPER, AT_LAYER_7)}
    assert aer[AT_LAYER_7] < aer[START] < aer["ML-CTL-CZ"] - 1.4
    pos, ner, pawsx = (e5.compared[START, "ML-CTL-CZ", t, "others"] for t in LEARNT)
    assert pos[1] > 0 > ner[1]
    assert ner[2] > 0 > pawsx[2]
    assert mean(by_name["ML-CTL-CZ", "pawsx", 1], "English") < 60
    for task, gain in (("udpos", {"zh"}), ("panx", {"ar", "zh", "ru"})):
        sides = (by_name[name, task, 1].scores for name in (START, "ML-CTL-CZ"))
        pairs = [pair for pair in zip(*sides, strict=True) if pair[0].language != "en"]
        assert {old.language for old, new in pairs if new.value > old.value} == gain
    for rows in (OWN_POOLING, FIRST_LAST):
        reached = {name: mean(by_name[rows[name], "tatoeba", 1]) for name in PAPER}
        worst, best = sorted(reached, key=lambda name: reached[name])[:2], max(reached.values())
        assert set(worst) == {"ML-CTL-info", "ML-CTL-CZ"}
        assert best == reached["info-snt"]


def test_a_record_is_kept_by_its_main_metric() -> None:
    scores = tuple(
        Score(task="panx", metric=metric, language=language, value=value, count=7)
        for metric, language, value in (
            ("f1", "en", 0.5),
            ("f1", "de", 0.25),
            ("accuracy", "de", 1),
        )
    )
    kept = restore(
        json.loads(json.dumps(shrink(Record(system="a", task="panx", seed=1, scores=scores))))
    )
    assert kept.scores == scores[:2]
    assert [mean(kept, part) for part in ("all", "English", "others", "gap")] == [37.5, 50, 25, 25]


@pytest.mark.parametrize(
    ("points", "text"), [(0.04, "0.0"), (-0.04, "0.0"), (-1.26, "-1.3"), (2, "+2.0")]
)
def test_a_change_has_its_sign(points: float, text: str) -> None:
    assert sign(points) == text


def test_a_gap_in_the_records_is_shown_as_one() -> None:
    e5 = read("e5")
    e5.records = [record for record in e5.records if record.task != "xnli"]
    assert make_answers(e5).rows[0][1] is None
    assert make_transfer(e5, SENTENCES[:1]).rows == ()
    e5.compared.clear()
    assert make_changes(e5, SENTENCES, ["all"]).rows == ()

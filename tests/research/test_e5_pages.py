"""The pages on E5 are what their records say."""

from __future__ import annotations

import json
import re
import shutil
from math import hypot, nan
from pathlib import Path
from statistics import fmean

import pytest
from research.e5_evidence import Evidence, mean, sign
from research.e5_pages import write_pages
from research.e5_records import (
    OWN_POOLING,
    PAPER,
    QUESTIONS,
    START,
    SYSTEMS,
    restore,
    shrink,
)
from research.e5_tables import SENTENCES, make_answers, make_changes, make_robust, make_transfer

from crosszero.experiment.records import Record
from crosszero.tasks.score import Score

ROOT = Path(__file__).parents[2]
EVIDENCE = ROOT / "research/e5-results.json"
PAGES = "results.md", "alignment.md"
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

    def shown(first: str, second: str, task: str, part: str = "all") -> int:
        """The sign of a change whose interval holds no zero, else 0."""
        _, low, high = e5.compared[first, second, task, part]
        return (low > 0) - (high < 0)

    trained = [*PAPER, "split"]
    for name in trained:
        assert shown(START, name, "word-retrieval") > 0
        assert shown(START, name, "word-alignment") == 0
        for task in ("xnli", "panx"):
            assert not any(shown(START, name, task, part) for part in ("English", "others"))
        for part in ("English", "others"):
            assert shown(START, name, "udpos", part) == (name == "ML-CTL-CZ" and part == "others")
    ways = {
        name: shown(START, row, "tatoeba") for name, row in OWN_POOLING.items() if name != START
    }
    assert ways == dict(zip(PAPER, (1, 0, -1, -1), strict=True)) | {"split": 1}
    moved = {
        question: [
            t for t in ("xnli", "udpos", "panx", "pawsx", "word-alignment") if shown(*pair, t)
        ]
        for question, pair in QUESTIONS.items()
        if pair[0] != START
    }
    assert {question for question, tasks in moved.items() if tasks} == {"words, too, CZ-NCE"}
    assert moved["words, too, CZ-NCE"] == ["word-alignment"]
    reached = {
        (name, seed): e5.of_seed(name, "pawsx", "English", seed) or nan
        for name in SYSTEMS for seed in e5.seeds
    }  # fmt: skip
    failed = {key for key, value in reached.items() if value < 70}
    levels = ("ML-CTL-info", "ML-CTL-CZ")
    assert failed == {("CZ-snt", 3), *((name, seed) for name in levels for seed in (2, 3))}
    evidence = read("e5-robust")
    for seed in evidence.seeds:
        ear, longer = (evidence.of_seed(row, "xnli", "others", seed) for row in ("EAR", "longer"))
        assert (ear or 0) > (longer or 100)
    robust = evidence.compared
    found = {
        change: robust[change][1:]
        for change in (
            (START, "longer", "xnli", "English"),
            (START, "longer", "xnli", "others"),
            ("longer", "synonyms", "xnli", "English"),
            ("longer", "synonyms", "xnli", "others"),
            ("longer", "EAR", "xnli", "English"),
            ("longer", "EAR", "xnli", "others"),
            ("ML-CTL-CZ", "ML-CTL-CZ+longer", "xnli", "others"),
            ("ML-CTL-CZ+longer", "ML-CTL-CZ+synonyms", "xnli", "others"),
            ("ML-CTL-CZ+longer", "ML-CTL-CZ+EAR", "xnli", "others"),
            ("EAR", "ML-CTL-CZ+EAR", "xnli", "English"),
            ("EAR", "ML-CTL-CZ+EAR", "xnli", "others"),
            (START, "synonyms", "pawsx", "English"),
            (START, "EAR", "pawsx", "English"),
        )
    }
    signs = [(low > 0) - (high < 0) for low, high in found.values()]
    assert signs == [1, 0, -1, 0, 0, 1, 1, 0, 1, 0, 0, -1, -1]
    purity = {
        name: each["purity"]
        for name, each in json.loads(EVIDENCE.read_text("utf-8"))["clusters"]["measured"].items()
    }
    means = {name: round(100 * fmean(values)) for name, values in purity.items()}
    assert means == {START: 31, "CZ-snt": 75, "ML-CTL-CZ": 61}
    assert max(purity["ML-CTL-CZ"]) < min(purity["CZ-snt"])
    tatoeba = {r.system: r.scores for r in e5.records if r.task == "tatoeba" and r.seed == 1}
    pairs = zip(tatoeba[START], tatoeba["split"], strict=True)
    assert all(new.value > old.value for old, new in pairs)


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


def test_an_interval_holds_what_other_seeds_would_change() -> None:
    records = [
        {"system": name, "task": task, "seed": seed, "date": "2026-01-01", "seconds": 1,
         "machine": "m", "commit": "", "key": "", "scores": {"en": [value, 9]}}
        for task in ("tatoeba", "xnli")
        for name, values in (("a", (0.5,)), ("b", (0.5, 0.51, 0.52)))
        for seed, value in enumerate(values, 1)
    ]  # fmt: skip
    compared = [["a", "b", task, "all", 1.0, 0.5, 2.0] for task in ("tatoeba", "xnli")]
    found = {"title": "", "records": records, "comparisons": compared, "losses": []}
    seeds = 4.302653 / 3**0.5  # Student's t for three values with a standard deviation of 1
    expected = [1.0, 1 - hypot(0.5, seeds), 1 + hypot(1.0, seeds)]
    three, one = Evidence(found, [1, 2, 3]).compared, Evidence(found, [1]).compared
    assert three["a", "b", "tatoeba", "all"] == pytest.approx(expected)
    assert one["a", "b", "tatoeba", "all"] == [1.0, 0.5, 2.0]
    assert three["a", "b", "xnli", "all"] == [1.0, 0.5, 2.0]  # fine-tuned with one common seed


def test_robust_fine_tuning_stands_beside_the_usual_one() -> None:
    def record(system: str, task: str, **scores: float) -> dict[str, object]:
        found = {name.replace("_", "-"): [value, 9] for name, value in scores.items()}
        return {"system": system, "task": task, "seed": 1, "date": "2026-01-01", "seconds": 1,
                "machine": "m, 1 threads", "commit": "", "key": "", "scores": found}  # fmt: skip

    records = [
        record(START, "xnli", en=0.7, de=0.6),
        record("synonyms", "xnli", en=0.7, de=0.625),
        record("synonyms", "xnli-mixed", en_de=0.5, de_en=0.6),
    ]
    compared = [
        [START, "synonyms", "xnli", "others", 2.5, -0.5, 5.5],
        ["unfrozen", "EAR", "xnli", "others", 1.0, 0.5, 1.5],
    ]
    found = {"title": "", "records": records, "comparisons": compared, "losses": []}
    table = make_robust(Evidence(found, [1, 2]))
    names = [f"XNLI, {part}" for part in ("English", "others", "gap")]
    assert table.columns == ("fine-tuning", *names, "XNLI, mixed")
    rows = [START, "synonyms", "synonyms - start", "EAR - unfrozen"]
    assert [row[0] for row in table.rows] == rows
    assert table.rows[1][1:] == pytest.approx((70, 62.5, 7.5, 55))
    assert table.rows[2][1:] == (None, "+2.5 [-0.5, +5.5]", None, None)
    assert "Mixed: two sentences in two languages" in table.note
    assert "Seed 1; CPU, 2026-01-01." in table.note


def test_a_gap_in_the_records_is_shown_as_one() -> None:
    e5 = read("e5")
    e5.records = [record for record in e5.records if record.task != "xnli"]
    assert make_answers(e5).rows[0][1] is None
    assert make_transfer(e5, SENTENCES[:1]).rows == ()
    e5.compared.clear()
    assert make_changes(e5, "all", SENTENCES, ["all"]).rows == ()

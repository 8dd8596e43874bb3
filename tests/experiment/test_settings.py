"""Settings, records and tables of a suite."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from crosszero.errors import ConfigError, CrosszeroError
from crosszero.experiment.intervals import measure_interval
from crosszero.experiment.plan import Plan, list_plans
from crosszero.experiment.published import read_published
from crosszero.experiment.recipe.config import locate_recipe
from crosszero.experiment.records import (
    Record,
    describe_versions,
    read_record,
    read_records,
    write_record,
)
from crosszero.experiment.report.tables import render_text
from crosszero.experiment.settings import SuiteConfig, read_suite
from crosszero.experiment.summary import write_summary
from crosszero.experiment.tables import (
    make_costs,
    make_deviations,
    make_languages,
    make_measured,
    make_published,
)
from crosszero.tasks.task import Score
from tests.tasks.helpers import make_score

SUITE = """
name: small
out: out
samples: samples
data: data
tasks: [tatoeba, xnli]
seeds: [1, 2]
train: {steps: 5, learning_rate: 1e-3}
systems:
  start: {}
  ML-CTL-CZ: {train: {}}
  info-snt: {train: {loss: info-nce, level: sentence}}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_systems_share_settings_of_training(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path / "s.yaml", SUITE))
    assert suite.training("start", 1) is None
    base, other = suite.training("ML-CTL-CZ", 1), suite.training("info-snt", 2)
    assert base is not None
    assert other is not None
    assert (base.steps, base.loss, base.level, base.seed) == (5, "cz-nce", "multi", 1)
    assert (other.steps, other.loss, other.level, other.seed) == (5, "info-nce", "sentence", 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tatoeba, xnli", "tatoba", "did you mean 'tatoeba'"),
        ("name: small", "name: small\njobs: 0", "jobs: 0 given"),
        ("[1, 2]", "[]", "seeds: at least one"),
        ("[1, 2]", "[1, 1]", "each once"),
        ("samples: samples", "", "samples: ML-CTL-CZ, info-snt need a store"),
        ("data: data", "", "data: is needed by the task tatoeba"),
        ("xnli]", "word-alignment]", "alignment: is needed"),
        ("steps: 5", "stps: 5", "info-snt: train: unknown setting|ML-CTL-CZ: train: unknown"),
        ("level: sentence", "level: word", "'word' given"),
        ("  start: {}", "  a/b: {}", "names a folder"),
        ("start: {}", "start: {trained: runs/x}", "same folder for all seeds"),
        ("start: {}", "start: {trained: 'x-{seed}', encoder: y}", "drop encoder and train"),
        ("tasks:", "fine_tune: {udpos: {robust: ear}}\ntasks:", "robust is for xnli and pawsx"),
        ("tasks:", "fine_tune: {tatoeba: {}}\ntasks:", "not fine-tuned"),
        ("systems:", "sistems: {}\nsystems:", "did you mean 'systems'"),
    ],
)
def test_wrong_suites_are_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SUITE
    with pytest.raises(ConfigError, match=message):
        read_suite(write(tmp_path / "s.yaml", SUITE.replace(old, new)))
    with pytest.raises(ConfigError, match="at least one is needed"):
        SuiteConfig(name="x", out="y", systems={})


def make_record(**changes: Any) -> Record:
    record = Record(
        system="start",
        task="tatoeba",
        seed=1,
        scores=(
            make_score("tatoeba/accuracy", "ar", 0.25, 4),
            make_score("tatoeba/accuracy", "fr", 0.75, 4),
        ),
        key="k",
        data_hash="d",
        date="2026-11-22T00:00:00+00:00",
        seconds=1.5,
        peak_memory=100.0,
        versions=describe_versions(),
        machine="x",
        commit="",
    )
    return dataclasses.replace(record, **changes)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    record = make_record()
    write_record(record, tmp_path / "start-tatoeba-1.json")
    assert read_record(tmp_path / "start-tatoeba-1.json") == record
    assert read_records(tmp_path) == [record]
    assert "torch" in record.versions
    (tmp_path / "start-tatoeba-1.json").write_text('{"system": "x"}')
    with pytest.raises(CrosszeroError, match="remove it"):
        read_records(tmp_path)
    with pytest.raises(CrosszeroError, match="crosszero suite"):
        read_records(tmp_path / "no")


def test_a_table_has_means_over_languages_and_intervals_over_seeds() -> None:
    def scores(value: float) -> tuple[Score, ...]:
        return (make_score("tatoeba/accuracy", "ar", value, 4),)

    records = [
        make_record(),
        make_record(system="ML-CTL-CZ", seed=1, scores=scores(0.5)),
        make_record(system="ML-CTL-CZ", seed=2, scores=scores(0.6)),
        make_record(
            system="ML-CTL-CZ",
            task="xnli",
            scores=(make_score("xnli/accuracy", "fr", 0.4, 9),),
        ),
    ]
    table = make_measured(records, "small")
    assert table.columns == ("system", "XNLI", "Tatoeba")
    assert table.rows[0] == ("start", None, 50.0)
    assert table.rows[1] == ("ML-CTL-CZ", 40.0, measure_interval([50.0, 60.0]))
    assert "seeds 1, 2" in table.note
    assert "AER" not in table.note
    assert "seqeval" not in table.note
    tagged = make_record(task="panx", scores=(make_score("panx/f1", "ar", 0.5, 4),))
    assert "seqeval 1.2.2" in make_measured([tagged], "small").note
    deviations = make_deviations(records)
    assert deviations is not None
    assert deviations.rows == (
        ("start", None, None),
        ("ML-CTL-CZ", None, pytest.approx(10 / math.sqrt(2))),
    )
    single = make_measured(records[:2], "small")
    assert "seed 1." in single.note
    assert make_deviations(records[:2]) is None
    languages = make_languages(records, "Tatoeba")
    assert languages.rows[0] == ("ar", 25.0, measure_interval([50.0, 60.0]))
    assert languages.rows[1] == ("fr", 75.0, None)
    assert "–" in render_text(languages)


def test_time_is_told_by_task() -> None:
    long = [make_record(seconds=5400.0), make_record(seconds=1800.0, machine="y")]
    table = make_costs(long)
    assert table.rows == (("tatoeba", 2, 60.0, 90.0),)
    assert "2.0 hours in all" in table.note
    assert "(x or y)" in table.note


def test_the_summary_has_every_value_by_seed(tmp_path: Path) -> None:
    rows = [
        make_record(
            seed=seed, scores=(make_score("t/m", "ar", value, 4), make_score("t/m", "fr", 1.0, 4))
        )
        for seed, value in ((1, 0.5), (2, 0.7))
    ]
    write_summary(rows, tmp_path / "summary.json")
    found = json.loads((tmp_path / "summary.json").read_text())["start"]["t/m"]
    assert found["ar"]["values"] == [0.5, 0.7]
    assert found["mean"]["seeds"] == [1, 2]
    assert found["mean"]["mean"] == pytest.approx(0.8)
    assert found["mean"]["deviation"] == pytest.approx(0.1 / math.sqrt(2))
    half = 12.706204736 * 0.1 / 2  # Student t with one degree of freedom, 0.1 / sqrt 2 / sqrt 2
    assert found["mean"]["high"] - found["mean"]["mean"] == pytest.approx(half)
    write_summary(rows[:1], tmp_path / "summary.json")
    found = json.loads((tmp_path / "summary.json").read_text())["start"]["t/m"]
    assert found["ar"]["deviation"] is None


def test_robust_rows_have_pairs_of_sentences_only(tmp_path: Path) -> None:
    robust = "  soft: {fine_tune: {robust: smoothing}}\n"
    suite = read_suite(write(tmp_path / "s.yaml", SUITE + robust))
    own = [plan for plan in list_plans(suite) if plan.system == "soft"]
    assert own == [Plan("soft", "xnli", 1), Plan("soft", "xnli", 2)]
    records = [
        make_record(),
        make_record(system="soft", task="xnli",
                    scores=(make_score("xnli/accuracy", "fr", 0.4, 9),)),
    ]  # fmt: skip
    table = make_measured(records, "small", robust=["soft"])
    assert table.rows == (("start", None, 50.0), ("soft", 40.0, None))
    assert "soft: robust fine-tuning is for pairs of sentences" in table.note
    assert "robust" not in make_measured(records, "small").note


def test_the_shipped_suite_can_be_read() -> None:
    suite = read_suite(locate_recipe("suite"))
    robust = [name for name in suite.systems if suite.is_robust(name)]
    assert robust == ["mini-adversarial", "mini-smoothing", "mini-ear"]
    for plan in list_plans(suite):
        assert plan.system not in robust or plan.task in ("xnli", "pawsx")


def test_published_rows_are_complete() -> None:
    published = read_published()
    rows = {row.system: row for row in published.rows}
    assert list(rows) == ["mBERT", "XLM", "MMTE", "info-snt", "CZ-snt", "ML-CTL-CZ"]
    for row in published.rows:
        assert len(row.values) == len(published.columns) == len(published.measures)
        assert row.source in published.sources
        assert all(math.isfinite(value) and 0 < value < 100 for value in row.values)
    assert "never released" in rows["MMTE"].here
    assert [name for name, row in rows.items() if row.command is None] == ["MMTE"]
    assert make_published().rows[0][:3] == ("mBERT", 65.4, 81.9)

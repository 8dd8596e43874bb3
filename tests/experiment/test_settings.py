"""Settings, records and tables of an experiment."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.experiment.measurement import list_measurements
from crosszero.experiment.page.contents import write_page
from crosszero.experiment.recipes import locate_recipe, read_experiment
from crosszero.experiment.records import Record, describe_versions, read_record, write_record
from crosszero.experiment.result_tables import (
    make_costs,
    make_deviations,
    make_languages,
    make_overview,
    make_published,
    read_published,
    write_tables,
)
from crosszero.experiment.results import Results, read_results
from crosszero.experiment.scores import Scores
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import Stamp
from crosszero.experiment.table import measure_interval, render_text
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.score import Score
from tests.tasks.helpers import make_score

ROOT = Path(__file__).parents[2]
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


def gather(*records: Record, config: ExperimentConfig | None = None) -> Results:
    return Results(title="small", folder=Path(), records=records, systems=(), config=config)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_systems_share_settings_of_training(tmp_path: Path) -> None:
    suite = read_experiment(write(tmp_path / "s.yaml", SUITE))
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
        ("samples: samples", "", "samples: ML-CTL-CZ, info-snt need samples to train on"),
        ("data: data", "", "data: is needed by the task tatoeba"),
        ("xnli]", "word-alignment]", "alignment: is needed"),
        ("steps: 5", "stps: 5", "info-snt: train: unknown setting|ML-CTL-CZ: train: unknown"),
        ("level: sentence", "level: word", "'word' given"),
        ("  start: {}", "  a/b: {}", "is used as a folder name"),
        ("start: {}", "start: {trained: runs/x}", "same folder for all seeds"),
        ("start: {}", "start: {trained: 'x-{seed}', encoder: y}", "remove encoder and train"),
        ("tasks:", "fine_tune: {udpos: {robust: ear}}\ntasks:", "robust is for xnli and pawsx"),
        ("tasks:", "fine_tune: {tatoeba: {}}\ntasks:", "not fine-tuned"),
        ("systems:", "sistems: {}\nsystems:", "did you mean 'systems'"),
    ],
)
def test_wrong_suites_are_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SUITE
    with pytest.raises(ConfigError, match=message):
        read_experiment(write(tmp_path / "s.yaml", SUITE.replace(old, new)))
    with pytest.raises(ConfigError, match="at least one is needed"):
        ExperimentConfig(name="x", out="y", systems={})


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
    assert "torch" in record.versions
    with pytest.raises(CrosszeroError, match="crosszero run"):
        read_results(tmp_path / "no")


OLD_SCORE = {"metric": "xtreme/udpos/f1", "language": "fr", "value": 0.5, "size": 9}


@pytest.mark.parametrize(
    "change",
    [
        {"scores": None},
        {"scores": {}},
        {"scores": [[]]},
        {"scores": [OLD_SCORE | {"value": "x"}]},
        {"scores": [OLD_SCORE | {"value": None}]},
        {"scores": [OLD_SCORE | {"value": 1.5}]},
        {"scores": [OLD_SCORE | {"size": 2.5}]},
        {"scores": [OLD_SCORE | {"metric": "f1"}]},
        {"scores": [OLD_SCORE | {"metric": ["f1"]}]},
        {"scores": [OLD_SCORE | {"metric": "xtreme/udpos/layer-x/f1"}]},
        {"scores": [{"value": 0.5}]},
        {"seconds": "long"},
        {"seed": "1"},
        {"versions": ["1"]},
        {"versions": {"torch": 2}},
        {"system": []},
        {"sistem": "x"},
    ],
)
def test_a_record_of_another_shape_is_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "records" / "start.json"
    path.parent.mkdir()
    path.write_text(json.dumps(dataclasses.asdict(make_record()) | change))
    message = r"start\.json: damaged \(.+\); remove it to measure it again$"
    with pytest.raises(DataError, match=message):
        read_record(path)
    with pytest.raises(DataError, match=message):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"system": "x"}', "[" * 100_000, "\0"])
def test_what_is_no_record_nor_scores_nor_stamp_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".stamps" / "page.json"
    write(path, text)
    with pytest.raises(DataError, match="remove it"):
        read_record(path)
    with pytest.raises(DataError, match="evaluate again"):
        Scores.read(path)
    assert not Stamp(tmp_path, "page").is_begun("key")


def test_scores_of_another_shape_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    scores = Scores([make_score("udpos/f1", "fr", 0.5, 9)])
    scores.write(path)
    assert list(Scores.read(path)) == list(scores)
    for row in ({"value": "x"}, {"value": True}, {"count": None}, {"layer": "8"}, {"more": 1}):
        content = json.loads(path.read_text())
        content["scores"][0] |= row
        write(tmp_path / "wrong.json", json.dumps(content))
        with pytest.raises(DataError, match=r"wrong\.json: damaged \(.+\); evaluate again$"):
            Scores.read(tmp_path / "wrong.json")


def test_a_task_that_nobody_knows_has_no_column(tmp_path: Path) -> None:
    scores = (make_score("later/f1", "fr", 0.5, 9),)
    write_record(make_record(task="later", scores=scores), tmp_path / "records" / "one.json")
    path, _ = write_page(tmp_path, hover=False)
    assert "There are no scores by language." in path.read_text("utf-8")


def test_records_of_version_01_are_read(tmp_path: Path) -> None:
    path = tmp_path / "start-word-alignment-1.json"
    old = {"metric": "crosszero/word-alignment/layer-8/aer", "language": "en-fr", "value": 0.5,
           "size": 9}  # fmt: skip
    content = dataclasses.asdict(make_record()) | {"scores": [old]}
    del content["layer"], content["pooling"]
    path.write_text(json.dumps(content))
    (found,) = read_record(path).scores
    assert (found.name, found.layer, found.count) == ("word-alignment/layer-8/aer", 8, 9)


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
    table = make_overview(gather(*records))
    assert table.columns == ("system", "XNLI", "Tatoeba")
    assert table.rows[0] == ("start", None, 50.0)
    assert table.rows[1] == ("ML-CTL-CZ", 40.0, measure_interval([50.0, 60.0]))
    assert "seeds 1, 2" in table.note
    assert "AER" not in table.note
    assert "seqeval" not in table.note
    tagged = make_record(task="panx", scores=(make_score("panx/f1", "ar", 0.5, 4),))
    assert "seqeval 1.2.2" in make_overview(gather(tagged)).note
    deviations = make_deviations(gather(*records))
    assert deviations is not None
    assert deviations.rows == (
        ("start", None, None),
        ("ML-CTL-CZ", None, pytest.approx(10 / math.sqrt(2))),
    )
    single = make_overview(gather(*records[:2]))
    assert "seed 1." in single.note
    assert make_deviations(gather(*records[:2])) is None
    languages = make_languages(gather(*records), find_task("tatoeba"))
    assert languages.rows[0] == ("ar", 25.0, measure_interval([50.0, 60.0]))
    assert languages.rows[1] == ("fr", 75.0, None)
    assert languages.rows[2] == ("mean", 50.0, None)  # of systems with all languages
    assert "–" in render_text(languages)


def test_both_directions_of_a_pair_stand_in_one_row() -> None:
    """Before and after training, as the demonstration shows it."""

    def record(system: str, **values: float) -> Record:
        scores = tuple(
            make_score("word-retrieval/accuracy", way.replace("_", "-"), value, len(values))
            for way, value in values.items()
        )
        return make_record(system=system, task="word-retrieval", scores=scores)

    before = record("before", zh_fr=0.1, fr_zh=0.2, zh_en=0.25, en_zh=0.5)
    after = record("after", zh_fr=0.3, fr_zh=0.4, zh_en=0.75, en_zh=1.0)
    table = make_languages(gather(before, after), find_task("word-retrieval"))
    assert table.columns == (
        "pair", "forward before", "forward after", "backward before", "backward after",
    )  # fmt: skip
    assert table.rows[0] == ("en-zh", 50.0, 100.0, 25.0, 75.0)
    assert table.rows[1] == ("fr-zh", 20.0, 40.0, 10.0, 30.0)
    assert table.rows[2] == ("mean", 35.0, 70.0, 17.5, 52.5)
    assert "4 words" in table.note
    one_way = record("before", en_fr=0.5, zh_en=0.25)
    more = make_languages(gather(before, one_way), find_task("word-retrieval"))
    assert "2 to 4 words" in more.note
    table = make_languages(gather(one_way), find_task("word-retrieval"))
    assert [row[:2] for row in table.rows] == [("en-fr", 50.0), ("zh-en", 25.0), ("mean", 37.5)]


def test_time_is_told_by_task() -> None:
    long = [make_record(seconds=5400.0), make_record(seconds=1800.0, machine="y")]
    table = make_costs(long)
    assert table.rows == (("tatoeba", 2, 60.0, 90.0),)
    assert "2.0 hours in all" in table.note
    assert "(x or y)" in table.note


def test_the_summary_has_every_value_by_seed(tmp_path: Path) -> None:
    rows = [
        make_record(
            seed=seed,
            scores=(make_score("panx/m", "ar", value, 4), make_score("panx/m", "fr", 1.0, 4)),
        )
        for seed, value in ((1, 0.5), (2, 0.7))
    ]
    write_tables(dataclasses.replace(gather(*rows), folder=tmp_path))
    found = json.loads((tmp_path / "summary.json").read_text())["start"]["panx/m"]
    assert found["ar"]["values"] == [0.5, 0.7]
    assert found["mean"]["seeds"] == [1, 2]
    assert found["mean"]["mean"] == pytest.approx(0.8)
    assert found["mean"]["deviation"] == pytest.approx(0.1 / math.sqrt(2))
    half = 12.706204736 * 0.1 / 2  # Student t with one degree of freedom, 0.1 / sqrt 2 / sqrt 2
    assert found["mean"]["high"] - found["mean"]["mean"] == pytest.approx(half)
    write_tables(dataclasses.replace(gather(*rows[:1]), folder=tmp_path))
    found = json.loads((tmp_path / "summary.json").read_text())["start"]["panx/m"]
    assert found["ar"]["deviation"] is None


def test_robust_rows_have_pairs_of_sentences_only(tmp_path: Path) -> None:
    robust = "  soft: {fine_tune: {robust: smoothing}}\n"
    suite = read_experiment(write(tmp_path / "s.yaml", SUITE + robust))
    own = [one for one in list_measurements(suite) if one.system == "soft"]
    assert [(one.task.name, one.seed) for one in own] == [("xnli", 1), ("xnli", 2)]
    records = [
        make_record(),
        make_record(system="soft", task="xnli",
                    scores=(make_score("xnli/accuracy", "fr", 0.4, 9),)),
    ]  # fmt: skip
    table = make_overview(gather(*records, config=suite))
    assert table.rows == (("start", None, 50.0), ("soft", 40.0, None))
    assert "soft: robust fine-tuning works on pairs of sentences" in table.note
    assert "robust" not in make_overview(gather(*records)).note


def test_the_shipped_suite_can_be_read() -> None:
    suite = read_experiment(locate_recipe("suite"))
    robust = [name for name, system in suite.systems.items() if system.is_robust]
    assert robust == ["mini-synonyms", "mini-ear", "mini-adversarial", "mini-smoothing"]
    for one in list_measurements(suite):
        assert one.system not in robust or one.task.name in ("xnli", "pawsx")


def test_published_rows_are_complete() -> None:
    published = read_published(ROOT / "research/published.yaml")
    rows = {row.system: row for row in published.rows}
    assert list(rows) == ["mBERT", "XLM", "MMTE", "info-snt", "CZ-snt", "ML-CTL-CZ"]
    for row in published.rows:
        assert len(row.values) == len(published.columns) == len(published.measures)
        assert row.source in published.sources
        assert all(math.isfinite(value) and 0 < value < 100 for value in row.values)
    assert "never released" in rows["MMTE"].here
    assert [name for name, row in rows.items() if row.command is None] == ["MMTE"]
    assert make_published(published).rows[0][:3] == ("mBERT", 65.4, 81.9)

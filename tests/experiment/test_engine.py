"""A suite does what is missing, goes on where it was stopped, and never mixes up what changed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.align.aer import score_alignment
from crosszero.align.gold import read_alignment_set
from crosszero.cli import main
from crosszero.config import build
from crosszero.errors import ConfigError, CrosszeroError
from crosszero.experiment import steps
from crosszero.experiment.cache import CachedEncoder
from crosszero.experiment.comparison import compare, pair_systems
from crosszero.experiment.engine import check_experiment, run_experiment
from crosszero.experiment.evaluation import evaluate
from crosszero.experiment.measurement import Measured, Measurement, list_measurements
from crosszero.experiment.records import Record, read_record, write_record
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.experiment.steps import find_run, locate_training
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.hashing import hash_encoder
from crosszero.model.readout import FIRST_LAST
from crosszero.samples import SampleStore
from crosszero.tasks.tatoeba import Tatoeba
from tests.experiment.conftest import write
from tests.experiment.test_settings import make_record

Folders = Callable[..., Path]
SMALL = {"steps": 4, "batch_size": 8, "max_length": 32}
QUICK = {"pawsx": SMALL, "panx": SMALL}


@pytest.fixture
def suite(xtreme: Path, model_folder: Folders, store_folder: Folders, tmp_path: Path) -> Any:
    values = {
        "name": "small",
        "out": str(tmp_path / "suite"),
        "encoder": str(model_folder()),
        "samples": str(store_folder(60)),
        "data": str(xtreme),
        "alignment": str(xtreme),
        "tasks": ["tatoeba", "pawsx", "panx", "word-alignment"],
        "seeds": [1, 2],
        "train": {"steps": 3, "batch_size": 8, "max_length": 32, "precision": "fp32",
                  "learning_rate": 1e-3},
        "systems": {"start": {}, "CZ": {"train": {}}},
        "fine_tune": QUICK,
        "max_length": 32,
        "page": False,
    }  # fmt: skip
    return build(ExperimentConfig, values)


def run_suite(config: ExperimentConfig) -> tuple[Record, ...]:
    return run_experiment(config).records


def list_plans(config: ExperimentConfig) -> list[tuple[str, str, int]]:
    return [(one.system, one.task.name, one.seed) for one in list_measurements(config)]


def test_an_untrained_encoder_is_measured_once_where_no_seed_matters(
    suite: ExperimentConfig,
) -> None:
    plans = list_plans(suite)
    assert ("start", "tatoeba", 1) in plans
    assert ("start", "tatoeba", 2) not in plans
    assert ("start", "pawsx", 2) in plans
    assert ("CZ", "tatoeba", 2) in plans
    assert len(plans) == 14


def test_a_suite_that_was_stopped_goes_on_to_the_same_table(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []

    measure = Measurement.run

    def count(one: Measurement, encoder: str | None) -> Measured:
        if len(done) == 5 and "stop" not in done:
            done.append("stop")
            raise KeyboardInterrupt
        done.append(one.task.name)
        return measure(one, encoder)

    monkeypatch.setattr(Measurement, "run", count)
    with pytest.raises(KeyboardInterrupt):
        run_suite(suite)
    records = run_suite(suite)
    assert len([task for task in done if task != "stop"]) == 14  # nothing was done twice
    assert run_suite(suite) == records
    assert len(done) == 15
    whole = run_suite(dataclasses.replace(suite, out=str(tmp_path / "other")))
    assert [record.scores for record in whole] == [record.scores for record in records]
    kept = [read_record(path) for path in (Path(suite.out) / "records").iterdir()]
    assert {record.key for record in kept} == {record.key for record in records}


def test_encoders_that_are_trained_already(
    suite: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba"], systems={"CZ": SystemConfig(train={})})
    whole = run_suite(suite)
    for seed in suite.seeds:
        run = find_run(suite, "CZ", seed)
        assert run is not None
        run.rename(tmp_path / f"CZ-{seed}-run")
    monkeypatch.setattr(steps, "train", None)  # nothing is trained
    systems = {"CZ": SystemConfig(trained=str(tmp_path / "CZ-{seed}-run"))}
    ready = dataclasses.replace(
        suite, systems=systems, samples=None, out=str(tmp_path / "ready"), jobs=1
    )
    found = run_suite(ready)
    assert [(r.seed, r.scores) for r in found] == [(r.seed, r.scores) for r in whole]
    assert found[0].key != found[1].key  # each seed has its own encoder
    for seed in suite.seeds:
        run = find_run(ready, "CZ", seed)
        assert run == tmp_path / f"CZ-{seed}-run"
        assert (run / "metrics.jsonl").is_file()
        assert json.loads((run / "training.json").read_text())["seed"] == seed
    (tmp_path / "CZ-2-run/config.json").unlink()
    assert find_run(ready, "CZ", 2) is None
    with pytest.raises(ConfigError, match=r"CZ-2-run: its training has not ended"):
        run_suite(dataclasses.replace(ready, out=str(tmp_path / "other")))
    assert not (tmp_path / "other").exists()  # told before anything runs
    with pytest.raises(ConfigError, match="no such folder"):
        run_suite(dataclasses.replace(ready, seeds=[3]))


def test_a_layer_is_read_where_nothing_is_fine_tuned(suite: ExperimentConfig) -> None:
    tasks = ["tatoeba", "pawsx", "word-alignment"]
    systems = {"start": SystemConfig(), "first": SystemConfig(layer=1)}
    config = dataclasses.replace(suite, tasks=tasks, seeds=[1], systems=systems)
    found = {(record.system, record.task): record for record in run_suite(config)}
    for task in ("tatoeba", "word-alignment"):
        alone = evaluate(suite.encoder, tasks=[task], data=suite.data, max_length=32, layer=1)
        assert found["first", task].scores == tuple(alone)
        assert found["first", task].layer == 1
        assert found["start", task].layer is None
        assert found["first", task].key != found["start", task].key
    texts = (Path(str(suite.data)) / "tatoeba/fr-en.en").read_text().splitlines()
    expected = Encoder.load(suite.encoder, max_length=32, layer=1).encode(texts)
    for system, read in (("first", True), ("start", False)):
        kept = [np.load(path) for path in Path(suite.out, f"runs/{system}-1/vectors").iterdir()]
        assert any(np.array_equal(vectors, expected) for vectors in kept) == read
    # a fine-tuned model reads what its head reads: the same record
    assert found["first", "pawsx"].key == found["start", "pawsx"].key
    again = run_suite(dataclasses.replace(config, layer=1))
    assert list(again[3:]) == [found["first", task] for task in tasks]
    assert again[0].scores == again[3].scores
    with pytest.raises(ConfigError, match=r"layer: 0 given; layers count from 1"):
        dataclasses.replace(config, layer=0)
    far = dataclasses.replace(config, systems={"far": SystemConfig(layer=99)})
    with pytest.raises(CrosszeroError, match=r"layer.*99"):
        run_suite(far)


def test_a_system_may_be_read_as_no_other(suite: ExperimentConfig) -> None:
    systems = {"start": SystemConfig(), "cls": SystemConfig(pooling="cls")}
    config = dataclasses.replace(suite, tasks=["tatoeba"], seeds=[1], systems=systems, layer=1)
    start, other = run_suite(config)
    assert (start.layer, start.pooling) == (1, "layer-1")
    assert (other.layer, other.pooling) == (None, "cls")
    alone = evaluate(
        suite.encoder, tasks=["tatoeba"], data=suite.data, max_length=32, pooling="cls"
    )
    assert other.scores == tuple(alone)
    with pytest.raises(ConfigError, match="layer, pooling: give only one of them"):
        dataclasses.replace(config, pooling="mean")


def test_pooling_is_a_flag_and_a_key_of_a_system(
    suite: ExperimentConfig, xtreme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: object) -> int:
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        return int(str(caught.value.code))

    out, recipe, scores = tmp_path / "out", tmp_path / "recipe.yaml", {}
    flags = ["evaluate", "--encoder", suite.encoder, "--data", xtreme, "--tasks", "tatoeba"]
    for pooling in ("first-last", "mean", "cls", "max"):
        assert call(*flags, "--out", out / pooling, "--pooling", pooling) == 0
        record = read_record(out / pooling / "records/tatoeba.json")
        assert (record.layer, record.pooling) == (None, pooling)
        scores[pooling] = record.scores
    systems = {name: SystemConfig(pooling=name) for name in ("max", "cls")}
    config = dataclasses.replace(
        suite, tasks=["tatoeba"], seeds=[1], systems=systems, max_length=None
    )
    recipe.write_text(json.dumps(dataclasses.asdict(config)))
    assert call("run", recipe) == 0
    for name in systems:
        record = read_record(Path(suite.out, f"records/{name}-tatoeba-1.json"))
        assert (record.pooling, record.scores) == (name, scores[name])
    capsys.readouterr()
    assert call(*flags, "--out", out / "wrong", "--pooling", "clss") == 2
    assert call(*flags, "--out", out / "wrong", "--pooling", "cls", "--layer", 1) == 2
    assert "layer, pooling: give only one of them" in capsys.readouterr().err
    assert call("run", recipe, "--set", "systems.max.pooling=maxx") == 2
    assert "pooling: 'maxx' given; did you mean 'max'" in capsys.readouterr().err


def test_words_are_asked_of_a_store_or_of_a_folder_that_holds_it(
    suite: ExperimentConfig, xtreme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    store = Path(str(suite.samples))
    (tmp_path / "data/word-retrieval").symlink_to(store)
    config = dataclasses.replace(
        suite,
        tasks=["word-retrieval"],
        seeds=[1],
        systems={"start": SystemConfig()},
        held_out=str(store),
    )
    first = run_suite(config)
    assert first[0].scores
    assert run_suite(dataclasses.replace(config, held_out=str(tmp_path / "data"))) == first
    (tmp_path / "none").mkdir()
    with pytest.raises(CrosszeroError, match="word-retrieval"):
        run_suite(dataclasses.replace(config, held_out=str(tmp_path / "none")))
    files = sorted(store.rglob("*"))
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *f"--data {xtreme} --held-out {store} --out {store}".split()])
    assert caught.value.code == 2
    assert "is read by this command" in capsys.readouterr().err
    assert sorted(store.rglob("*")) == files


def test_a_statistical_aligner_is_a_row(
    suite: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    systems = {"start": SystemConfig(), "eflomal": SystemConfig(aligner="eflomal")}
    config = dataclasses.replace(suite, tasks=["tatoeba", "word-alignment"], systems=systems)
    records = run_suite(config)
    rows = [(record.system, record.task, record.seed) for record in records]
    assert rows[2:] == [("eflomal", "word-alignment", 1), ("eflomal", "word-alignment", 2)]
    own = records[2]
    data = Path(str(config.alignment))
    gold = read_alignment_set(data / "word-alignment/en-fr")
    rows_ = [(list(a), list(b)) for a, b in zip(gold.source, gold.target, strict=True)]
    for sample in SampleStore.open(Path(str(config.samples))):
        sides = {sample.source_language: sample.source, sample.target_language: sample.target}
        if set(sides) == {"en", "fr"}:
            rows_.append((sides["en"].lower().split(), sides["fr"].lower().split()))
    links = align_plainly(rows_, seed=1)[: len(gold.gold)]
    assert [score.value for score in own.scores if score.metric == "aer"] == [
        score_alignment(links, gold.gold).aer
    ]
    assert run_suite(config) == records
    more = dataclasses.replace(config, samples=None, systems={"start": SystemConfig()})
    assert [record.key for record in run_suite(more)] == [records[0].key, records[1].key]
    with pytest.raises(ConfigError, match="samples: eflomal need samples to train on"):
        dataclasses.replace(config, samples=None)
    with pytest.raises(ConfigError, match=r"aligner: 'eflomel' given; did you mean 'eflomal'"):
        build(SystemConfig, {"aligner": "eflomel"})
    with pytest.raises(ConfigError, match="aligner: uses no encoder"):
        SystemConfig(aligner="eflomal", encoder="crosszero-mini")
    with pytest.raises(ConfigError, match="aligner: uses no encoder"):
        SystemConfig(aligner="eflomal", pooling="cls")


def align_plainly(rows: list[tuple[list[str], list[str]]], seed: int) -> list[set[Any]]:
    """Both directions, joined by grow-diag-final-and, written once more."""
    import thot.alignment as thot

    there, back = thot.EflomalAlignmentModel(), thot.EflomalAlignmentModel()
    there.seed = back.seed = seed
    there.deterministic = back.deterministic = True
    for a, b in rows:
        there.add_sentence_pair(a, b)
        back.add_sentence_pair(b, a)
    for model in (there, back):
        model.start_training()
        for _ in range(model.scheduled_iterations):
            model.train()
        model.end_training()
    found = []
    for a, b in rows:
        forward = to_links(there.get_best_alignment(a, b)[1])
        backward = {(j, i) for i, j in to_links(back.get_best_alignment(b, a)[1])}
        found.append(grow_diag_final_and(forward, backward))
    return found


def to_links(matrix: Any) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in zip(*matrix.to_numpy().nonzero(), strict=True)}


def grow_diag_final_and(
    forward: set[tuple[int, int]], backward: set[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Koehn, Och and Marcu 2003."""
    links, union = forward & backward, forward | backward
    around = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    grown = True
    while grown:
        grown = False
        for i, j in sorted(links):
            for di, dj in around:
                new = (i + di, j + dj)
                alone = new[0] not in {a for a, _ in links} or new[1] not in {b for _, b in links}
                if new in union and new not in links and alone:
                    links = links | {new}
                    grown = True
    for direction in (forward, backward):
        for i, j in sorted(direction):
            if i not in {a for a, _ in links} and j not in {b for _, b in links}:
                links = links | {(i, j)}
    return links


def test_two_systems_are_compared(
    suite: ExperimentConfig, xtreme: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trained = SystemConfig(trained=str(tmp_path / "CZ-{seed}"))
    systems = {"start": SystemConfig(), "CZ": trained}
    tasks = ["tatoeba", "word-alignment", "pawsx"]
    suite = dataclasses.replace(suite, tasks=tasks, systems=systems)
    for seed in suite.seeds:
        shutil.copytree(suite.encoder, tmp_path / f"CZ-{seed}")
    for system, seed, right in (("start", 1, 3), ("CZ", 1, 9), ("CZ", 2, 11)):
        folder = Path(suite.out) / "runs" / f"{system}-{seed}" / "predictions"
        gold = (xtreme / "labels/tatoeba/test-fr.tsv").read_text().split()
        lines = gold[:right] + ["0" if g != "0" else "1" for g in gold[right:]]
        write(folder / "tatoeba/test-fr.tsv", lines)
        write(
            folder / "word-alignment/test-en-fr.tsv", ["0-0 1-1 2-2"] * right + [""] * (12 - right)
        )
        for task in ("tatoeba", "word-alignment"):
            leave_record(suite, system, task, seed)
    recipe = tmp_path / "suite.yaml"
    recipe.write_text(json.dumps(dataclasses.asdict(suite)))
    with pytest.raises(SystemExit) as caught:
        main(["compare", str(recipe), "start", "CZ", "--resamples", "999"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("fr ")]
    assert row[1:4] == ["25.00", "83.33", "58.33"]  # 3 of 12; the mean of 9 and 11 of 12
    assert float(row[4]) > 0
    assert float(row[6]) < 0.01
    assert row[8] == "12"
    assert "means over 1 and 2 seeds" in shown
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("en-fr ")]
    assert float(row[3]) < 0
    assert "better where the difference is negative" in shown
    (tmp_path / "CZ-2/metrics.jsonl").touch()  # no part of an encoder
    weights = tmp_path / "CZ-2/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"next")  # trained anew: its records are stale
    with pytest.raises(SystemExit):
        main(["compare", str(recipe), "start", "CZ", "--resamples", "99"])
    assert "means over 1 and 1 seeds" in capsys.readouterr().out
    folders = [str(Path(suite.out) / "runs" / name / "predictions") for name in ("start-1", "CZ-1")]
    with pytest.raises(SystemExit) as caught:
        main(["compare", str(xtreme), *folders, "--tasks", "tatoeba", "--out", str(tmp_path / "t")])
    assert caught.value.code == 0
    assert "| fr | 25.00 | 75.00 | 50.00 |" in (tmp_path / "t").read_text()
    once, twice = ["--languages", "fr"], ["--languages", "fra", "fr", "fr"]
    shown = []
    capsys.readouterr()
    for more in (once, [*twice, "--tasks", "tatoeba", "tatoeba"]):
        with pytest.raises(SystemExit) as caught:
            main(["compare", str(xtreme), *folders, "--tasks", "tatoeba", *more])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]  # who is named twice counts once
    for arguments, message in (
        ([str(recipe), "strat", "CZ"], "did you mean 'start'"),
        ([str(recipe), "start", "CZ", "--tasks", "pawsx"], "pawsx: not a task that both have"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["compare", *arguments])
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


def test_a_run_is_found_by_what_it_was_trained_with(
    suite: ExperimentConfig, tmp_path: Path
) -> None:
    """Settings that were changed and changed back: the newest folder is not the suite's."""
    changed = dataclasses.replace(suite, train={**suite.train, "learning_rate": 1e-4})
    folders = {}
    for config in (suite, changed):
        assert find_run(config, "CZ", 1) is None
        folders[config.train["learning_rate"]] = folder = finish(train_nothing(config))
        assert find_run(config, "CZ", 1) == folder
    assert find_run(suite, "CZ", 1) == folders[1e-3]
    finish(Path(suite.out) / "encoders/CZ-1-1-0123456789ab")  # of a system "CZ-1"
    assert find_run(suite, "CZ", 1) == folders[1e-3]
    assert find_run(suite, "gone", 1) is find_run(suite, "start", 1) is None
    # what a run was trained with can't be told without its samples: the newest
    moved = dataclasses.replace(suite, samples=str(tmp_path / "moved"))
    os.utime(folders[1e-4], (2e9, 2e9))
    assert find_run(moved, "CZ", 1) == folders[1e-4]


def train_nothing(config: ExperimentConfig) -> Path:
    training = locate_training(config, "CZ", 1)
    assert training is not None
    return training.folder


def finish(folder: Path) -> Path:
    """Leave what tells that a training has ended."""
    folder.mkdir(parents=True)
    (folder / "config.json").touch()
    return folder


def leave_record(config: ExperimentConfig, system: str, task: str, seed: int) -> None:
    """What the suite would leave of a measurement, without measuring."""
    one = Measurement(config, system, config.find_task(task), seed)
    key, _ = one.make_key(config.start_of(system, seed))
    write_record(make_record(system=system, task=task, seed=seed, key=key), one.record)


def test_records_that_the_suite_has_outlived_do_not_count(
    suite: ExperimentConfig, xtreme: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba", "panx"], systems={"start": SystemConfig()})
    plans = list_plans(suite)
    assert len(plans) == 3
    for plan in plans:
        leave_record(suite, *plan)

    def read(config: ExperimentConfig) -> list[tuple[str, str, int]]:
        results = read_results(config)
        assert [r.message for r in caplog.records] == list(results.notes)  # told as warnings
        caplog.clear()
        return [(r.system, r.task, r.seed) for r in results.records]

    assert read(suite) == plans
    # what was taken out stays in the folder, and is no business of the suite's
    assert read(dataclasses.replace(suite, tasks=["panx"])) == plans[1:]
    assert read(dataclasses.replace(suite, seeds=[1])) == plans[:2]
    # other settings, other data
    other = dataclasses.replace(suite, fine_tune={"panx": {**SMALL, "steps": 9}})
    assert read(other) == plans[:1]
    (note,) = read_results(other).notes
    assert "start: records of other settings" in note
    assert "panx (seed 1, 2)" in note
    caplog.clear()
    labels = xtreme / "labels/tatoeba/test-fr.tsv"
    text = labels.read_text()
    labels.write_text("".join(reversed(text.splitlines(keepends=True))))
    assert read(suite) == plans[1:]
    labels.write_text(text)
    assert read(suite) == plans
    # nobody can tell without the data: they count, and that is said
    (xtreme / "tatoeba").rename(xtreme / "away")
    (note,) = read_results(suite).notes
    assert "1 record can't be checked" in note
    assert "tatoeba: is not there" in note
    assert len(read_results(suite).records) == 3


def test_a_record_whose_encoder_is_not_trained_any_more_does_not_count(
    suite: ExperimentConfig,
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba"], seeds=[1])
    records = run_suite(suite)
    assert read_results(suite).records == records
    changed = dataclasses.replace(suite, train={**suite.train, "learning_rate": 1e-4})
    assert [record.system for record in read_results(changed).records] == ["start"]
    again = run_suite(changed)
    assert read_results(changed).records == again
    assert [record.system for record in read_results(suite).records] == ["start"]


def test_a_stale_record_goes_before_its_predictions_do(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would vouch for the predictions of other settings if those are then changed back."""
    suite = dataclasses.replace(suite, tasks=["tatoeba"], seeds=[1])
    leave_record(suite, "start", "tatoeba", 1)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    other = dataclasses.replace(suite, max_length=16)
    for place, name, left in ((Encoder, "load", 1), (Tatoeba, "predict", 0)):
        monkeypatch.setattr(place, name, stop)
        with pytest.raises(KeyboardInterrupt):
            run_suite(other)
        assert len(read_results(suite).records) == left  # what fails before costs nothing
        monkeypatch.undo()


def test_what_changed_is_measured_again(
    suite: ExperimentConfig, xtreme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []

    measure = Measurement.run

    def count(one: Measurement, encoder: str | None) -> Measured:
        done.append((f"{one.system}-{one.seed}", one.task.name))
        return measure(one, encoder)

    monkeypatch.setattr(Measurement, "run", count)
    suite = dataclasses.replace(suite, tasks=["tatoeba", "pawsx"], seeds=[1])
    run_suite(suite)
    done.clear()
    labels = xtreme / "labels/tatoeba/test-fr.tsv"
    lines = labels.read_text().split()
    labels.write_text("\n".join([*lines[1:], lines[0]]) + "\n")
    run_suite(suite)
    assert done == [("start-1", "tatoeba"), ("CZ-1", "tatoeba")]
    done.clear()
    changed = dataclasses.replace(suite, fine_tune={"pawsx": {**QUICK["pawsx"], "steps": 5}})
    run_suite(changed)
    assert done == [("start-1", "pawsx"), ("CZ-1", "pawsx")]


def test_records_count_when_the_trained_encoder_is_gone(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba", "pawsx"], seeds=[1])
    found = run_suite(suite)
    assert [bool(record.origin_key) for record in found] == [False, False, True, True]
    shutil.rmtree(Path(suite.out) / "encoders")
    monkeypatch.setattr(steps, "train", None)  # nothing is trained
    assert read_results(suite).records == found
    assert run_suite(suite) == found
    for change in ({"train": {**suite.train, "steps": 4}}, {"max_length": 16}):
        other = read_results(dataclasses.replace(suite, **change)).records
        assert ("CZ", "tatoeba") not in [(r.system, r.task) for r in other]


def test_systems_share_a_training_and_name_their_tasks_and_samples(
    suite: ExperimentConfig, store_folder: Folders, tmp_path: Path
) -> None:
    store = tmp_path / "fewer"
    shutil.copytree(store_folder(40), store)
    systems = {
        "CZ": SystemConfig(train={}),
        "mean": SystemConfig(train={}, pooling="mean", tasks=["tatoeba"]),
        "fewer": SystemConfig(train={}, samples=str(store), tasks=["tatoeba"]),
    }
    suite = dataclasses.replace(
        suite, systems=systems, tasks=["tatoeba", "word-alignment"], seeds=[1], jobs=2
    )
    found = run_suite(suite)
    assert [(r.system, r.task, r.pooling) for r in found] == [
        ("CZ", "tatoeba", "first-last"), ("CZ", "word-alignment", "first-last"),
        ("mean", "tatoeba", "mean"), ("fewer", "tatoeba", "first-last"),
    ]  # fmt: skip
    names = sorted(path.name for path in (Path(suite.out) / "encoders").iterdir())
    assert [name.rpartition("-")[0] for name in names] == ["CZ-1", "fewer-1"]
    assert find_run(suite, "mean", 1) == find_run(suite, "CZ", 1)
    with pytest.raises(ConfigError, match=r"systems: CZ: tasks: unknown task 'tatoba'"):
        dataclasses.replace(suite, systems={"CZ": SystemConfig(train={}, tasks=["tatoba"])})
    with pytest.raises(ConfigError, match=r"samples: are to train on"):
        SystemConfig(samples="some")


def test_jobs_side_by_side_give_the_same_table(
    suite: ExperimentConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba", "word-alignment"], seeds=[1])
    alone = run_suite(suite)
    beside = dataclasses.replace(suite, out=str(tmp_path / "beside"), jobs=2)
    with caplog.at_level("INFO", "crosszero"):
        together = run_suite(beside)
    assert [(r.system, r.task, r.scores) for r in together] == [
        (r.system, r.task, r.scores) for r in alone
    ]
    assert "CZ, seed 1: training" in caplog.messages
    broken = dataclasses.replace(beside, encoder=str(tmp_path / "none"), samples="none")
    with pytest.raises(CrosszeroError, match="none"):
        run_suite(broken)


def test_tables_hold_what_was_measured_before_a_failure(
    suite: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They held the numbers of the run before."""
    suite = dataclasses.replace(suite, tasks=["tatoeba", "panx"], seeds=[1])
    measure = Measurement.run

    def fail(one: Measurement, encoder: str | None) -> Measured:
        if one.task.name == "panx":
            raise CrosszeroError("no luck")
        return measure(one, encoder)

    monkeypatch.setattr(Measurement, "run", fail)
    with pytest.raises(CrosszeroError, match="no luck"):
        run_suite(suite)
    assert "Tatoeba" in (Path(suite.out) / "tables.md").read_text("utf-8")
    out = Path(suite.out)
    shutil.rmtree(out / "records")
    for name in ("tables.md", "summary.json"):
        (out / name).unlink()
    with pytest.raises(CrosszeroError, match="no luck"):
        run_suite(dataclasses.replace(suite, tasks=["panx"]))
    assert not (out / "tables.md").exists()


def test_a_page_of_other_results_goes_where_none_is_wanted(
    suite: ExperimentConfig, caplog: pytest.LogCaptureFixture
) -> None:
    suite = dataclasses.replace(suite, tasks=["tatoeba"], seeds=[1], page=True)
    run_suite(suite)
    page = Path(suite.out) / "report.html"
    written = page.read_bytes()
    run_suite(dataclasses.replace(suite, page=False))
    assert page.read_bytes() == written  # of these very results
    run_suite(dataclasses.replace(suite, page=False, systems={"start": SystemConfig()}))
    assert not page.exists()
    assert "showed other results" in caplog.text


def test_vectors_of_the_same_texts_are_computed_once(model_folder: Folders, tmp_path: Path) -> None:
    from crosszero.model.encoder import Encoder

    encoder = Encoder.load(model_folder(), max_length=32)
    identity = hash_encoder(model_folder())
    cached = CachedEncoder(encoder, identity, tmp_path)
    texts = ["the cat", "roi", "the cat sees"]
    first = cached.encode(texts)
    assert (first == encoder.encode(texts)).all()
    (file,) = tmp_path.glob("*.npy")
    encoder.encode = None  # type: ignore[method-assign, assignment]
    assert (cached.encode(texts) == first).all()
    with pytest.raises(TypeError):
        cached.encode(texts[:2])
    with pytest.raises(TypeError):
        CachedEncoder(encoder, hash_encoder("other/hub-id"), tmp_path).encode(texts)
    assert file.is_file()


def test_vectors_of_shortened_sentences_are_not_those_of_whole_ones(
    model_folder: Folders, tmp_path: Path
) -> None:
    """Without max_length sentences are as long as the folder says, words as the model takes."""
    backbone, text = Backbone.load(model_folder()), ["the old sea and the king"]
    short = Encoder(backbone, readout=dataclasses.replace(FIRST_LAST, max_length=4))
    whole = Encoder(backbone, readout=short.readout, max_length=short.max_length)
    found = [CachedEncoder(encoder, "one", tmp_path).encode(text) for encoder in (short, whole)]
    for encoder, vectors in zip((short, whole), found, strict=True):
        assert (vectors == encoder.encode(text)).all()
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("damaged", [b"", b"PK", b"\x93NUMPY\x01\x00", "wrong type"])
def test_damaged_vectors_are_computed_again(
    model_folder: Folders, tmp_path: Path, damaged: bytes | str
) -> None:
    cached = CachedEncoder(Encoder.load(model_folder(), max_length=32), "x", tmp_path)
    first = cached.encode(["the cat"])
    (file,) = tmp_path.glob("*.npy")
    sound = file.read_bytes()
    if isinstance(damaged, bytes):
        file.write_bytes(damaged)
    else:
        np.save(file, first.astype(np.float64))
    assert (cached.encode(["the cat"]) == first).all()
    assert file.read_bytes() == sound


def test_unknown_tasks_and_settings_are_told(xtreme: Path) -> None:
    for changes, message in (
        ({"tasks": ["tatoba"]}, "did you mean 'tatoeba'"),
        ({"tasks": ["word-retrieval"], "data": None}, "held_out: is needed by the task"),
        ({"tasks": ["xnli"], "fine_tune": {"xnli": {"epoch": 2}}}, "did you mean 'epochs'"),
        ({"tasks": ["tatoeba"], "fine_tune": {"xnli": {"epochs": 2}}}, "xnli is not measured"),
        ({"tasks": ["xnli"], "fine_tune": {"xnli": {"synonyms": "x"}}}, "xnli.synonyms is for syn"),
        (
            {"tasks": ["xnli"], "fine_tune": {"xnli": {"robust": "synonyms", "ear_layer": 2}}},
            "set x",
        ),
        ({"tasks": ["tatoeba", "pawsx"], "layers": "all"}, "for word-alignment, not for tatoeba, "),
        ({"tasks": ["pawsx"], "max_length": 9}, "max_length .* is for .*tatoeba.*, not for pawsx"),
        ({"tasks": ["word-alignment"], "languages": ["fr"]}, "--pairs"),
    ):
        with pytest.raises(ConfigError, match=message):
            evaluate("none", **{"data": xtreme, **changes})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="has no task folder"):
        evaluate("none", data=xtreme / "labels" / "tatoeba")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"fine_tune": {**QUICK, "panx": {**SMALL, "seed": 42}}}, "fine_tune: panx"),
        ({"systems": {"x": SystemConfig(fine_tune={"seed": 42})}}, "systems: x: fine_tune"),
        ({"systems": {"x": SystemConfig(train={"seed": 1})}}, "systems: x: train"),
        ({"systems": {"x": SystemConfig(train={"seed": 7})}, "seeds": [2]}, "systems: x: train"),
        ({"train": {"seed": 7}}, "train"),
    ],
)
def test_a_seed_that_would_not_be_used_is_refused(
    suite: ExperimentConfig, changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{place}: seed: \d+ given, .* set 'seeds'"):
        run_suite(dataclasses.replace(suite, **changes))
    assert not Path(suite.out).exists()


def test_a_seed_that_is_used_is_allowed(suite: ExperimentConfig) -> None:
    system = SystemConfig(train={"seed": 2}, fine_tune={"seed": 42})
    one = dataclasses.replace(suite, seeds=[2], systems={"x": system}, train={"seed": 2})
    check_experiment(one)
    check_experiment(dataclasses.replace(suite, train={"seed": 1}))


def test_what_is_measured_can_be_asked(xtreme: Path, model_folder: Folders, tmp_path: Path) -> None:
    import crosszero as cz

    scores = cz.evaluate(
        model_folder(),
        tasks=["tatoeba", "word-alignment"],
        data=xtreme,
        layers="all",
        max_length=32,
    )
    assert isinstance(scores, cz.Scores)
    assert all(isinstance(score, cz.Score) for score in scores)
    by_name = {score.name: score.value for score in scores}
    assert scores.mean("tatoeba") == by_name["tatoeba/accuracy"]
    assert scores.mean("word-alignment") == scores.mean("word-alignment/aer")
    assert scores.by_language("word-alignment/layer-2/aer") == {
        "en-fr": by_name["word-alignment/layer-2/aer"]
    }
    layers = scores.layer_table()
    assert layers is not None
    assert str(scores) == f"{scores.table()}\n\n{layers}"
    assert len(layers.rows) == 3
    means = [row[-1] for row in layers.rows]
    assert f"layer {means.index(min(means)) + 1} is best" in layers.title
    assert "layer-" not in str(scores.table())
    assert "tatoeba/accuracy" in str(scores)
    with pytest.raises(ConfigError, match="did you mean 'tatoeba/accuracy'"):
        scores.mean("tatoeba/acuracy")
    scores.write(tmp_path / "scores.json")
    assert list(cz.Scores.read(tmp_path / "scores.json")) == list(scores)


def test_the_commands(
    suite: ExperimentConfig, xtreme: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "measured"
    arguments = ["evaluate", "--encoder", suite.encoder, "--data", str(xtreme), "--out", str(out)]
    arguments += ["--tasks", "tatoeba", "panx", "--max-length", "32", "--set", "panx.steps=3"]
    arguments += ["panx.batch_size=8", "panx.max_length=32"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "panx/f1" in capsys.readouterr().out
    assert set(json.loads((out / "scores.json").read_text())) == {"mean", "scores", "encoder"}
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "panx.stps=3"])
    assert caught.value.code == 2
    assert "stps" in capsys.readouterr().err
    recipe = tmp_path / "suite.yaml"
    published = str(Path(__file__).parents[2] / "research/published.yaml")
    small = dataclasses.replace(suite, tasks=["tatoeba"], published=published)
    recipe.write_text(json.dumps(dataclasses.asdict(small)))
    with pytest.raises(SystemExit) as caught:
        main(["run", str(recipe), "--set", "seeds=[1]"])
    assert caught.value.code == 0
    assert "Published, not measured here" in capsys.readouterr().out
    assert "never released" in (Path(suite.out) / "tables.md").read_text()
    assert "torch" in sys.modules


def test_a_gold_file_may_be_told_what_it_counts_from(
    suite: ExperimentConfig, xtreme: Path, tmp_path: Path
) -> None:
    """No index is 0 and none is the last: the suite has to say it, for encoders and aligners."""
    pytest.importorskip("thot")
    stem = xtreme / "word-alignment" / "en-fr"
    lines = stem.with_suffix(".gold").read_text().count("\n")
    stem.with_suffix(".gold").write_text("1-1 2-2\n" * lines)
    found = {}
    for base in ("", ":0", ":1"):
        suite = dataclasses.replace(
            suite,
            out=str(tmp_path / f"suite{base}"),
            tasks=["word-alignment"],
            seeds=[1],
            systems={"start": SystemConfig(), "eflomal": SystemConfig(aligner="eflomal")},
            alignment_pairs=[f"en-fr{base}"] if base else None,
        )
        if base:
            found[base] = [record.scores for record in run_suite(suite)]
        else:
            with pytest.raises(ConfigError, match=r"alignment_pairs: \[en-fr:0\]"):
                run_suite(suite)
    assert found[":0"] != found[":1"]
    compared = compare(pair_systems(suite, "start", "eflomal")["word-alignment"], resamples=10)
    values = [100 * scores[0].value for scores in found[":1"]]
    assert compared.rows[0][0] == "en-fr"
    assert compared.rows[0][1:3] == pytest.approx(values)


def test_everything_is_read_before_the_first_task_takes_its_time(
    xtreme: Path, model_folder: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """`--tasks all` where the gold alignments stand elsewhere, and then where they are named."""
    monkeypatch.setattr(Measurement, "run", lambda *_: Measured(()))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (xtreme / "word-alignment").rename(elsewhere / "word-alignment")
    command = [
        "evaluate",
        "--encoder",
        model_folder(),
        "--data",
        xtreme,
        "--out",
        tmp_path / "out",
        "--tasks",
    ]
    for given, said in (
        (["tatoeba", "word-alignment"], "word-alignment"),
        (["tatoeba", "word-alignment", "--alignment", elsewhere, "--pairs", "en-de"], "en-de"),
        (["tatoeba", "--margin", "ration"], "margin"),
        (["word-alignment", "--alignment", elsewhere, "--languages", "fr"], "--pairs"),
    ):
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in (*command, *given)])
        assert caught.value.code == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_gold_alignments_may_stand_elsewhere(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (xtreme / "word-alignment").rename(elsewhere / "word-alignment")
    command = ["evaluate", "--encoder", model_folder(), "--data", xtreme, "--out", out]
    command += ["--alignment", elsewhere, "--pairs", "en-fr:0", "--languages", "fr"]
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in (*command, "--tasks", "tatoeba", "word-alignment")])
    assert caught.value.code == 0
    scores = json.loads((out / "scores.json").read_text())["scores"]
    assert {score["language"] for score in scores} == {"fr", "en-fr"}
    results = read_results(out)
    assert results.locate_data("alignment") == elsewhere
    assert results.config is not None
    assert results.config.alignment_pairs == ["en-fr:0"]
    assert (out / "predictions/word-alignment/test-en-fr.tsv").is_file()


def test_an_evaluation_is_kept_until_another_takes_its_folder(
    xtreme: Path, model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, done = Measurement.run, list[str | None]()

    def count(one: Measurement, encoder: str | None) -> Measured:
        done.append(encoder)
        return measure(one, encoder)

    monkeypatch.setattr(Measurement, "run", count)
    small, large = str(model_folder()), str(model_folder(hidden=24))
    found = []
    for encoder in (small, small, large, small):
        scores = evaluate(encoder, tasks=["tatoeba"], data=xtreme, out=tmp_path / "out")
        predicted = (tmp_path / "out/predictions/tatoeba/test-fr.tsv").read_bytes()
        found.append((tuple(scores), predicted))
    assert done == [small, large, small]
    assert found[0] == found[1] == found[3]


def test_settings_that_a_task_does_not_read_do_not_undo_it(suite: ExperimentConfig) -> None:
    other = dataclasses.replace(suite, max_length=None, margin="distance", layer=1)
    same = {
        task: Measurement(suite, "start", suite.find_task(task), 1).make_key(suite.encoder)
        == Measurement(other, "start", other.find_task(task), 1).make_key(suite.encoder)
        for task in ("panx", "tatoeba")
    }
    assert same == {"panx": True, "tatoeba": False}


def test_the_number_format_belongs_to_a_measurement(suite: ExperimentConfig) -> None:
    task = suite.find_task("tatoeba")
    keys = {
        precision: Measurement(
            dataclasses.replace(suite, precision=precision), "start", task, 1
        ).make_key(suite.encoder)
        for precision in ("fp32", "bf16")
    }
    assert Measurement(suite, "start", task, 1).make_key(suite.encoder) == keys["fp32"]
    assert keys["fp32"] != keys["bf16"]
    scores = [
        evaluate(
            suite.encoder, tasks=["tatoeba"], data=suite.data, max_length=32, precision=precision
        )
        for precision in ("fp32", "bf16")
    ]
    assert len(scores[0]) == len(scores[1]) > 0


def test_vectors_of_another_number_format_are_not_taken(
    suite: ExperimentConfig, tmp_path: Path
) -> None:
    for precision in ("fp32", "bf16"):
        encoder = Encoder.load(suite.encoder, precision=precision)  # type: ignore[arg-type]
        found = CachedEncoder(encoder, "one", tmp_path).encode(["the old sea"])
        assert np.array_equal(found, encoder.encode(["the old sea"]))
    assert len(list(tmp_path.glob("*.npy"))) == 2

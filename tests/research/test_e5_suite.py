"""The recipe of E5 runs in small, from the payload to the archives; stopped in time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from research.e5_records import collect
from research.e5_travel import pack

from crosszero.align.spans import Span, WordPair
from crosszero.bitext.pair import SentencePair
from crosszero.experiment.recipes import read_experiment
from crosszero.samples.filters import WordFilter
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.samples.store import collect as collect_samples
from research import e5_suite
from tests.experiment.conftest import make_xtreme
from tests.training.conftest import make_samples

ROOT = Path(__file__).parents[2]
TASKS = ("tatoeba", "word-alignment", "pawsx")


def make_payload(folder: Path, model: Path) -> Path:
    """What travels: the encoder, samples, held-out samples, test data, synonyms."""
    folder.mkdir()
    pack(model, folder / "e5.zip")
    data = folder / "data"
    collect_samples(make_samples(40), data / "samples")
    collect_samples(make_samples(12, seed=1), data / "held-out")
    make_xtreme(data / "xtreme-mini")
    (data / "xtreme-mini/word-alignment").rename(data / "word-alignment")
    (data / "synonyms.json").write_text(json.dumps({"king": ["house"]}), encoding="utf-8")
    with tarfile.open(folder / "data.txz", "w:xz") as archive:
        for path in data.iterdir():
            archive.add(path, path.name)
    return folder


def cut_recipe(path: Path, systems: tuple[str, ...], tasks: tuple[str, ...]) -> Path:
    """Write a recipe with some systems, some tasks and two steps."""
    recipe = yaml.safe_load((ROOT / "recipes" / path.name).read_text("utf-8"))
    recipe["systems"] = {key: recipe["systems"][key] for key in systems}
    recipe |= {"tasks": list(tasks), "max_length": 32}
    recipe["fine_tune"] = {"pawsx": {"epochs": 1, "precision": "fp32", "max_length": 32}}
    recipe["train"] |= {"steps": 2, "batch_size": 4, "max_length": 32, "precision": "fp32"}
    if "split" in systems:
        recipe["systems"]["split"]["train"]["layers"]["word"] = 1
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.slow
def test_records_come_back_whole_and_without_weights(
    tmp_path: Path, model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = make_payload(tmp_path / "payload", model_folder())
    rows = ("e5-small-q4", "info-snt", "split", "eflomal")
    recipe = cut_recipe(tmp_path / "e5.yaml", rows, TASKS)
    rows = ("e5-small-q4", "ML-CTL-CZ", "ML-CTL-CZ+synonyms")
    robust = cut_recipe(tmp_path / "e5-robust.yaml", rows, ("pawsx", "pawsx-mixed"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}/src:{ROOT}")
    work, out = tmp_path / "work", tmp_path / "results"
    given = ["--payload", payload, "--work", work, "--out", out, "--seconds", 280, "--jobs", 1]
    given += ["--recipes", recipe, robust]
    e5_suite.main([*map(str, given), "--set", "seeds=[1]"])
    names = set()
    for archive in out.iterdir():
        with tarfile.open(archive) as file:
            names |= set(file.getnames())
    assert sum("runs/e5/records/" in name for name in names) == 3 * 3
    assert any("/predictions/tatoeba/" in name for name in names)
    assert {"e5.yaml", "e5-robust.yaml", "samples-content/part-00000.parquet"} <= names
    assert not [name for name in names if "safetensors" in name]
    found = collect(work / "runs", [1])["experiments"]
    assert [found[name]["planned"] for name in ("e5", "e5-robust")] == [9, 6]
    expected = {(name, task) for name in ("info-snt", "split") for task in TASKS}
    compared = {(row[1], row[2]) for row in found["e5"]["comparisons"] if row[0] == "e5-small-q4"}
    assert compared == expected
    compared = {(row[0], row[1], row[2]) for row in found["e5-robust"]["comparisons"]}
    assert {
        ("ML-CTL-CZ", "ML-CTL-CZ+synonyms", task) for task in ("pawsx", "pawsx-mixed")
    } <= compared


def test_what_was_collected_of_other_runs_stays(tmp_path: Path) -> None:
    before = {"seeds": [1], "experiments": {"e5-ablation": {"records": [1]}, "gone": {}}}
    found = collect(tmp_path, [1, 2], before)
    assert found == {"seeds": [1, 2], "experiments": {"e5-ablation": {"records": [1]}}}
    assert collect(tmp_path, [1])["experiments"] == {}


@pytest.mark.parametrize("name", ["e5", "e5-robust"])
def test_a_whole_recipe_fits_the_payload(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path = ROOT / f"recipes/{name}.yaml"
    recipe = yaml.safe_load(path.read_text("utf-8"))
    (tmp_path / "synonyms.json").touch()
    changes = ["jobs=3", "fine_tune.xnli.precision=bf16", "fine_tune.udpos.precision=bf16"]
    config = read_experiment(e5_suite.write_recipe(path, tmp_path, changes))
    assert list(config.systems) == [row for row in recipe["systems"] if row != "eflomal"]
    assert config.out == f"{tmp_path}/runs/{name}"
    assert config.samples == f"{tmp_path}/samples-content"
    assert config.encoder == f"{tmp_path}/encoder"
    assert config.train == recipe["train"]
    assert (config.jobs, config.fine_tune["xnli"]["precision"]) == (3, "bf16")
    for row, system in config.systems.items():
        own = recipe["systems"][row]
        assert system.samples == (f"{tmp_path}/samples" if "samples" in own else None)
        tuning = own.get("fine_tune", {})
        changed = {"synonyms": f"{tmp_path}/synonyms.json"} if "synonyms" in tuning else {}
        assert system.fine_tune == tuning | changed


def test_small_words_are_dropped_and_sentences_kept(tmp_path: Path) -> None:
    words = ("the", "le"), ("house", "maison"), ("Paris", "Paris"), ("of", "de"), ("sea", "mer")
    source, target = (" ".join(word[side] for word in words) for side in (0, 1))
    spans = [(Span(*find(a, source)), Span(*find(b, target))) for a, b in words]
    pair = SentencePair(
        source=source, target=target, source_language="en", target_language="fr", origin="a:1"
    )
    scored = [WordPair(a, b, score=1 - i / 8) for i, (a, b) in enumerate(spans)]
    collect_samples([Sample.of(pair, tuple(scored), "aligner")] * 2, tmp_path / "all")
    e5_suite.drop_words(tmp_path / "all", tmp_path / "few", WordFilter(max_words=8))
    rows = list(SampleStore.open(tmp_path / "few"))
    assert [row.pair for row in rows] == [pair, pair]
    assert [row.words for row in rows] == [(scored[1], scored[4])] * 2
    e5_suite.drop_words(tmp_path / "all", tmp_path / "one", WordFilter(max_words=1))
    assert next(iter(SampleStore.open(tmp_path / "one"))).words == (scored[1],)


def find(word: str, text: str) -> tuple[int, int]:
    start = f" {text} ".index(f" {word} ")
    return start, start + len(word)


def test_a_run_is_told_to_end_then_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_suite, "_PATIENCE", 0.5)
    sleep = "import time; print(flush=True); time.sleep(60)"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {sleep}"
    for code, number in ((sleep, signal.SIGTERM), (deaf, signal.SIGKILL)):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        e5_suite.stop(process)
        assert process.returncode == -number
        process.stdout.close()


def test_what_is_finished_is_packed_when_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, out = tmp_path / "work", tmp_path / "results"
    started: list[subprocess.Popen[bytes]] = []

    class Endless(subprocess.Popen[bytes]):
        """Instead of crosszero: writes a record, and never ends."""

        def __init__(self, command: list[str]) -> None:
            (work / "runs/e5/records").mkdir(parents=True)
            (work / "runs/e5/records/one.json").touch()
            super().__init__([command[0], "-c", "import time; time.sleep(60)"])
            started.append(self)

    work.mkdir()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(e5_suite, "make_place", lambda payload, work: None)
    monkeypatch.setattr(subprocess, "Popen", Endless)
    given = ["--payload=none", f"--work={work}", f"--out={out}", "--recipes"]
    given += ["recipes/e5.yaml", "recipes/e5-robust.yaml"]
    e5_suite.main([*given, f"--seconds={2 * e5_suite._PATIENCE + 3}"])
    (process,) = started  # not a second one
    assert process.returncode == -signal.SIGTERM
    with tarfile.open(out / "e5-records.tgz") as archive:
        assert {"runs/e5/records/one.json", "e5.yaml"} <= {*archive.getnames()}

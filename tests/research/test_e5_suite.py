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


def cut_recipe(folder: Path, systems: tuple[str, ...]) -> None:
    """Write the recipe with some systems, three tasks and two steps."""
    recipe = yaml.safe_load((ROOT / "recipes/e5.yaml").read_text("utf-8"))
    recipe["systems"] = {key: recipe["systems"][key] for key in systems}
    recipe |= {"tasks": list(TASKS), "max_length": 32}
    recipe["fine_tune"] = {"pawsx": {"epochs": 1, "precision": "fp32", "max_length": 32}}
    recipe["train"] |= {"steps": 2, "batch_size": 4, "max_length": 32, "precision": "fp32"}
    recipe["systems"]["split"]["train"]["layers"]["word"] = 1
    folder.mkdir()
    (folder / "e5.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


@pytest.mark.slow
def test_records_come_back_whole_and_without_weights(
    tmp_path: Path, model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = make_payload(tmp_path / "payload", model_folder())
    rows = ("synonyms", "e5-small-q4", "info-snt", "split", "eflomal")
    cut_recipe(tmp_path / "recipes", rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}/src:{ROOT}")
    work, out = tmp_path / "work", tmp_path / "results"
    given = ["--payload", payload, "--work", work, "--out", out, "--seconds", 280, "--jobs", 1]
    e5_suite.main([*map(str, given), "--set", "seeds=[1]"])
    names = set()
    for archive in out.iterdir():
        with tarfile.open(archive) as file:
            names |= set(file.getnames())
    assert sum("/records/" in name for name in names) == 3 * 3 + 1
    assert any("/predictions/tatoeba/" in name for name in names)
    assert {"e5-main.yaml", "e5.yaml", "samples-content/part-00000.parquet"} <= names
    assert not [name for name in names if "safetensors" in name]
    found = collect(work / "runs", [1])["experiments"]["e5"]
    assert found["planned"] == 10
    last = max(found["records"], key=lambda record: record["date"])
    assert last["system"] == "synonyms"  # though it is the first row
    expected = {(name, task) for name in ("info-snt", "split") for task in TASKS}
    compared = {(row[1], row[2]) for row in found["comparisons"] if row[0] == "e5-small-q4"}
    assert compared == expected | {("synonyms", "pawsx")}


@pytest.mark.parametrize("synonyms", [False, True])
def test_the_whole_recipe_fits_the_payload(
    synonyms: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    recipe = yaml.safe_load((ROOT / "recipes/e5.yaml").read_text("utf-8"))
    robust = ["synonyms", "EAR", "ML-CTL-CZ+synonyms", "ML-CTL-CZ+EAR"]
    main = [name for name in recipe["systems"] if name not in ("eflomal", *robust)]
    if synonyms:
        (tmp_path / "synonyms.json").touch()
    changes = ["jobs=3", "fine_tune.xnli.precision=bf16"]
    configs = list(map(read_experiment, e5_suite.write_recipes(tmp_path, changes)))
    rows = [list(config.systems) for config in configs]
    assert rows == ([main, main + robust] if synonyms else [main])
    for config in configs:
        assert config.samples == f"{tmp_path}/samples-content"
        assert config.systems["split"].samples == f"{tmp_path}/samples"
        assert config.encoder == f"{tmp_path}/encoder"
        assert config.train == recipe["train"]
        assert (config.jobs, config.fine_tune["xnli"]["precision"]) == (3, "bf16")
        for name in config.systems.keys() & robust:
            own = recipe["systems"][name]["fine_tune"] | {"synonyms": f"{tmp_path}/synonyms.json"}
            assert config.systems[name].fine_tune == own
    assert read_experiment(tmp_path / "e5.yaml") == configs[-1]  # the one to go on with


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
    (work / "synonyms.json").touch()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(e5_suite, "make_place", lambda payload, work: None)
    monkeypatch.setattr(subprocess, "Popen", Endless)
    given = ["--payload=none", f"--work={work}", f"--out={out}"]
    e5_suite.main([*given, f"--seconds={2 * e5_suite._PATIENCE + 3}"])
    (process,) = started  # not a second one, with the rows of robust fine-tuning
    assert process.returncode == -signal.SIGTERM
    with tarfile.open(out / "e5-records.tgz") as archive:
        assert {"runs/e5/records/one.json", "e5.yaml"} <= {*archive.getnames()}

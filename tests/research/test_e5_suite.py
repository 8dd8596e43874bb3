"""Both recipes of E5 run in small, from the payload to the archives; stopped in time."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
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


def make_payload(folder: Path, model: Path) -> Path:
    """What travels: the encoder, samples, held-out samples, test data."""
    folder.mkdir()
    pack(model, folder / "e5.zip")
    data = folder / "data"
    collect_samples(make_samples(40), data / "samples")
    collect_samples(make_samples(12, seed=1), data / "held-out")
    make_xtreme(data / "xtreme-mini")
    (data / "xtreme-mini/word-alignment").rename(data / "word-alignment")
    with tarfile.open(folder / "data.txz", "w:xz") as archive:
        for path in data.iterdir():
            archive.add(path, path.name)
    return folder


def cut_recipe(name: str, folder: Path, systems: tuple[str, ...]) -> None:
    """Write a recipe with some systems, two tasks and two steps."""
    recipe = yaml.safe_load((ROOT / f"recipes/{name}.yaml").read_text("utf-8"))
    recipe["systems"] = {key: recipe["systems"][key] for key in systems}
    recipe |= {"tasks": ["tatoeba", "word-alignment"], "max_length": 32, "fine_tune": {}}
    recipe["train"] |= {"steps": 2, "batch_size": 4, "max_length": 32, "precision": "fp32"}
    if "layers" in recipe["train"]:
        recipe["train"]["layers"]["word"] = 1
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")


@pytest.mark.slow
def test_records_come_back_whole_and_without_weights(
    tmp_path: Path, model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = make_payload(tmp_path / "payload", model_folder())
    cut_recipe("e5", tmp_path / "recipes", ("e5-small-q4", "info-snt", "eflomal"))
    cut_recipe("e5-aligner", tmp_path / "recipes", ("e5-small-q4", "split"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}/src:{ROOT}")
    work, out = tmp_path / "work", tmp_path / "results"
    given = ["--payload", payload, "--work", work, "--out", out, "--seconds", 280, "--jobs", 1, 1]
    e5_suite.main([*map(str, given), "--set", "seeds=[1]"])
    names = set()
    for archive in out.iterdir():
        with tarfile.open(archive) as file:
            names |= set(file.getnames())
    assert sum("/records/" in name for name in names) == 2 * (2 + 2)
    assert any("/predictions/tatoeba/" in name for name in names)
    assert {"e5.yaml", "e5-aligner.yaml", "samples-content/part-00000.parquet"} <= names
    assert not [name for name in names if "safetensors" in name]
    found = collect(work / "runs", [1])
    assert found["experiments"]["e5"]["planned"] == 4
    for name, system in (("e5", "info-snt"), ("e5-aligner", "split")):
        compared = found["experiments"][name]["comparisons"]
        assert {tuple(row[:2]) for row in compared} == {("e5-small-q4", system)}
        assert {row[2] for row in compared} == {"tatoeba", "word-alignment"}


@pytest.mark.parametrize("name", e5_suite.RECIPES)
def test_the_whole_recipe_fits_the_payload(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    recipe = yaml.safe_load((ROOT / f"recipes/{name}.yaml").read_text("utf-8"))
    config = read_experiment(e5_suite.write_recipe(name, tmp_path))
    content = "samples-content" if name == "e5" else "samples"
    assert (config.samples, config.encoder) == (f"{tmp_path}/{content}", f"{tmp_path}/encoder")
    assert config.train == recipe["train"]
    left = {"eflomal", "synonyms", "EAR", "ML-CTL-CZ+synonyms", "ML-CTL-CZ+EAR"}
    assert set(config.systems) == set(recipe["systems"]) - left


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


def test_a_run_is_stopped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_suite, "_PATIENCE", 0.5)
    sleep = "import time; print(flush=True); time.sleep(60)"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {sleep}"
    for code in (sleep, deaf):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        assert not e5_suite.wait(process, time.monotonic() - 1)
        e5_suite.stop(process)
        assert process.poll() not in (None, 0)
        process.stdout.close()
    done = subprocess.Popen([sys.executable, "-c", ""])
    assert e5_suite.wait(done, time.monotonic() + 60)
    e5_suite.stop(done)
    assert done.returncode == 0

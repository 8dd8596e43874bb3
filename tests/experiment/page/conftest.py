"""A finished suite, written by hand: what a page reads, without any training."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.config import build
from crosszero.experiment.measurement import Measurement
from crosszero.experiment.recipes import write_experiment
from crosszero.experiment.records import Record, write_record
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import locate_training
from crosszero.samples.store import collect
from crosszero.tasks.score import Score
from tests.tasks.helpers import make_score
from tests.training.conftest import make_samples

EVIL = "<script>document.title='owned'</script>"
WORDS = {
    "en": ("weather", "today", "king", "house"),
    "fr": ("temps", "aujourd", "roi", "maison"),
    "ar": ("الطقس", "اليوم", "الملك", "بيت"),
}
LINES = list(itertools.permutations(range(4), 3))


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def make_record(system: str, task: str, seed: int, scores: list[Score], *, key: str) -> Record:
    return Record(
        system=system, task=task, seed=seed, scores=tuple(scores), key=key, data_hash="d",
        date="2026-11-22T00:00:00+00:00", seconds=30.0, peak_memory=100.0,
        versions={"crosszero": "0.1.0"}, machine="x86_64, 1 threads", commit="abc",
    )  # fmt: skip


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tatoeba with two languages and one gold alignment; each English line ends in a script."""
    folder = tmp_path_factory.mktemp("corpus")
    english = [" ".join([*(WORDS["en"][i] for i in line), EVIL]) for line in LINES]
    order = sorted(range(len(LINES)), key=english.__getitem__)
    for code in ("fr", "ar"):
        foreign = [" ".join(WORDS[code][i] for i in line) for line in LINES]
        write(folder / f"tatoeba/{code}-en.{code}", foreign)
        write(folder / f"tatoeba/{code}-en.en", [english[i] for i in order])
        write(folder / f"labels/tatoeba/test-{code}.tsv", [str(i) for i in order])
        stem = f"word-alignment/en-{code}"
        write(folder / f"{stem}.src", english)
        write(folder / f"{stem}.tgt", foreign)
        write(folder / f"{stem}.gold", ["0-0 1-1 2p2"] * len(LINES))
    return folder


@pytest.fixture(scope="session")
def make_suite(
    tmp_path_factory: pytest.TempPathFactory, corpus: Path, model_folder: Callable[..., Path]
) -> Callable[[], Path]:
    """Write the folder of a suite: two systems, two seeds, one of four measurements missing."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("suite")
        samples = tmp_path_factory.mktemp("samples") / "store"
        collect(make_samples(8), samples)
        config = build(
            ExperimentConfig,
            {
                "name": "small & <b>bold</b>",
                "out": str(folder),
                "encoder": str(model_folder()),
                "samples": str(samples),
                "data": str(corpus),
                "alignment": str(corpus),
                "tasks": ["tatoeba"],
                "seeds": [1, 2],
                "systems": {
                    "start": {},
                    "CZ": {"train": {}},
                    "later": {"train": {"loss": "info-nce"}},
                },
                "max_length": 64,
                "published": str(Path(__file__).parents[3] / "research/published.yaml"),
            },
        )
        write_experiment(config)
        runs: dict[int, Path] = {}
        for seed in (1, 2):
            training = locate_training(config, "CZ", seed)
            assert training is not None
            run = runs[seed] = training.folder
            shutil.copytree(model_folder(hidden=24), run)
            (run / "training.json").write_text('{"loss": "cz-nce"}')
            steps = [
                {"step": step, "contrastive_loss": 3.0 - step * seed, "accuracy": 0.1 * step}
                for step in range(1, 6)
            ]
            write(run / "metrics.jsonl", [json.dumps(step) for step in steps])
        for system, seed, value in (("start", 1, 0.25), ("CZ", 1, 0.5), ("CZ", 2, 0.625)):
            scores = [
                make_score("tatoeba/accuracy", "ar", value, 24),
                make_score("tatoeba/accuracy", "fr", value + 0.1, 24),
            ]
            one = Measurement(config, system, config.find_task("tatoeba"), seed)
            key, _ = one.make_key(config.encoder if system == "start" else str(runs[seed]))
            write_record(make_record(system, "tatoeba", seed, scores, key=key), one.record)
        return folder

    return make

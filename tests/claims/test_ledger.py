"""Verdicts on made-up records and runs, and the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.claims.claim import Claim, render_ledger
from crosszero.claims.clusters import judge_clusters
from crosszero.claims.curves import follow_loss, judge_curves
from crosszero.claims.orders import compare_systems, judge_order
from crosszero.cli import main
from crosszero.config import build
from crosszero.samples.store import collect
from crosszero.suite.config import SuiteConfig
from crosszero.suite.records import Record, write_record
from crosszero.suite.runner import train_system
from crosszero.tasks.task import TaskScore
from tests.suite.test_suite import make_record
from tests.training.conftest import make_samples, store_folder

__all__ = ["store_folder"]
Folders = Callable[..., Path]


def records(system: str, task: str, metric: str, *values: float) -> list[Record]:
    return [
        make_record(
            system=system, task=task, seed=seed, scores=(TaskScore(metric, "fr", value, 10),)
        )
        for seed, value in enumerate(values, start=1)
    ]


TATOEBA, AER = "xtreme/tatoeba/accuracy", "crosszero/word-alignment/aer"


def test_an_order_is_judged_over_paired_seeds() -> None:
    found = records("a", "tatoeba", TATOEBA, 0.10, 0.20, 0.30)
    found += records("b", "tatoeba", TATOEBA, 0.15, 0.25, 0.35)  # apart by 5 points, always
    (row,) = compare_systems(found, "a", "b")
    assert row.column == "Tatoeba"
    assert row.interval.mean == pytest.approx(5)
    assert row.interval.half_width == pytest.approx(0, abs=1e-9)
    assert judge_order(found, "a", "b")[0] == "holds"
    assert judge_order(found, "b", "a")[0] == "does not hold"
    assert judge_order(found, "a", "c")[0] == "not testable here"
    assert judge_order(found[:1] + found[3:4], "a", "b")[0] == "not testable here"
    noisy = records("a", "tatoeba", TATOEBA, 0.1, 0.3) + records("b", "tatoeba", TATOEBA, 0.3, 0.12)
    assert judge_order(noisy, "a", "b")[0] == "does not hold"


def test_less_alignment_error_is_better_and_a_start_has_one_value() -> None:
    found = records("start", "word-alignment", AER, 0.7)
    found += records("b", "word-alignment", AER, 0.50, 0.52)
    found += records("start", "tatoeba", TATOEBA, 0.1) + records("b", "tatoeba", TATOEBA, 0.2, 0.3)
    rows = {row.column: row.interval.mean for row in compare_systems(found, "start", "b")}
    assert rows == pytest.approx({"Tatoeba": 15, "AER": 19})
    assert judge_order(found, "start", "b", least=2)[0] == "does not hold"  # Tatoeba is too wide
    outcome, evidence = judge_order(found, "start", "b", least=1)
    assert outcome == "holds"
    assert "Above 0 in 1 of 2 columns (AER)" in evidence


def run(folder: Path, losses: list[float]) -> Path:
    folder.mkdir()
    lines = [json.dumps({"step": i, "contrastive": x}) for i, x in enumerate(losses, start=1)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_curves(tmp_path: Path) -> None:
    info = run(tmp_path / "info", [3.0] * 4 + [0.4] * 6)
    cz = run(tmp_path / "cz", [3.0] * 4 + [0.2, -0.2] + [-3.0] * 4)
    found = follow_loss([cz])
    assert (found.near, found.below, found.last, found.steps) == (0.2, 0.5, -3.0, 10)
    assert judge_curves([info], [cz])[0] == "holds"
    assert judge_curves([cz], [info])[0] == "does not hold"
    far = run(tmp_path / "far", [3.0] * 10)
    assert judge_curves([far], [far])[0] == "not testable here"
    assert judge_curves([], [])[0] == "not testable here"


def test_the_page_counts_and_orders() -> None:
    claims = [
        Claim(number=n, text=f"t{n}", experiment="e", outcome=outcome, evidence="x.", command="c")
        for n, outcome in ((2, "does not hold"), (1, "holds"))
    ]  # type: ignore[arg-type]
    text = render_ledger(claims, made="Made.")
    assert text.index("## 1. t1") < text.index("## 2. t2")
    assert "1: holds, 1: does not hold, 0: not testable here" in text


def test_the_ledger_of_a_small_suite(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    collect(make_samples(40, multiway=True), tmp_path / "word-retrieval")
    values = {
        "name": "small",
        "out": str(tmp_path / "out"),
        "encoder": str(model_folder()),
        "samples": str(store_folder(60)),
        "held_out": str(tmp_path),
        "tasks": ["word-retrieval"],
        "seeds": [1, 2],
        "train": {"steps": 2, "batch_size": 8, "max_length": 32, "precision": "fp32",
                  "log_every": 1},
        "systems": {"crosszero-mini": {}, "CZ-snt": {"train": {"level": "sentence"}},
                    "ML-CTL-CZ": {"train": {}}},
    }  # fmt: skip
    suite = build(SuiteConfig, values)
    names = ("crosszero-mini", "CZ-snt", "ML-CTL-CZ")
    assert judge_clusters(suite, *names)[0] == "not testable here"
    for seed in suite.seeds:
        for system in names[1:]:
            train_system(suite, system, seed)
    outcome, evidence = judge_clusters(suite, *names)
    assert outcome in ("holds", "does not hold")
    assert evidence.count("purity") == evidence.count("silhouette") == 2
    for record in records("ML-CTL-CZ", "word-retrieval", TATOEBA, 0.1, 0.2):
        write_record(record, tmp_path / "out" / "records" / f"{record.seed}.json")
    recipe = tmp_path / "suite.yaml"
    recipe.write_text(json.dumps(values))
    with pytest.raises(SystemExit) as caught:
        main(["claims", str(recipe), "--out", str(tmp_path / "claims.md")])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert printed.count("not testable here") >= 7  # published rows, orders, curves
    assert "11  holds" in printed
    assert "12  holds" in printed
    text = (tmp_path / "claims.md").read_text()
    assert text.count("\n## ") == 12
    assert "never released" in text

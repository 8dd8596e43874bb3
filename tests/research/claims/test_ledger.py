"""Verdicts on made-up records and runs, and the page."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from research.claims.__main__ import main
from research.claims.claim import Claim, Finding, render_ledger
from research.claims.clusters import judge_clusters, judge_measures
from research.claims.curves import follow_loss, judge_curves
from research.claims.orders import compare_systems, judge_intervals, judge_order

from crosszero.config import build
from crosszero.experiment.records import Record, write_record
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import train_system
from crosszero.experiment.table import Interval
from crosszero.samples.store import collect
from research import e5_clusters
from tests.experiment.test_settings import make_record
from tests.tasks.helpers import make_score
from tests.training.conftest import make_samples, store_folder

__all__ = ["store_folder"]
Folders = Callable[..., Path]


def records(system: str, task: str, metric: str, *values: float) -> list[Record]:
    return [
        make_record(
            system=system, task=task, seed=seed, scores=(make_score(metric, "fr", value, 10),)
        )
        for seed, value in enumerate(values, start=1)
    ]


TATOEBA, AER = "tatoeba/accuracy", "word-alignment/aer"


def make_config(**changes: Any) -> ExperimentConfig:
    """Two systems that are trained, a and b, and one that is not."""
    values = {
        "name": "made up", "out": "out", "samples": "samples", "data": "data", "alignment": "data",
        "tasks": ["tatoeba"], "systems": {"start": {}, "a": {"train": {}}, "b": {"train": {}}},
    }  # fmt: skip
    return build(ExperimentConfig, {**values, **changes})


def test_an_order_is_judged_over_paired_seeds() -> None:
    config = make_config()
    found = records("a", "tatoeba", TATOEBA, 0.10, 0.20, 0.30)
    found += records("b", "tatoeba", TATOEBA, 0.15, 0.25, 0.35)  # apart by 5 points, always
    order = compare_systems(found, config, "a", "b")
    assert order.seeds == (1, 2, 3)
    assert order.differences == {"Tatoeba": pytest.approx([5, 5, 5])}
    assert order.columns["Tatoeba"].half_width == pytest.approx(0, abs=1e-9)
    assert judge_order(found, config, "a", "b")[0] == "holds"
    assert judge_order(found, config, "b", "a")[0] == "does not hold"
    noisy = records("a", "tatoeba", TATOEBA, 0.1, 0.3, 0.2)
    noisy += records("b", "tatoeba", TATOEBA, 0.3, 0.12, 0.2)
    assert judge_order(noisy, config, "a", "b")[0] == "does not hold"


def test_groups_are_judged_seed_by_seed() -> None:
    config = make_config(tasks=["tatoeba", "word-alignment"])
    found = records("a", "tatoeba", TATOEBA, 0.1, 0.1, 0.1)
    found += records("a", "word-alignment", AER, 0.5, 0.5, 0.5)
    found += records("b", "tatoeba", TATOEBA, 0.2, 0.3, 0.4)
    found += records("b", "word-alignment", AER, 0.5, 0.6, 0.7)  # worse by what the other gains
    order = compare_systems(found, config, "a", "b")
    assert order.differences["AER"] == pytest.approx([0, -10, -20])
    assert order.groups["words"] == order.columns["AER"]
    assert judge_order(found, config, "a", "b")[0] == "does not hold"  # both are too wide
    config = make_config(tasks=["tatoeba", "bucc2018", "word-alignment"])
    found += records("a", "bucc2018", "bucc2018/f1", 0.1, 0.1, 0.1)
    found += records("b", "bucc2018", "bucc2018/f1", 0.2, 0.1, 0.0)  # what Tatoeba adds by seed
    group = compare_systems(found, config, "a", "b").groups["retrieval"]
    assert (group.mean, group.half_width) == (pytest.approx(10), pytest.approx(0, abs=1e-9))
    outcome, evidence = judge_order(found, config, "a", "b")
    assert outcome == "holds in part"
    assert evidence.endswith(
        "By group: retrieval +10.00 ± 0.00 (better); words -10.00 ± 24.84 (no effect shown)."
    )
    outcome, evidence = judge_order(found, config, "b", "a")
    assert outcome == "does not hold"
    assert "retrieval -10.00 ± 0.00 (worse)" in evidence


def test_a_training_that_is_not_done_is_not_an_encoder_that_needs_none() -> None:
    """Its one value must not stand for the seeds that are missing."""
    config = make_config(tasks=["tatoeba", "xnli"])
    found = records("a", "tatoeba", TATOEBA, 0.1) + records("b", "tatoeba", TATOEBA, 0.3, 0.3, 0.3)
    xnli = "xnli/accuracy"
    found += records("a", "xnli", xnli, 0.3, 0.3, 0.3) + records("b", "xnli", xnli, 0.5, 0.5, 0.5)
    outcome, evidence = judge_order(found, config, "a", "b")
    assert outcome == "not testable here"
    assert "1 of the suite's 3 seeds" in evidence
    assert "Missing: a: tatoeba (seed 2, 3)." in evidence
    outcome, evidence = judge_order(found[:1] + found[4:5] + found[1:4], config, "a", "b")
    assert "a: xnli, tatoeba (seed 2, 3); b: xnli (seed 1, 2, 3)" in evidence
    # nor does one fine-tuning of an encoder that is not trained
    found = records("start", "tatoeba", TATOEBA, 0.1) + records("start", "xnli", xnli, 0.3)
    found += records("b", "tatoeba", TATOEBA, 0.3, 0.3, 0.3) + records("b", "xnli", xnli, 0.5)
    outcome, evidence = judge_order(found, config, "start", "b")
    assert outcome == "not testable here"
    assert "Missing: start: xnli (seed 2, 3); b: xnli (seed 2, 3)." in evidence


def test_what_can_not_be_paired_is_not_judged() -> None:
    config = make_config()
    found = records("a", "tatoeba", TATOEBA, 0.1, 0.2, 0.3)
    later = records("b", "tatoeba", TATOEBA, 0.4, 0.5, 0.6)
    for first, second, given, message in (
        ("a", "b", found, "b: tatoeba (seed 1, 2, 3)"),
        ("a", "b", found[:2] + later[2:], "0 of the suite's 3 seeds"),  # not one seed in common
        ("a", "b", found[:2] + later, "a: tatoeba (seed 3)"),
        ("a", "c", found + later, "no system c"),
        ("start", "start", records("start", "tatoeba", TATOEBA, 0.1), "Neither"),
    ):
        for least in (None, 1):
            outcome, evidence = judge_order(given, config, first, second, least=least)
            assert outcome == "not testable here"
            assert message in evidence
    outcome, evidence = judge_order(found + later, make_config(seeds=[1, 2]), "a", "b")
    assert outcome == "not testable here"
    assert "give the suite more" in evidence
    # a seed that was taken out of the suite does not count, though its record is given
    assert compare_systems(found + later, make_config(seeds=[1, 2]), "a", "b").seeds == (1, 2)


def test_less_alignment_error_is_better_and_a_start_has_one_value() -> None:
    config = make_config(tasks=["tatoeba", "word-alignment"])
    found = records("start", "word-alignment", AER, 0.7)
    found += records("b", "word-alignment", AER, 0.50, 0.52, 0.51)
    found += records("start", "tatoeba", TATOEBA, 0.1)
    found += records("b", "tatoeba", TATOEBA, 0.2, 0.4, 0.0)
    means = {n: i.mean for n, i in compare_systems(found, config, "start", "b").columns.items()}
    assert means == pytest.approx({"Tatoeba": 10, "AER": 19})
    outcome, evidence = judge_order(found, config, "start", "b", least=1)  # Tatoeba is too wide
    assert outcome == "does not hold"
    assert evidence.endswith("Of XTREME's 1 columns, 0 better, 0 worse.")


def test_several_zero_shot_tasks_are_those_of_xtreme() -> None:
    one = {name: Interval(mean=2, deviation=0, low=1, high=3) for name in ("AER", "words", "POS")}
    less = {name: Interval(mean=-2, deviation=0, low=-3, high=-1) for name in ("BUCC", "Tatoeba")}
    outcome, evidence = judge_intervals("what", {**one, **less}, {}, 2)
    assert outcome == "does not hold"
    assert evidence.endswith("Of XTREME's 3 columns, 1 better (POS), 2 worse (BUCC, Tatoeba).")
    assert judge_intervals("what", {**one, **less}, {}, 1)[0] == "holds"
    assert judge_intervals("what", one, {}, 2)[0] == "not testable here"


def run(folder: Path, losses: list[float]) -> Path:
    folder.mkdir()
    lines = [json.dumps({"step": i, "contrastive_loss": x}) for i, x in enumerate(losses, start=1)]
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
        Claim(2, "t2", Finding("does not hold", "x.", "e", "c"), beside=(("mini", "holds", "y."),)),
        Claim(1, "t1", Finding("holds", "x.", "e", "c")),
        Claim(3, "t3", Finding("holds", "x.", "e", None)),
    ]
    text = render_ledger(claims, made="Made.")
    assert text.index("## 1. t1") < text.index("## 2. t2")
    assert "Of 3 claims, 2 hold, and 1 does not hold. The" in text
    assert "**Does not hold.** x.\n\nOn mini: **holds.** y.\n\n- Experiment and command: " in text
    assert "those of claim 1." in text  # told once
    assert text.endswith("- Experiment: e\n- Command: none\n")


def test_the_ledger_of_a_small_suite(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    collect(make_samples(40, multiway=True), tmp_path / "word-retrieval")
    systems: dict[str, Any] = {
        "crosszero-mini": {},
        "CZ-snt": {"train": {"level": "sentence"}},
        "ML-CTL-CZ": {"train": {}},
    }
    values = {
        "name": "small",
        "out": str(tmp_path / "out"),
        "encoder": str(model_folder()),
        "samples": str(store_folder(60)),
        "held_out": str(tmp_path),
        "tasks": ["word-retrieval"],
        "seeds": [1, 2, 3],
        "train": {"steps": 2, "batch_size": 8, "max_length": 32, "precision": "fp32",
                  "log_every": 1},
        "systems": systems,
    }  # fmt: skip
    suite = build(ExperimentConfig, values)
    names = ("crosszero-mini", "CZ-snt", "ML-CTL-CZ")
    assert judge_clusters(suite, *names)[0] == "not testable here"
    for seed in suite.seeds:
        for system in names[1:]:
            train_system(suite, system, seed)
    outcome, evidence = judge_clusters(suite, *names)
    assert outcome in ("holds", "does not hold")
    assert evidence.count("purity") == evidence.count("silhouette") == 2
    fewer = dataclasses.replace(suite, seeds=[1, 2])
    assert judge_clusters(fewer, *names)[0] == "not testable here"
    start = make_record(system="crosszero-mini", task="word-retrieval", scores=())
    write_record(start, tmp_path / "out" / "records" / "crosszero-mini-word-retrieval-1.json")
    recipe = tmp_path / "suite.yaml"
    recipe.write_text(json.dumps(values))
    main([str(recipe), "--out", str(tmp_path / "claims.md")])
    printed = capsys.readouterr().out
    assert printed.count("not testable here") >= 7  # published rows, orders, curves
    assert "11  holds" in printed
    assert "12  does not hold" in printed  # the paper's formula in fp16
    text = (tmp_path / "claims.md").read_text()
    assert text.count("\n## ") == 12
    sections = re.split(r"\n## \d+\. ", text)[1:]
    assert "never released" in sections[2]
    assert evidence in sections[7]

    # the same encoders under the names of E5's recipe are judged alike, from what is kept of them
    renamed = {"e5-small-q4" if name == names[0] else name: s for name, s in systems.items()}
    recipe.write_text(json.dumps({**values, "systems": renamed}))
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"seeds": [1], "experiments": {"e5": {}}}))
    e5_clusters.main([str(recipe), "--out", str(kept)])
    found = json.loads(kept.read_text())
    assert found.keys() == {"seeds", "experiments", "clusters"}
    assert found["clusters"]["seeds"] == [1, 2, 3]
    judged = judge_measures(found["clusters"]["measured"])
    assert judged[0] == outcome
    assert judged[1].replace("e5-small-q4", names[0]) == evidence
    assert "Command: none" in sections[2]
    assert text.count("Command: none") == 1
    assert "Command: `crosszero run recipes/paper-suite.yaml`" in sections[3]
    assert "ENCODER" not in text
    assert "crosszero-mini: records of other settings" in text  # that one has another key

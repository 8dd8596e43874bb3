"""The whole visit to a GPU, small and on a CPU: nothing of it may be tried there first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.encoders import TINY, load_backbone
from benchmarks.gpu import agreement, correctness, report, rivals, training
from benchmarks.gpu.__main__ import SECTIONS, main
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.rivals import PAPER
from benchmarks.gpu.setting import Setting, make_store
from benchmarks.gpu.timer import Clock
from benchmarks.tables import read_run
from crosszero.errors import DataError
from crosszero.model.saving import save_encoder
from crosszero.training import setup
from tests.emulated_device import DEVICE, emulated_device


@pytest.mark.slow
def test_a_tiny_visit(tmp_path: Path) -> None:
    assert main(["--tiny", "--out", str(tmp_path)]) == 0
    visit = read_run(tmp_path / "result.json", ["gpu"])
    assert [section["name"] for section in visit["sections"]] == [s.name for s in SECTIONS]
    for section in visit["sections"]:
        assert section["rows"] or section["checks"], section["name"]
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "tiny" in text
    assert "NO" not in text
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- gpu -->\nold\n<!-- end of gpu -->\nafter\n")
    report.main([str(tmp_path / "result.json"), "--page", str(page)])
    assert text.strip() in page.read_text(encoding="utf-8")


class Device:
    """In place of accelerate, which knows no emulated device."""

    device = DEVICE

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()


@pytest.mark.slow
def test_what_a_visit_does_mixes_no_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = tmp_path / "encoder"
    save_encoder(load_backbone(TINY), encoder)
    monkeypatch.setattr(setup, "Accelerator", Device)
    monkeypatch.setattr(
        Setting, "load_backbone", lambda s, d=None: load_backbone(TINY).to(d or s.device)
    )
    setting = Setting(
        device=DEVICE,
        size=TINY,
        tiny=True,
        store=make_store(tmp_path / "samples", 100),
        out=tmp_path,
        folder=tmp_path,
        clock=Clock(100, brief=True),
        batches=(4, 6, 8),
    )
    setting.__dict__["encoder"] = encoder  # saved from the CPU
    journal = Journal(tmp_path / "result.json", {})
    with emulated_device():
        for run in (
            agreement.check_inference,
            agreement.check_search,
            correctness.check_training,
            training.measure_training,
            rivals.measure_rivals,
        ):
            journal.begin(run.__name__)
            run(setting, journal)
    assert not journal.failed


def test_what_was_found_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    journal = Journal(path, {"benchmark": "gpu"})
    journal.begin("one")
    journal.check("equal", 0.0, 0.0)
    journal.check("near", 0.2, 0.1)
    journal.check("a number", float("nan"), 1.0)
    journal.row("speed", **{"pairs/s": 5.0})
    journal.fail(ValueError("broken"), "where")
    [section] = json.loads(path.read_text(encoding="utf-8"))["sections"]
    assert [check["passed"] for check in section["checks"]] == [True, False, False]
    assert section["rows"] == [{"what": "speed", "pairs/s": 5.0}]
    assert section["error"] == "ValueError: broken"
    assert journal.failed == ["near", "a number", "section one"]
    path.write_text("{}")
    with pytest.raises(DataError, match=r"no result of benchmarks\.gpu"):
        read_run(path, ["gpu"])


def test_goals_are_ratios_of_what_was_measured() -> None:
    visit = {
        "benchmark": "gpu", "device": "a GPU", "date": "2026-01-02T03:04:05", "commit": "abc",
        "command": "it", "seconds": 9, "tiny": False, "text": "made up", "versions": {},
        "sections": [
            section("training", [{"what": "crosszero, packed", "batch": 512, "pairs/s": 9_000.0}]),
            section("rivals", [{"what": f"{PAPER}, fp32", "batch": 64, "pairs/s": 300.0}]),
            section("alignment", [{"what": "crosszero, hmm", "pairs/s": 4_000.0}]),
            section("mining", [{"what": "1,000,000 x 1,000,000 x 768", "s": 59.0}]),
        ],
    }  # fmt: skip
    goals, *_ = report.make_tables(visit)
    assert goals.rows == (
        ("training", f"{PAPER}, fp32, batch 64", "30 x", "at least 20", "yes"),
        ("align", "absolute", "4,000 pairs/s", "at least 5,000", "no"),
        ("mine", "absolute", "59 s", "at most 60", "yes"),
    )


def test_of_several_visits_the_last_one_that_found_anything_counts() -> None:
    about = {
        "device": "a GPU", "seconds": 9, "tiny": False, "text": "made up", "versions": {},
        "command": "it",
    }  # fmt: skip
    old = [section("mining", [{"what": "m", "s": 5}]), section("ranks", [{"what": "r"}])]
    new = [section("mining", [{"what": "m", "s": 3}]), section("ranks", [])]
    visits = [
        about | {"date": "2026-01-01", "commit": "old", "sections": old},
        about | {"date": "2026-01-02", "commit": "new", "sections": new},
    ]
    text = report.write_tables(*visits)
    first, second, *_ = text.split("\n\n")
    assert first.startswith("Ranks: a GPU, 2026-01-01, commit old")
    assert second.startswith("Mining: a GPU, 2026-01-02, commit new")
    assert "| m | 3 |" in text
    assert "| m | 5 |" not in text


def section(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "rows": rows, "checks": [], "notes": []}

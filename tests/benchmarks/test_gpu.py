"""The whole visit to a GPU, small and on a CPU: nothing of it may be tried there first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu import report
from benchmarks.gpu.__main__ import SECTIONS, main
from benchmarks.gpu.journal import Journal
from crosszero.errors import DataError


@pytest.mark.slow
@pytest.mark.xfail(strict=False, reason="packing refuses bf16 on a CPU")
def test_a_tiny_visit(tmp_path: Path) -> None:
    assert main(["--tiny", "--out", str(tmp_path), "--seconds", "240"]) == 0
    visit = report.read_visit(tmp_path / "result.json")
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
    with pytest.raises(DataError, match="no result of benchmarks"):
        report.read_visit(path)

"""Runs are compared on held-out lines alone, and only where one thing was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from research.choices import compare_runs, find_differences


def make_run(folder: Path, values: tuple[float, float], **settings: Any) -> Path:
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "training.json").write_text(json.dumps({"encoder": "mini", **settings}))
    after = {
        "sentence-retrieval/text-accuracy": {"mean": {"mean": values[0]}},
        "word-retrieval/accuracy": {"mean": {"mean": values[1]}},
    }
    (folder / "summary.json").write_text(json.dumps({"before": {}, "after": after}))
    return folder


def test_rows_name_what_differs(tmp_path: Path) -> None:
    one = make_run(tmp_path / "a", (0.1, 0.25), head_start="identity", steps=5, seed=1)
    two = make_run(tmp_path / "b", (0.3, 0.75), head_start="random", steps=5, seed=2)
    table = compare_runs([one, two])
    assert table.columns == ("head_start", "held-out sentences", "held-out words")
    assert [row[0] for row in table.rows] == ["identity", "random"]
    assert [row[1] for row in table.rows] == pytest.approx([10.0, 30.0])
    assert [row[2] for row in table.rows] == pytest.approx([25.0, 75.0])


def test_runs_on_other_samples_are_refused(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, (0.1, 0.1), samples=name) for name in "ab"]
    with pytest.raises(ValueError, match="samples"):
        compare_runs(runs)


def test_a_setting_that_one_run_lacks_is_a_difference() -> None:
    assert find_differences([{"a": 1, "seed": 1}, {"a": 1, "b": 2, "seed": 2}]) == ["b"]

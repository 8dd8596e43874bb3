"""The table of a large corpus is computed from what was measured, and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import large_input, scaling
from benchmarks.mine import DRIVER
from crosszero.errors import DataError


def run(name: str, rows: list[tuple[str, str, str, float]], **more: Any) -> dict[str, Any]:
    keys = ("what", "encoder", "unit", "rate")
    return {
        "benchmark": name,
        "commit": "abc",
        "date": "2026-01-02T03:04:05",
        "threads": 2,
        "quick": False,
        "setting": {},
        "rows": [dict(zip(keys, row, strict=True)) | {"seconds": 4.0} for row in rows],
    } | more


def prepared(finder: str, **more: Any) -> dict[str, Any]:
    rows = []
    for stage, rate in (("read", 50_000.0), ("fit", 500.0), ("find", 1_000.0)):
        rows.append((f"prepare, {stage}", finder, "sentence pairs/s", rate))
        rows.append((f"prepare, {stage}, peak", finder, "GB", 0.75))
    setting = {"finder": finder, "fit_pairs": 100_000, "pairs": 1_000, "store_bytes": 200_000}
    return run("large_input", rows, setting=setting, **more)


def test_numbers_follow_from_the_rates() -> None:
    trained = run(
        "train_step",
        [
            ("crosszero, several words", "big", "sentence pairs/s", 10.0),
            ("crosszero, several words", "big", "tokens/s", 99.0),
            ("crosszero, several words", "big", "GB at most", 4.0),
            ("the paper's procedure", "big", "sentence pairs/s", 1.0),
        ],
    )
    mined = run("mine", [("crosszero", "", "vectors/s", 1.0), (DRIVER, "", "bytes a line", 180.0)])
    mined["setting"] = {"size": 20_000, "dim": 768, "k": 4}
    encoded = run("encode", [("crosszero", "unknown", "sentences/s", 300.0)])
    table = scaling.make_table([prepared("aligner"), trained, encoded, mined], scaling.Size())
    cells = {row[0]: row[1:5] for row in table.rows}
    assert cells == {
        # 25 million pairs, of which the aligner learns from 5 x 100,000
        "prepare (aligner): read": ("50,000 pairs/s", "8.3 min", "–", "0.75 GB"),
        "prepare (aligner): fit": ("500 pairs/s", "16.7 min", "–", "0.75 GB"),
        "prepare (aligner): find": ("1,000 pairs/s", "6.9 h", "10.0 GB", "0.75 GB"),
        "train big, one epoch": ("10 pairs/s", "28.9 days", "–", "4.0 GB"),
        "encode, unknown": ("300 sentences/s", "27.8 h", "–", "–"),
        # 1e8 products a second, 5 x 25e12 to do
        "mine, 768 dimensions": ("100,000,000 products/s", "14.5 days", "–", "0.9 GB"),
    }


def test_the_page_is_filled_in(tmp_path: Path) -> None:
    page, result = tmp_path / "page.md", tmp_path / "run.json"
    page.write_text("before\n<!-- corpus -->\nold\n<!-- end of corpus -->\nafter\n")
    result.write_text(json.dumps(prepared("lexicon")))
    for _ in range(2):
        scaling.main([str(result), "--page", str(page)])
        text = page.read_text()
        assert "old" not in text
        assert text.startswith("before\n")
        assert text.endswith("<!-- end of corpus -->\nafter\n")
        assert text.count("prepare (lexicon): find") == 1
    page.write_text("nothing")
    with pytest.raises(ValueError, match="must stand there once"):
        scaling.main([str(result), "--page", str(page)])
    with pytest.raises(DataError, match="no result of large_input"):
        scaling.make_table([prepared("aligner", quick=True), prepared("none")], scaling.Size())


def test_a_large_input_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    large_input.main(["--quick", "--finder", "lexicon", "--threads", "1", "--out", str(out)])
    found = json.loads(out.read_text())
    rates = {row["what"]: row["rate"] for row in found["rows"]}
    assert {f"prepare, {stage}" for stage in ("read", "fit", "find", "write")} < set(rates)
    assert all(rate > 0 for rate in rates.values())
    assert found["setting"]["words_per_pair"] > 1
    assert found["ratios"][0]["most"] == 1.5
    assert rates["start of training, bytes read"] > 0
    read = next(row for row in found["rows"] if row["what"] == "reading batches")
    assert round(read["rate"] * read["seconds"]) == 3_000


def test_made_up_pairs_have_one_translation_for_each_word() -> None:
    pairs = list(large_input.make_pairs(200, seed=3))
    assert pairs == list(large_input.make_pairs(200, seed=3))
    source, target = (large_input.make_words(c) for c in ("bdfgklmnprst", "cjhqvwxz"))
    assert len(set(source)) == len(set(target)) == len(source) == len(target)
    words = dict(zip(source, target, strict=True))
    for pair in pairs:
        known = sorted(words[word] for word in pair.source.split() if word in words)
        assert known == sorted(w for w in pair.target.split() if not w.startswith("Nam"))
    assert len({pair.source for pair in pairs}) == 200

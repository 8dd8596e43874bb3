"""The table of estimated thresholds, on made texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from research.threshold import main

from tests.conftest import WORDS
from tests.tasks.helpers import write


def test_a_row_for_each_text_and_share(
    tmp_path: Path, model_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{WORDS[n % 20]} {WORDS[n % 37]} {WORDS[n % 41]}" for n in range(150)]
    for code, step in (("zh", 0), ("en", 30)):
        rows = [f"{code}-{n}\t{line}" for n, line in enumerate(lines[step:])]
        write(tmp_path / f"xtreme-mini/bucc2018/zh-en.dev.{code}", rows)
    gold = [f"zh-{n + 30}\ten-{n}" for n in range(50)]
    write(tmp_path / "xtreme-mini/bucc2018/zh-en.dev.gold", gold)
    for code in ("en", "fr"):
        write(tmp_path / f"bitext/ntrex128/multi.{code}", lines)
    options = {"--data": tmp_path, "--encoder": model_folder(), "--out": tmp_path / "v"}
    main([*(str(word) for option in options.items() for word in option), "--languages", "fr"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == [
        "BUCC zh-en, dev half",
        *(f"NTREX fr-en, {share} %" for share in (90, 50, 20, 5)),
    ]
    assert [row[1] for row in rows] == ["50", "135", "75", "30", "7"]
    for row in rows:
        assert len(row) == 8
        assert 0 < float(row[-1]) <= 100
        if row[2] != "-":
            assert float(row[-2]) <= float(row[-1]) + 0.1

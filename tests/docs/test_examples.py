"""The examples run, and print what they promise."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
SHOWN = {
    "link_words": ["king       roi", "window     fenêtre"],
    "find_translations": ["Open a new window.  =  Ouvrir une nouvelle fenêtre."],
    "filter_bitext": ["keep", "drop"],
    "search_sentences": ["Open a new window."],
    "train_on_your_text": ["crosszero-mini: ", "sentences are found"],
    "carry_labels": ["PERSON  Le roi de France", "PLACE   France"],
}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_an_example(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [("cat", "chat"), ("dog", "chien"), ("king", "roi"), ("house", "maison")]
    lines = [f"the {a} {c}\tle {b} {d}" for a, b in words for c, d in words if a != c] * 4
    Path("corpus.en-fr.tsv").write_text("\n".join(lines) + "\n")
    given = ["corpus.en-fr.tsv", "run", "2"] if name == "train_on_your_text" else []
    monkeypatch.setattr(sys, "argv", [name, *given])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for text in SHOWN[name]:
        assert text in printed, printed

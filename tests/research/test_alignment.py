"""The tables of docs/alignment.md, made of a small encoder and a few sentences."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from research.alignment import Choice, Gold, join_sentences, leave_out, main
from research.calibration import fit_curve, measure_calibration

from crosszero.align.calibration import _CURVES, bend, calibrate
from crosszero.align.spans import GoldLinks, from_words

WORDS = ["the", "weather", "is", "good", "today", "king", "house", "cat", "dog", "old"]
FRENCH = ["le", "temps", "est", "bon", "aujourd", "roi", "maison", "chat", "chien", "vieux"]


def test_all_tables(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    draw = random.Random(1)
    for pair in ("en-fr", "fr-en"):
        lines: dict[str, list[str]] = {"src": [], "tgt": [], "gold": []}
        for _ in range(12):
            chosen = draw.sample(range(10), 4)
            lines["src"].append(" ".join(WORDS[i] for i in chosen))
            lines["tgt"].append(" ".join(FRENCH[i] for i in chosen))
            lines["gold"].append("0-0 1-1 2-2 3-3")
        for ending, rows in lines.items():
            path = tmp_path / "data" / "word-alignment" / f"{pair}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(rows) + "\n")
    out = tmp_path / "tables.md"
    flags = ["--encoder", str(model_folder()), "--data", str(tmp_path / "data")]
    text = main([*flags, "--out", str(out)])
    assert out.read_text() == text
    for title in ("by method and unit", "Chosen on the other", "by layer", "calibration", "joined"):
        assert title in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert {"hmm", "combined", "statistical", "first + last", "auto", "3", "joined"} <= set(rows)


def test_what_is_measured_was_chosen_on_the_others() -> None:
    good, bad = Choice("hmm", "both", 0.3), Choice("argmax", "word", 0.0)
    errors = {good: {"a": 90.0, "b": 10.0, "c": 10.0}, bad: {"a": 1.0, "b": 20.0, "c": 20.0}}
    assert leave_out(errors, "a") == good
    assert leave_out(errors, "b") == bad


def test_joined_sentences_keep_their_links() -> None:
    texts = [from_words(["a", "b"]), from_words(["c"])]
    gold = [GoldLinks(sure=frozenset({(1, 0)})), GoldLinks(sure=frozenset({(0, 1)}))]
    data = Gold(texts, texts[::-1], gold, [], None, {}, 1)  # type: ignore[arg-type]
    [(source, target, links)] = join_sentences(data)
    assert (source.text, target.text) == ("a b c", "c a b")
    assert links.sure == {(1, 0), (2, 2)}


def test_a_curve_brings_scores_to_shares() -> None:
    draw = np.random.default_rng(1)
    scores = draw.uniform(0.2, 1, 20_000).astype(np.float32)
    right = draw.uniform(size=len(scores)) < scores**2  # surer than it is right
    curve = fit_curve(scores, right)
    assert measure_calibration(scores, right) > 0.15
    assert measure_calibration(bend(scores, *curve), right) < 0.02
    assert (np.diff(bend(np.sort(scores), *curve)) >= 0).all()


@pytest.mark.parametrize("method", [*_CURVES, "statistical"])
def test_calibrated_scores_keep_their_order(method: str) -> None:
    scores = np.linspace(0, 1, 101, dtype=np.float32)
    made = calibrate(scores, method)
    assert made[0] == 0
    assert (np.diff(made) > 0).all()
    assert made[-1] <= 1

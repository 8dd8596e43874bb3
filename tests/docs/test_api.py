"""What ``import crosszero as cz`` alone offers: six things, each in a line or two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import crosszero as cz


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    words = [("cat", "chat"), ("dog", "chien"), ("king", "roi"), ("sea", "mer")]
    lines = [f"{a} {c}\t{b} {d}" for a, b in words for c, d in words if a != c] * 6
    write(tmp_path / "corpus.en-fr.tsv", lines)
    write(tmp_path / "xtreme/tatoeba/fr-en.fr", ["le chat", "la mer", "le roi"])
    write(tmp_path / "xtreme/tatoeba/fr-en.en", ["the sea", "the king", "the cat"])
    write(tmp_path / "xtreme/labels/tatoeba/test-fr.tsv", ["2", "0", "1"])
    write(tmp_path / "xtreme/word-alignment/en-fr.src", ["the cat", "old sea"])
    write(tmp_path / "xtreme/word-alignment/en-fr.tgt", ["le chat", "mer vieille"])
    write(tmp_path / "xtreme/word-alignment/en-fr.gold", ["0-0 1-1", "0-1 1-0"])
    return tmp_path


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_store_is_prepared_trained_on_and_its_run_used(
    workplace: Path, model_folder: Callable[..., Path]
) -> None:
    name = str(model_folder())
    store = cz.prepare("corpus.en-fr.tsv", out="samples", words="encoder", encoder=name)
    assert len(store) == 72
    small = {"steps": 2, "batch_size": 8, "max_length": 32, "precision": "fp32"}
    assert cz.train(name, store, out="run", loss="cz-nce", **small) == Path("run")

    enc = cz.Encoder.load("run")
    assert enc.encode(["Good morning."]).shape == (1, 16)
    source, target = "The house is small.", "La maison est petite."
    links = enc.align(source, target)
    assert links
    for one, other, score in links:
        assert source[slice(*one)].isalpha()
        assert target[slice(*other)].isalpha()
        assert 0 <= score <= 1
    assert enc.align([source], [target]) == [links]

    scores = cz.evaluate("run", tasks=["tatoeba", "word-alignment"], data="xtreme")
    assert set(scores.by_language("tatoeba")) == {"fr"}
    assert 0 <= scores.mean("word-alignment") <= 1
    assert "tatoeba" in str(scores.table()).lower()


def test_texts_are_mined(workplace: Path, model_folder: Callable[..., Path]) -> None:
    enc = cz.Encoder.load(model_folder())
    english, french = ["the cat", "the sea", "the king"], ["la mer", "le roi", "le chat"]
    found = cz.mine(enc, english, french, threshold=0.0)
    assert all(source in english and target in french for _, source, target in found)
    assert [score for score, _, _ in found] == sorted((s for s, _, _ in found), reverse=True)
    assert cz.mine(enc, english, french, threshold=np.inf) == []


def test_importing_loads_nothing_heavy() -> None:
    command = "import sys, crosszero as cz; dir(cz); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "transformers", "numpy", "pyarrow"} & set(loaded)


def test_every_public_name_can_be_imported() -> None:
    for name in cz.__all__:
        assert getattr(cz, name) is not None

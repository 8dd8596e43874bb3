"""XTREME's layout in small, made of the words that the test tokenisers know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import DICTIONARY, store_folder

__all__ = ["store_folder"]


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def xtreme(tmp_path: Path) -> Path:
    """Tatoeba, PAWS-X, PANX and a gold alignment; French beside English."""
    make_xtreme(tmp_path / "xtreme")
    return tmp_path / "xtreme"


def make_xtreme(folder: Path) -> None:
    """Write the data of those tasks, with gold."""
    random = np.random.default_rng(0)
    lines = [random.choice(len(DICTIONARY), 3, replace=False) for _ in range(12)]
    sides = [[" ".join(DICTIONARY[c][side] for c in line) for line in lines] for side in (0, 1)]
    order = sorted(range(len(lines)), key=lambda i: (sides[0][i], i))
    write(folder / "tatoeba/fr-en.fr", sides[1])
    write(folder / "tatoeba/fr-en.en", [sides[0][i] for i in order])
    write(folder / "labels/tatoeba/test-fr.tsv", [str(i) for i in order])
    stem = "word-alignment/en-fr"
    for suffix, side in (("src", 0), ("tgt", 1)):
        write(folder / f"{stem}.{suffix}", sides[side])
    write(folder / f"{stem}.gold", ["0-0 1-1 2-2"] * len(lines))
    pairs = [(a, b, str(int(a.split()[0] == b.split()[0]))) for a in sides[0] for b in sides[0]]
    write(folder / "pawsx/train-en.tsv", ["\t".join(pair) for pair in pairs[:96]])
    write(folder / "pawsx/dev-en.tsv", ["\t".join(pair) for pair in pairs[96:]])
    write(folder / "panx/train-en.tsv", tagged(lines, 0) * 4)
    write(folder / "panx/dev-en.tsv", tagged(lines, 0))
    for side, code in ((0, "en"), (1, "fr")):
        rows = [(sides[side][i], sides[side][(i + 1) % 12]) for i in range(12)]
        write(folder / f"pawsx/test-{code}.tsv", ["\t".join(row) for row in rows])
        write(folder / f"labels/pawsx/test-{code}.tsv", ["0", "1"] * 6)
        both = tagged(lines, side)
        write(folder / f"panx/test-{code}.tsv", [row.split("\t")[0] for row in both])
        write(folder / f"labels/panx/test-{code}.tsv", [row.split("\t")[-1] for row in both])


def tagged(lines: list[np.ndarray], side: int) -> list[str]:
    """A word and its tag a line; kings are persons, houses are places."""
    names = {1: "B-PER", 2: "B-LOC"}
    rows = []
    for line in lines:
        rows += [f"{DICTIONARY[c][side]}\t{names.get(int(c), 'O')}" for c in line]
        rows.append("")
    return rows

"""Word alignment without a neural encoder: what statistics of the same text reach."""

from __future__ import annotations

from pathlib import Path

from crosszero.evaluation import read_alignment_set, score_alignment
from crosszero.recipe.config import RecipeConfig
from crosszero.suite.statistical import align_rows, read_rows


def align_statistically(recipe: RecipeConfig, out: Path) -> list[float]:
    """AER of eflomal on each gold set of a recipe; see :mod:`crosszero.suite.statistical`."""
    rates = []
    for stem in recipe.evaluate.alignment:
        gold = read_alignment_set(stem)
        source, _, target = Path(stem).name.partition("-")
        rows = [
            ([word.lower() for word in a], [word.lower() for word in b])
            for a, b in zip(gold.source, gold.target, strict=True)
        ]
        rows += read_rows(out / "samples", source, target)
        links = align_rows(rows, len(gold.source), seed=1)
        rates.append(score_alignment(links, gold.gold).aer)
    return rates

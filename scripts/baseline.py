"""Word alignment without a neural encoder: what statistics of the same text reach."""

from __future__ import annotations

from pathlib import Path

from crosszero.evaluation import read_alignment_set, score_alignment
from crosszero.recipe.config import RecipeConfig
from crosszero.suite.statistical import align_gold


def align_statistically(recipe: RecipeConfig, out: Path) -> list[float]:
    """AER of eflomal on each gold set of a recipe; see :mod:`crosszero.suite.statistical`."""
    return [
        score_alignment(align_gold(stem, out / "samples"), read_alignment_set(stem).gold).aer
        for stem in recipe.evaluate.alignment
    ]

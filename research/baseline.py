"""Word alignment without a neural encoder: what statistics of the same text reach."""

from __future__ import annotations

from pathlib import Path

from crosszero.align.aer import score_alignment
from crosszero.align.gold import read_alignment_set
from crosszero.experiment.recipe.config import RecipeConfig
from crosszero.experiment.statistical import align_gold


def align_statistically(recipe: RecipeConfig, out: Path) -> list[float]:
    """AER of eflomal on each gold set of a recipe; see :mod:`crosszero.experiment.statistical`."""
    return [
        score_alignment(align_gold(stem, out / "samples"), read_alignment_set(stem).gold).aer
        for stem in recipe.evaluate.alignment
    ]

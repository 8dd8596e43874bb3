"""How far the scores of links can be trusted as probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from crosszero.align.calibration import LEAST, bend, find_chance, find_log_odds
from crosszero.align.methods import Method, get_threshold
from crosszero.align.similarity import Scores
from crosszero.align.spans import GoldLinks
from crosszero.experiment.table import Cell, Table

Scored = Mapping[str, Mapping[Method, Sequence[Scores]]]
"""For each pair and method the scores of all possible links of each sentence pair."""
_BINS = 10
_LEAST = 0.2  # score of links that the curve is fitted on


def collect_links(
    tables: Sequence[Scores], gold: Sequence[GoldLinks]
) -> tuple[Scores, NDArray[np.bool_]]:
    """Scores of links that are not hopeless, and whether people made them, too."""
    scores, right = [], []
    for table, links in zip(tables, gold, strict=True):
        for i, j in np.argwhere(table > _LEAST):
            scores.append(table[i, j])
            right.append((int(i), int(j)) in links.allowed)
    return np.array(scores, np.float32), np.array(right, bool)


def measure_calibration(chance: Scores, right: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean distance of sureness and share of right links, by bins."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    return sum(
        abs(float(chance[bins == b].mean()) - float(right[bins == b].mean())) * (bins == b).mean()
        for b in set(bins.tolist())
    )


def fit_curve(scores: Scores, right: NDArray[np.bool_], rounds: int = 50) -> tuple[float, float]:
    """Fit slope and offset by Newton's method.

    Args:
        scores: (n,) of links.
        right: (n,) whether people made them, too.
    """
    inputs = np.stack([find_log_odds(scores), np.ones(len(scores))])
    curve = np.array([1.0, 0.0])
    for _ in range(rounds):
        chance = find_chance(curve @ inputs)
        weights = np.maximum(chance * (1 - chance), LEAST)
        hessian = (inputs * weights) @ inputs.T + LEAST * np.eye(2)
        curve += np.linalg.solve(hessian, inputs @ (right - chance))
    return float(curve[0]), float(curve[1])


def show_reliability(scored: Scored, gold: Mapping[str, Sequence[GoldLinks]]) -> Table:
    """The calibration error of the links that are given, the curve fitted on the other pairs."""
    rows: list[tuple[Cell, ...]] = []
    for method in next(iter(scored.values())):
        links = {pair: collect_links(scored[pair][method], gold[pair]) for pair in scored}
        found = []
        for pair, (scores, right) in links.items():
            others = [links[name] for name in links if name != pair] or [links[pair]]
            curve = fit_curve(*map(np.concatenate, zip(*others, strict=True)))
            chance = bend(scores, *curve)
            given = chance >= get_threshold(method)
            found.append(100 * measure_calibration(chance[given], right[given]))
        curve = fit_curve(*map(np.concatenate, zip(*links.values(), strict=True)))
        rows.append((method, *found, fmean(found), f"{curve[0]:.3f}, {curve[1]:.3f}"))
    return Table(
        title="Expected calibration error in per cent, the curve fitted on the other pairs",
        columns=("method", *scored, "mean", "curve of all pairs"),
        rows=tuple(rows),
    )

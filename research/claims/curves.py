"""Claim 10: does CZ-NCE keep its loss away from zero while it trains?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from crosszero.training.metrics import METRICS, read_metrics
from research.claims.claim import Outcome

_NEAR = 0.5  # nats: where InfoNCE has lost 40 % of its gradient, as 1 - exp(-0.5) is 0.39


class Course(NamedTuple):
    """How one training's contrastive loss went.

    Attributes:
        near: share of steps with an absolute loss below half a nat.
        below: share of steps with a loss below zero.
        last: mean of the last tenth of the steps.
        steps: logged.
    """

    near: float
    below: float
    last: float
    steps: int


def follow_loss(runs: Sequence[Path]) -> Course:
    """Read the losses of one system's runs (seeds) together.

    Raises:
        DataError: a run has no metrics.
    """
    losses = [
        [float(line["contrastive_loss"]) for line in read_metrics(run / METRICS)] for run in runs
    ]
    everything = [value for run in losses for value in run]
    tails = [value for run in losses for value in run[-max(1, len(run) // 10) :]]
    return Course(
        near=fmean(abs(value) < _NEAR for value in everything),
        below=fmean(value < 0 for value in everything),
        last=fmean(tails),
        steps=len(everything),
    )


def judge_curves(info: Sequence[Path], cz: Sequence[Path]) -> tuple[Outcome, str]:
    """Hold the two losses on the same data and seeds against each other.

    Args:
        info, cz: run folders of the two losses, a pair for each seed.
    """
    if not info or not cz:
        return "not testable here", "No seed has runs with both losses."
    return judge_courses(follow_loss(info), follow_loss(cz))


def judge_courses(info: Course, cz: Course) -> tuple[Outcome, str]:
    """Judge how both losses went.

    The claim holds where CZ-NCE is near zero in less than half of its steps and less often than
    InfoNCE; where neither ever came near zero, nothing was tested.
    """
    courses = {"InfoNCE": info, "CZ-NCE": cz}
    evidence = "; ".join(
        f"{name}: |loss| below {_NEAR} in {100 * c.near:.1f} % of {c.steps} steps, below zero in "
        f"{100 * c.below:.1f} %, mean of the last tenth {c.last:.2f}"
        for name, c in courses.items()
    )
    if info.near == cz.near == 0:
        return (
            "not testable here",
            f"Neither loss came near zero in so short a training. {evidence}.",
        )
    holds = cz.near < 0.5 and cz.near < info.near
    return "holds" if holds else "does not hold", evidence + "."

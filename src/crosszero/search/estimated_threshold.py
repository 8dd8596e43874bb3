"""From which score on to keep mined pairs, and how many of them are right, without any gold.

A mined pair is right or wrong, so its score comes from one of two distributions. What is known of
the wrong ones: each is the best that chance offers among many candidates, so their scores have the
distribution of a maximum (Gumbel). And each right pair shows what chance would have offered in its
place: its rival, the best other candidate of its two sentences. Scores of right pairs are taken as
normally distributed. EM finds both distributions and the share of right pairs, from the scores of
all pairs and from the rivals of those that are right.

The estimate is no measurement. docs/guides/mine.md says how far it was off where gold is at hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from crosszero.search.margin import Doubles
from crosszero.search.mined_pairs import DIGITS

LEAST, _RIGHT = 50, 10  # pairs with a rival to estimate anything from; right ones among them
_MOST = 50_000  # pairs that EM looks at
_STARTS = (0.9, 0.5, 0.1, 0.02)  # shares of right pairs that it starts from
_ROUNDS, _STILL = 300, 1e-8
_WIDEST = 1.5  # spread of right scores, in spreads of wrong ones: wider, it would take those, too
_APART = 1.0  # means must lie so many spreads apart
_EULER = 0.5772156649


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A threshold, and what is expected of the pairs that reach it.

    Attributes:
        threshold: the score from which on (``>=``, to six digits) F1 is expected to be best.
        precision: expected share of right pairs among those that are kept.
        recall: expected share of the right pairs among those mined that are kept.
        kept: how many pairs reach it.
    """

    threshold: float
    precision: float
    recall: float
    kept: int


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """A normal distribution of right scores, a Gumbel one of wrong ones, and what follows."""

    likelihood: float
    right: Doubles  # (pairs,) how likely each is right
    place: float  # of the Gumbel distribution
    scale: float
    mean: float
    spread: float

    def is_apart(self) -> bool:
        wrong = self.place + _EULER * self.scale
        return self.mean - wrong > _APART * math.hypot(self.spread, _deviation(self.scale))


def estimate_threshold(score: Doubles, rival: Doubles) -> Estimate | None:
    """Estimate the best threshold for pairs that were mined one-to-one.

    Args:
        score: (pairs,) their scores by ``ratio`` or ``distance``, in any order.
        rival: (pairs,) scores of the best other candidate of either sentence; -inf where there is
            none.

    Returns:
        ``None`` if right and wrong pairs can't be told apart by these scores, or if there are too
        few: less than 50 pairs with a rival, or less than 10 that seem to be right.

    Example:
        >>> draw = np.random.default_rng(1)
        >>> chance = draw.gumbel(1.0, 0.01, (2, 2000))
        >>> score = np.concatenate([draw.normal(1.1, 0.02, 500), chance[0, 500:]])
        >>> found = estimate_threshold(score, chance[1])
        >>> round(found.precision, 2), found.kept
        (0.99, 499)
    """
    order = np.argsort(-score, kind="stable")
    score, rival = score[order], rival[order]
    known = np.flatnonzero(np.isfinite(rival))
    if len(known) < LEAST or np.ptp(score[known]) == 0:
        return None
    some = known[:: -(-len(known) // _MOST)]
    with np.errstate(over="ignore", invalid="ignore"):  # far from a distribution nothing is likely
        fits = [_fit(score[some], rival[some], share) for share in _STARTS]
    apart = [fit for fit in fits if fit.is_apart()]
    if not apart:
        return None
    best = max(apart, key=lambda fit: fit.likelihood)
    # A wide normal distribution has more at the lower end, too, than the other one.
    right = np.where(score[some] < best.place, 0.0, best.right)
    right = np.interp(-score, -score[some], np.maximum.accumulate(right[::-1])[::-1])
    if right.sum() < _RIGHT:
        return None
    hits, kept = np.cumsum(right), np.arange(1, len(score) + 1)
    written = [round(value, DIGITS) for value in score.tolist()]  # equal ones are kept together
    hits, kept = hits[last := np.append(np.diff(written) != 0, True)], kept[last]
    place = int(np.argmax(2 * hits / (kept + hits[-1])))
    return Estimate(
        threshold=float(score[kept[place] - 1]),
        precision=float(hits[place] / kept[place]),
        recall=float(hits[place] / hits[-1]),
        kept=int(kept[place]),
    )


def _fit(score: Doubles, rival: Doubles, share: float) -> _Fit:
    """Run EM from a share of right pairs; `score` falls."""
    count = len(score)
    cut, width = score[min(count - 1, int(share * count))], 0.1 * score.std()
    right = 1 / (1 + np.exp(-np.clip((score - cut) / width, -50, 50)))
    both = np.concatenate([score, rival])
    last = -np.inf
    for _ in range(_ROUNDS):
        part = np.clip(right.mean(), 1 / count, 1 - 1 / count)
        place, scale = _fit_gumbel(both, np.concatenate([1 - right, right]) + 1e-12)
        mean = np.average(score, weights=right + 1e-12)
        spread = np.sqrt(np.average((score - mean) ** 2, weights=right + 1e-12))
        spread = np.clip(spread, 1e-3 * scale, _WIDEST * _deviation(scale))
        normal = -0.5 * ((score - mean) / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi))
        yes = np.log(part) + normal
        mixed = np.logaddexp(yes, np.log1p(-part) + _log_gumbel(score, place, scale))
        right = np.exp(yes - mixed)
        now = float((mixed + right * _log_gumbel(rival, place, scale)).mean())
        if abs(now - last) < _STILL:
            break
        last = now
    return _Fit(likelihood=now, right=right, place=place, scale=scale, mean=mean, spread=spread)


def _deviation(scale: float) -> float:
    """Standard deviation of a Gumbel distribution."""
    return float(scale * np.pi / np.sqrt(6))


def _log_gumbel(values: Doubles, place: float, scale: float) -> Doubles:
    z = (values - place) / scale
    found: Doubles = -z - np.exp(-z) - np.log(scale)
    return found


def _fit_gumbel(values: Doubles, weights: Doubles) -> tuple[float, float]:
    """Place and scale of greatest likelihood, by the usual fixed point, damped."""
    mean = np.average(values, weights=weights)
    off, least = values - mean, (values - mean).min()
    scale = max(np.sqrt(np.average(off**2, weights=weights)) * np.sqrt(6) / np.pi, 1e-9)
    for _ in range(30):
        tail = weights * np.exp((least - off) / scale)
        new = -(off * tail).sum() / tail.sum()
        if abs(new - scale) < 1e-9 or not new > 0:
            break
        scale = (scale + new) / 2
    tail = weights * np.exp((least - off) / scale)
    place = mean + least - scale * np.log(tail.sum() / weights.sum())
    return float(place), float(scale)

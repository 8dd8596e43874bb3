"""How good mined pairs are, and from which score on to keep them, where gold pairs tell."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

from crosszero.errors import CrosszeroError


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """Counts of mined pairs against gold pairs, and the three scores made of them (each 0 to 1).

    Attributes:
        predicted: mined pairs.
        gold: gold pairs.
        hits: pairs that are both.
    """

    predicted: int
    gold: int
    hits: int

    @property
    def precision(self) -> float:
        """Share of the mined pairs that are right; 0 if none is."""
        return self.hits / self.predicted if self.hits else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold pairs that were mined; 0 if none was."""
        return self.hits / self.gold if self.hits else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if no pair is right."""
        return 2 * self.hits / (self.predicted + self.gold) if self.hits else 0.0


def score_pairs(predicted: Iterable[Hashable], gold: Iterable[Hashable]) -> PairScore:
    """Compare two sets of pairs; what is given twice counts once.

    Example:
        >>> score_pairs([("a", "x"), ("b", "y")], [("a", "x")]).precision
        0.5
    """
    found, right = set(predicted), set(gold)
    return PairScore(predicted=len(found), gold=len(right), hits=len(found & right))


def tune_threshold(
    scored: Iterable[tuple[Hashable, Hashable, float]],
    gold: Collection[tuple[Hashable, Hashable]],
) -> float:
    """Find the score from which on (``>=``) keeping pairs gives the best F1.

    Pairs are walked by falling score, and the threshold lies in the middle between the last pair
    kept and the next one, so that it holds on other data, too. Pairs with equal scores are kept or
    left together, as no threshold can part them. Of cuts with equal F1 the highest is taken.

    Args:
        scored: (source, target, score), each pair once, in any order; names or rows alike.
        gold: (source, target) of the right pairs, at least one; also those that were not mined.

    Returns:
        The threshold; the last score itself if keeping everything is best; 0, as XTREME has it, if
        no pair is right.

    Raises:
        CrosszeroError: there is no gold pair.
        ValueError: a score is not a number.

    Example:
        >>> tune_threshold([("a", "x", 1.5), ("b", "y", 1.25), ("c", "z", 1.0)], [("a", "x")])
        1.375
    """
    right = set(gold)
    if not right:
        raise CrosszeroError("a threshold can't be tuned without gold pairs; there are none")
    rows = sorted(scored, key=lambda row: -row[2])
    if any(row[2] != row[2] for row in rows):
        raise ValueError("a score is not a number")
    best, threshold, hits = 0.0, 0.0, 0
    for count, (source, target, score) in enumerate(rows, start=1):
        hits += (source, target) in right
        following = rows[count][2] if count < len(rows) else None
        if score == following:
            continue
        f1 = PairScore(predicted=count, gold=len(right), hits=hits).f1
        if f1 > best:
            best, threshold = f1, score if following is None else _middle(score, following)
    return threshold


def _middle(upper: float, lower: float) -> float:
    middle = lower + (upper - lower) / 2
    return middle if middle > lower else upper  # neighbouring floats have nothing between them

"""By which rules labels are carried over, and why some are not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from crosszero.config import require

Broken = Literal["longest", "join", "split", "drop"]
Reason = Literal[
    "no word",
    "unlinked",
    "unsure",
    "coverage",
    "broken",
    "overlap",
    "punctuation",
    "outvoted",
    "outside",
]  # fmt: skip
TAG_SCORE = 0.2
"""Lowest score of a link that carries the tag of a word: even an unsure one is better than none."""
SPAN_SCORE = 0.5
"""Lowest score of a link that carries a label: an unsure one draws words in that aren't its own."""
REASONS: dict[Reason, str] = {
    "no word": "holds no word of the source",
    "unlinked": "none of its words has a link",
    "unsure": "its links are less sure than the threshold",
    "coverage": "too few of its words have a link",
    "broken": "its words stand apart in the target, with others between them",
    "overlap": "the target words belong more surely to another label",
    "punctuation": "only punctuation of the target is linked to it",
    "outvoted": "the target words are linked more surely to words outside of it",
    "outside": "its place lies outside of that of the element around it",
}


class Label(NamedTuple):
    """A label over words.

    Attributes:
        first: number of its first word, from 0.
        end: number of the word behind its last one.
        name: such as ``LOC``.
    """

    first: int
    end: int
    name: str


class Dropped(NamedTuple):
    """A label that was not carried over, and why.

    Attributes:
        number: its place among the labels that were given, from 0.
        reason: a key of :data:`REASONS`.
    """

    number: int
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How labels find their place in the target.

    Attributes:
        min_score: links with a lower score count as none, 0 to 1; by default 0.2 for tags of words
            and 0.5 for labels (docs/guides/project.md has the measurement).
        gap: unlinked words that may stand between two words of a label, punctuation not counted.
        broken: what becomes of a label whose words stand apart, with words of others or more than
            `gap` words between them: its ``longest`` piece, all from first to last (``join``), a
            label for each piece (``split``), or nothing (``drop``).
        coverage: share of the words of a label that must be linked, 0 to 1, punctuation not counted
            where there are others.
        copies: a label without links goes where its words stand in the target as they are, if they
            stand there once: names and numbers.

    Raises:
        ConfigError: a value is out of range.

    Source:
        A gap of one word and the longest piece: García-Ferrero et al. 2022, "Model and Data
        Transfer for Cross-Lingual Sequence Labelling in Zero-Resource Settings".
    """

    min_score: float | None = None
    gap: int = 1
    broken: Broken = "longest"
    coverage: float = 0.0
    copies: bool = True

    def __post_init__(self) -> None:
        for name in ("min_score", "coverage"):
            value = getattr(self, name)
            allowed = value is None or (0 <= value <= 1 and math.isfinite(value))
            require(name, value, allowed, "from 0 to 1")
        require("gap", self.gap, self.gap >= 0, "0 or more")
        require("broken", self.broken, self.broken in get_args(Broken), "longest, join, split or "
                "drop")  # fmt: skip

    def least(self, default: float) -> float:
        """The lowest score of a link that counts."""
        return default if self.min_score is None else self.min_score

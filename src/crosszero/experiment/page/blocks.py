"""The blocks of a page; ``templates/`` says how each of them looks."""

from __future__ import annotations

import math
import numbers
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crosszero.align.spans import GoldLinks, Link
from crosszero.experiment.page.svg import pick_colours
from crosszero.experiment.table import Cell, Interval, Table


class Phrase(NamedTuple):
    """A text and the code of its language, where that is known."""

    text: str
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A table whose numbers, but for the first column, are coloured the stronger the better.

    The colour adds nothing that the numbers do not say, for printers and eyes without colours.
    """

    table: Table
    lower_is_better: bool = False

    @property
    def shades(self) -> list[list[float | None]]:
        """For each cell behind the first of its row, its place between worst (0) and best (1)."""

        def read(cell: Cell) -> float | None:
            mean = cell.mean if isinstance(cell, Interval) else cell
            value = float(mean) if isinstance(mean, numbers.Real) else math.nan
            return None if math.isnan(value) else value

        values = [[read(cell) for cell in row[1:]] for row in self.table.rows]
        known = [value for row in values for value in row if value is not None]
        worst, best = min(known, default=0.0), max(known, default=0.0)
        if self.lower_is_better:
            worst, best = best, worst
        span = (best - worst) or 1.0
        return [
            [None if value is None else (value - worst) / span for value in row] for row in values
        ]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing as SVG, not escaped again; with plotly's data it answers the pointer, too."""

    svg: str
    caption: str
    traces: Sequence[Mapping[str, object]] = ()


class Gallery(NamedTuple):
    """Pictures, two beside each other where there is room."""

    pictures: Sequence[Picture]


class Meanings(NamedTuple):
    """What the numbers and colours of maps stand for: number m + 1 is ``phrases[m]``."""

    phrases: Sequence[Phrase]

    @property
    def colours(self) -> tuple[str, ...]:
        return pick_colours(len(self.phrases))


class Neighbour(NamedTuple):
    """A sentence that was found, its cosine with the query, and whether it is the right answer."""

    phrase: Phrase
    similarity: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """A query, its right answer, and what each system finds nearest to it, best first."""

    query: Phrase
    gold: Phrase
    found: Mapping[str, Sequence[Neighbour]]

    @property
    def missed(self) -> bool:
        return not any(one.right for neighbours in self.found.values() for one in neighbours)


@dataclass(frozen=True, kw_only=True)
class AlignedSentence:
    """The words of a sentence pair, its gold links, and those of each system, as matrices.

    A matrix is a table of HTML, not a picture, because its headings are words in any script. Where
    the target runs from right to left, so do the columns.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    languages: tuple[str, str]
    gold: GoldLinks
    links: Mapping[str, frozenset[Link]]
    origin: str = ""

    @property
    def direction(self) -> str:
        return "rtl" if is_rtl(" ".join(self.target)) else "ltr"

    def judge(self, system: str, row: int, column: int) -> tuple[str, str, str]:
        """Class, hidden words and sign of a cell; empty where nobody links the two words."""
        link, found = (row, column), (row, column) in self.links[system]
        if link in self.gold.allowed:
            gold = "sure" if link in self.gold.sure else "possible"
            return (gold, f"{gold}, found", "●") if found else (gold, f"{gold}, missed", "")
        return ("wrong", "wrong", "✕") if found else ("", "", "")

    def count(self, system: str) -> tuple[int, int, int]:
        """How many of its links are allowed, how many wrong, and how many sure ones it misses."""
        links, gold = self.links[system], self.gold
        return len(links & gold.allowed), len(links - gold.allowed), len(gold.sure - links)


def is_rtl(text: str) -> bool:
    """Whether a text runs from right to left: its first letter with a direction decides.

    Example:
        >>> is_rtl("123 \u0633\u0644\u0627\u0645"), is_rtl("Peace \u0633\u0644\u0627\u0645")
        (True, False)
    """
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How the page was made; empty facts are left out."""

    command: str
    facts: Mapping[str, str]


Block = str | Table | HeatMap | Picture | Gallery | Meanings | Example | AlignedSentence | Origin


class Section(NamedTuple):
    """A heading and what stands below it; a string is a sentence. Without blocks it is left out."""

    heading: str
    blocks: Sequence[Block]

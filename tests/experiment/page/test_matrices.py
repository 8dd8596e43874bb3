"""Matrices of alignments, heat maps, and means of curves, against what is plain to see."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import GoldLinks
from crosszero.experiment.page.blocks import AlignedSentence, HeatMap, is_rtl
from crosszero.experiment.page.curves import Curve, average_curves
from crosszero.experiment.page.document import render_block
from crosszero.experiment.table import Table, measure_interval

LINK = st.tuples(st.integers(0, 3), st.integers(0, 2))
LINKS = st.frozensets(LINK, max_size=8)


class Cells(HTMLParser):
    """For each row of the body the class, sign and hidden words of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str, str]]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "tbody":
            self.inside = True
        elif tag == "tr" and self.inside:
            self.rows.append([])
        elif tag == "td" and self.inside:
            self.rows[-1].append((values.get("class", ""), "", ""))
        elif tag == "span" and "aria-label" in values:
            kind, sign, _ = self.rows[-1][-1]
            self.rows[-1][-1] = (kind, sign, values["aria-label"])

    def handle_data(self, data: str) -> None:
        if self.inside and data in "●✕":
            kind, _, label = self.rows[-1][-1]
            self.rows[-1][-1] = (kind, data, label)


@settings(max_examples=60, deadline=None)
@given(LINKS, LINKS, LINKS)
def test_every_cell_says_what_it_is(
    sure: frozenset[tuple[int, int]],
    possible: frozenset[tuple[int, int]],
    links: frozenset[tuple[int, int]],
) -> None:
    sentence = AlignedSentence(
        source=("a", "b", "c", "d"),
        target=("x", "y", "z"),
        languages=("en", "fr"),
        gold=GoldLinks(sure=sure, possible=possible),
        links={"one": links},
    )
    text = render_block(sentence)
    expected = {
        # sure, possible, given
        (True, False, True): ("sure", "●", "sure, found"),
        (True, False, False): ("sure", "", "sure, missed"),
        (False, True, True): ("possible", "●", "possible, found"),
        (False, True, False): ("possible", "", "possible, missed"),
        (False, False, True): ("wrong", "✕", "wrong"),
        (False, False, False): ("", "", ""),
    }
    rows = Cells(text).rows
    assert [len(row) for row in rows] == [3] * 4
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            at = (i, j)
            key = (at in sure, at in possible and at not in sure, at in links)
            assert cell == expected[key]
    counts = re.search(r"(\d+) allowed, (\d+) wrong, (\d+) sure missed", text)
    assert counts
    allowed = sum(link in sure or link in possible for link in links)
    missed = sum(link not in links for link in sure)
    assert [*map(int, counts.groups())] == [allowed, len(links) - allowed, missed]


def test_columns_run_with_the_target() -> None:
    arabic, english = ("بيت", "الملك"), ("house", "<b>king</b>")
    for source, target, direction in ((english, arabic, "rtl"), (arabic, english, "ltr")):
        sentence = AlignedSentence(
            source=source,
            target=target,
            languages=("en", "ar"),
            gold=GoldLinks(sure=frozenset()),
            links={"<one>": frozenset()},
        )
        text = render_block(sentence)
        assert f'class="matrix" dir="{direction}"' in text
        assert "<b>" not in text
        assert "<one>" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("12 .", False), ("12 שלום", True), ("ok سلام", False), ("中", False)],
)
def test_the_first_letter_decides_the_direction(text: str, expected: bool) -> None:
    assert is_rtl(text) == expected


def test_shades_lie_between_worst_and_best() -> None:
    table = Table(
        title="t",
        columns=("", "a", "b"),
        rows=(("x", 10.0, measure_interval([28.0, 32.0])), ("y", None, 15), ("z", math.nan, 10)),
    )
    assert HeatMap(table=table).shades == [[0, 1], [None, 0.25], [None, 0]]
    assert HeatMap(table=table, lower_is_better=True).shades[0] == [1, 0]
    html = render_block(HeatMap(table=table))
    assert html.count("--share:") == 4
    assert 'style="--share:25%"><span dir="auto">15</span>' in html
    same = Table(title="t", columns=("", "a"), rows=(("x", 3.0), ("y", 3.0)))
    assert HeatMap(table=same).shades == [[0.0], [0.0]]


def test_the_mean_of_seeds_is_taken_step_by_step() -> None:
    one = Curve(name="1", steps=(1, 2, 4), values=(1.0, math.nan, 5.0))
    two = Curve(name="2", steps=(1, 2, 3, 4), values=(3.0, 1.0, 9.0, 7.0))
    mean = average_curves([one, two], name="mean")
    assert (mean.name, mean.steps) == ("mean", (1, 2, 4))
    assert mean.values[::2] == (2.0, 6.0)
    assert math.isnan(mean.values[1])
    assert average_curves([], name="none").steps == ()

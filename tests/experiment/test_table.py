"""Tables in three looks."""

import math
import re
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from crosszero.experiment.page.document import render_block
from crosszero.experiment.table import (
    Table,
    format_cell,
    measure_interval,
    render_markdown,
    render_text,
)

TABLE = Table(
    title="Retrieval",
    columns=("system", "n", "accuracy"),
    rows=(("mBERT", 1000, 0.387), ("東京 | <b>", None, math.nan)),
    formats={"accuracy": ".1%"},
    note="Three seeds.",
)


@pytest.mark.parametrize(
    ("cell", "number", "expected"),
    [
        (0.38749, ".1%", "38.7%"), (41.25, ".1f", "41.2"), (-0.04, ".1f", "0.0"),
        (-0.06, ".1f", "-0.1"),
        (-1e-9, ".2e", "-1.00e-09"), (12345, ".1f", "12,345"), (None, ".1f", "–"),
        (math.nan, ".1f", "–"), ("x", ".1f", "x"), (True, ".1f", "yes"),
        (measure_interval([41.0, 43.0, 42.0]), ".1f", "42.0 ± 2.5"),
        (measure_interval([0.41, 0.43, 0.42]), ".1%", "42.0 ± 2.5%"),
        (measure_interval([41.0]), ".1f", "41.0"),
        (np.float32(0.5), ".1%", "50.0%"), (np.float32("nan"), ".1f", "–"),
        (np.float16(-0.04), ".1f", "0.0"), (np.float64(41.25), ".1f", "41.2"),
        (np.int64(12345), ".1f", "12,345"), (np.bool_(True), ".1f", "yes"),
        (Fraction(1, 4), ".1%", "25.0%"),
    ],
)  # fmt: skip
def test_cells(cell, number, expected):
    assert format_cell(cell, number) == expected
    assert type(format_cell(cell, number)) is str


def test_numbers_of_numpy_stand_in_any_table():
    plain = Table(title="t", columns=("", "n"), rows=(("x", 0.5), ("y", 7)))
    other = Table(title="t", columns=("", "n"), rows=(("x", np.float32(0.5)), ("y", np.int32(7))))
    for render in (render_text, render_markdown, render_block):
        assert render(other) == render(plain)


def test_text_is_aligned_by_what_a_terminal_shows():
    lines = render_text(TABLE).split("\n")
    assert lines[0] == "Retrieval"
    assert lines[1] == "system          n  accuracy"
    assert lines[3] == "mBERT       1,000     38.7%"
    assert lines[4] == "東京 | <b>      –         –"
    assert lines[-1] == "Three seeds."
    assert {cell_len(line) for line in lines[1:5]} == {27}


CELLS = st.text(alphabet="ab中é\u0301|\n\t\x1b<*_`\\", max_size=8)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, st.floats(-1e6, 1e6)), min_size=1, max_size=5))
def test_any_cell_keeps_the_shape_of_the_table(rows):
    table = Table(title="", columns=("a", "b", "c"), rows=tuple(rows))
    lines = render_text(table).split("\n")
    assert len(lines) == 2 + len(rows)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", "\n".join(lines))
    # numbers end at one edge
    assert len({cell_len(line) for line in lines[1:]}) == 1
    marks = render_markdown(table).split("\n")
    assert len(marks) == 2 + len(rows)
    for line in marks:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4


def test_markdown_escapes_markup():
    text = render_markdown(TABLE)
    assert "| 東京 \\| \\<b\\> | – | – |" in text
    assert text.startswith("**Retrieval**\n\n| system | n | accuracy |\n| :--- | ---: | ---: |")


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.data.append(data)


def test_html_is_escaped_and_has_scopes():
    outline = Outline()
    outline.feed(render_block(TABLE))
    tags = [tag for tag, _ in outline.tags]
    assert "b" not in tags
    assert "東京 | <b>" in outline.data
    assert (tags.count("tr"), tags.count("th"), tags.count("td")) == (3, 5, 4)
    scopes = [attrs["scope"] for tag, attrs in outline.tags if tag == "th"]
    assert scopes == ["col"] * 3 + ["row"] * 2
    assert tags.count("caption") == 1
    assert all(attrs.get("class") == "number" for tag, attrs in outline.tags if tag == "td")


def test_rows_and_formats_must_fit_the_columns():
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table(title="t", columns=("a", "b"), rows=(("x",),))
    with pytest.raises(ValueError, match="unknown columns"):
        Table(title="t", columns=("a",), rows=(), formats={"z": ".1f"})
    assert render_text(Table(title="", columns=("a",), rows=())) == "a\n─"

"""Maps whose points say what they are: plotly inside the page, on top of the plain pictures.

plotly.js is 4.8 MB; it is kept in the page compressed (2 MB) and unpacked by the browser. The plain
picture stays below for paper, for readers without scripts, and for what reads pages aloud.
"""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from crosszero.errors import MissingExtraError
from crosszero.experiment.report.colours import pick_colours
from crosszero.experiment.report.document import read_resource
from crosszero.experiment.report.markup import escape
from crosszero.experiment.report.svg import Picture, find_gatherings

_SYMBOLS = (  # in the order of the markers of the plain picture
    "circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star",
    "triangle-left", "triangle-right", "pentagon", "hexagon",
)  # fmt: skip
_WIDTH = 60  # letters of a line of hover text
_ISOLATE = "\u2068{}\u2069"  # first-strong isolate: each line takes its own direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a map.

    Attributes:
        x, y: place, without unit.
        meaning: number from 0, which is the colour.
        language: code, which is the marker.
        word: what the point is.
        text: the sentence that it stands in.
    """

    x: float
    y: float
    meaning: int
    language: str
    word: str
    text: str


@dataclass(frozen=True, kw_only=True)
class HoverMap:
    """A map as a plain picture, with its points.

    Attributes:
        picture: drawn by :func:`~crosszero.experiment.report.svg.draw_map`.
        points: the same points; none: the picture alone.
    """

    picture: Picture
    points: tuple[Point, ...] = ()


def has_plotly() -> bool:
    """Whether plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


@cache
def read_plotly() -> str:
    """Read plotly.js, as it comes with the Python package.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise MissingExtraError("plotly", "plotly", "maps with hover texts")
    path = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return path.read_text("utf-8").replace("\r\n", "\n")


def list_scripts() -> tuple[str, str]:
    """The two scripts that a page with such maps may run."""
    return read_plotly(), read_resource("hover.js")


def render_scripts() -> str:
    """Give what stands once at the end of the page: plotly.js compressed, and what unpacks it."""
    plotly, script = list_scripts()
    packed = base64.b64encode(gzip.compress(plotly.encode(), 9, mtime=0)).decode()
    return (
        f'<script type="application/gzip" id="plotly">{packed}</script>\n'
        f"<script>{script}</script>\n"
    )


def render_hover(shown: HoverMap) -> str:
    """Give the figure, with its points as data beside the picture."""
    caption = escape(shown.picture.caption)
    data = ""
    if shown.points:
        # JSON allows < only inside its texts, where it can be written so that no HTML ends there
        text = json.dumps(make_traces(shown.points)).replace("<", "\\u003c")
        data = f'<script type="application/json">{text}</script>'
    kind = ' class="hover"' if data else ""
    return f"<figure{kind}>{shown.picture.svg}\n{data}<figcaption>{caption}</figcaption></figure>\n"


def make_traces(points: Sequence[Point]) -> list[dict[str, object]]:
    """Give plotly's data: for each language its points and a legend, then the meanings' numbers.

    Example:
        >>> point = Point(x=0, y=0, meaning=0, language="fr", word="roi", text="le <roi>")
        >>> make_traces([point])[1]["hovertext"]
        ['<b>\u2068roi\u2069</b> fr, 1<br>\u2068le &lt;roi&gt;\u2069']
    """
    colours = pick_colours(max((point.meaning for point in points), default=-1) + 1)
    traces: list[dict[str, object]] = []
    for number, language in enumerate(dict.fromkeys(point.language for point in points)):
        own = [point for point in points if point.language == language]
        symbol = _SYMBOLS[number % len(_SYMBOLS)]
        shared = {"type": "scatter", "mode": "markers", "legendgroup": _clean(language)}
        # a legend of its own: one of the points would lend it the colour of a meaning
        grey = {"color": "#808080", "symbol": symbol, "size": 8}
        legend = {"name": _clean(language), "x": [None], "y": [None], "marker": grey}
        traces.append({**shared, **legend, "hoverinfo": "skip"})
        traces.append(
            {
                **shared,
                "showlegend": False,
                "x": [round(point.x, 2) for point in own],
                "y": [round(point.y, 2) for point in own],
                "hoverinfo": "text",
                "hovertext": [_describe(point) for point in own],
                "marker": {
                    "color": [colours[point.meaning] for point in own],
                    "symbol": symbol,
                    "size": 8,
                },
            }
        )
    place = np.array([(point.x, point.y) for point in points]).reshape(-1, 2)
    numbers = find_gatherings(place, np.array([point.meaning for point in points], np.int64))
    traces.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": [round(x, 2) for _, (x, _) in numbers],
            "y": [round(y, 2) for _, (_, y) in numbers],
            "text": [f"<b>{number + 1}</b>" for number, _ in numbers],
            "textposition": "top center",
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    return traces


def _describe(point: Point) -> str:
    """Text of a hover label; plotly reads a small HTML there, so corpora are escaped once more."""
    lines = [_ISOLATE.format(_clean(line)) for line in textwrap.wrap(point.text, _WIDTH)]
    word = _ISOLATE.format(_clean(point.word))
    first = f"<b>{word}</b> {_clean(point.language)}, {point.meaning + 1}"
    return "<br>".join([first, *lines])


def _clean(text: str) -> str:
    # the last two would be text for HTML, but markup for nobody: plotly knows few entities
    return escape(text).replace("&quot;", '"').replace("&#x27;", "'")

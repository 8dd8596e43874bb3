"""Maps of words: vectors projected to a plane, as a picture and as data with hover text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import escape

from crosszero.errors import MissingExtraError
from crosszero.experiment.page import svg
from crosszero.experiment.page.blocks import Picture
from crosszero.search.neighbours import AnyFloats, unit_rows

MAP_NOTE = (
    "Each point is a word in its sentence. Colour shows its meaning, the marker its language; a "
    "number labels a meaning whose points lie together. A map shows which points are near each "
    "other. Distances between far groups and the axes have no meaning, so the numbers below are "
    "measured in the full space."
)
_SYMBOLS = (  # of plotly, in the order of svg.MARKERS
    "circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star",
    "triangle-left", "triangle-right", "pentagon", "hexagon",
)  # fmt: skip
_WIDTH = 60  # letters of a line of hover text
_ISOLATE = "\u2068{}\u2069"  # first-strong isolate: each line takes its own direction


class Point(NamedTuple):
    """One word of a map: its place, and what it says of itself.

    Attributes:
        meaning: number from 0; it has the colour of this number and is written as meaning + 1.
        language: code, which is the marker.
        text: the sentence that the word stands in.
    """

    x: float
    y: float
    meaning: int
    language: str
    word: str
    text: str


def reduce_tsne(vectors: AnyFloats, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Lay vectors out on a plane by t-SNE over cosine distances, for the eye only.

    The perplexity is 30, or less for fewer than 91 points. The same vectors and seed give the same
    plane; MissingExtraError without scikit-learn.

    Args:
        vectors: (n, dim), n from 4 and dim from 2.
        seed: of the layout.

    Returns:
        (n, 2) positions without unit.
    """
    unit = unit_rows(vectors)
    if len(unit) < 4 or unit.shape[1] < 2:
        raise ValueError(f"t-SNE needs four points in two dimensions, not {unit.shape}")
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "report", "the map of token embeddings") from error
    perplexity = min(30.0, (len(unit) - 1) / 3)
    reducer = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed, n_jobs=1)
    # one thread: sums in another order would give another picture
    with threadpool_limits(limits=1):
        return np.asarray(reducer.fit_transform(unit), dtype=np.float64)


def draw_map(points: Sequence[Point], *, caption: str, hover: bool = False) -> Picture:
    """Draw points on a plane: colour and number say the meaning, the marker says the language.

    With `hover` they answer the pointer, which takes plotly.
    """
    place = _stack(points)
    colours = svg.pick_colours(1 + max(point.meaning for point in points))
    with svg.open_figure(5.0, 5.4) as figure:
        axes = figure.add_subplot()
        for number, (code, own) in enumerate(_group(points).items()):
            marker = svg.MARKERS[number % len(svg.MARKERS)]
            fills = [colours[point.meaning] for point in own]
            axes.scatter(*_stack(own).T, c=fills, marker=marker, s=26, linewidths=0)
            name = svg.keep_latin(code)
            axes.scatter([], [], c=svg.INK, marker=marker, s=26, linewidths=0, label=name)
        look = {"ha": "center", "va": "bottom", "fontweight": "bold"}
        for number, top in find_gatherings(points):
            axes.annotate(str(number + 1), top, (0, 9), textcoords="offset points", **look)
        axes.set(xticks=[], yticks=[])
        # a square in the same unit both ways, with room for the numbers
        x, y = (place.max(axis=0) + place.min(axis=0)) / 2
        reach = 0.58 * float(np.ptp(place, axis=0).max()) or 1.0
        axes.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach), box_aspect=1)
        axes.spines[:].set_visible(True)
        axes.spines[:].set_alpha(0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=6, handletextpad=0.1)
        drawn = svg.write_svg(figure, caption)
    return Picture(svg=drawn, caption=caption, traces=make_traces(points) if hover else ())


def find_gatherings(points: Sequence[Point]) -> list[tuple[int, tuple[float, float]]]:
    """Say where numbers of meanings can stand: above the middle of points that lie together."""
    reach = 0.12 * float(np.ptp(_stack(points), axis=0).max())
    found = []
    for number in sorted({point.meaning for point in points}):
        own = _stack([point for point in points if point.meaning == number])
        middle = np.median(own, axis=0)
        near = own[np.hypot(*(own - middle).T) <= reach]
        if 2 * len(near) >= len(own):
            # the middle of a scattered class lies where none of its points are
            found.append((number, (float(middle[0]), float(near[:, 1].max()))))
    return found


def make_traces(points: Sequence[Point]) -> list[dict[str, object]]:
    """Give plotly's data: for each language a legend and its points, then the meanings' numbers.

    Example:
        >>> point = Point(x=0, y=0, meaning=0, language="fr", word="roi", text="le <roi>")
        >>> make_traces([point])[1]["hovertext"]
        ['<b>\u2068roi\u2069</b> fr, 1<br>\u2068le &lt;roi&gt;\u2069']
    """

    def split(places: Sequence[tuple[float, float]]) -> dict[str, object]:
        return {"x": [round(x, 2) for x, _ in places], "y": [round(y, 2) for _, y in places]}

    colours = svg.pick_colours(1 + max(point.meaning for point in points))
    traces: list[dict[str, object]] = []
    for number, (language, own) in enumerate(_group(points).items()):
        shared = {"type": "scatter", "mode": "markers", "legendgroup": _clean(language)}
        look = {"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 8}
        # a legend of its own: one of the points would lend it the colour of a meaning
        legend = {"name": _clean(language), "x": [None], "y": [None], "hoverinfo": "skip"}
        traces.append(shared | legend | {"marker": look | {"color": "#808080"}})
        texts = {"hoverinfo": "text", "hovertext": [_describe(point) for point in own]}
        marker = look | {"color": [colours[point.meaning] for point in own]}
        places = split([(point.x, point.y) for point in own])
        traces.append(shared | places | texts | {"showlegend": False, "marker": marker})
    numbers = find_gatherings(points)
    texts = {"text": [f"<b>{number + 1}</b>" for number, _ in numbers], "mode": "text"}
    places = split([top for _, top in numbers]) | {"textposition": "top center"}
    traces.append({"type": "scatter", **places, **texts, "hoverinfo": "skip", "showlegend": False})
    return traces


def _stack(points: Sequence[Point]) -> npt.NDArray[np.float64]:
    return np.array([(point.x, point.y) for point in points], dtype=np.float64)


def _group(points: Sequence[Point]) -> dict[str, list[Point]]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.language, []).append(point)
    return groups


def _describe(point: Point) -> str:
    """Text of a hover label; plotly reads a small HTML there, so corpora are escaped once more."""
    lines = [_ISOLATE.format(_clean(line)) for line in textwrap.wrap(point.text, _WIDTH)]
    word = _ISOLATE.format(_clean(point.word))
    first = f"<b>{word}</b> {_clean(point.language)}, {point.meaning + 1}"
    return "<br>".join([first, *lines])


def _clean(text: str) -> str:
    # the last two would be text for HTML, but markup for nobody: plotly knows few entities
    return str(escape(svg.clean(text))).replace("&#34;", '"').replace("&#39;", "'")

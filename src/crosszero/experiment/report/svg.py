"""Pictures as inline SVG, drawn by matplotlib without any window.

The SVG goes into the page as it is: no file beside, no font to load (letters are drawn as paths),
text and axes in the page's own text colour, so that dark mode works. matplotlib's fonts lack most
scripts, so a picture holds Latin letters and digits only; sentences stand in the HTML beside it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.report.colours import pick_colours
from crosszero.experiment.report.curves import Curve, smooth, thin
from crosszero.experiment.report.markup import escape

_TEXT = "#012345"  # stands for the page's text colour until the SVG is written
_MARKERS = "osD^vPX*<>ph"
_FEW = 30
_LINES = ("-", "--", "-.", ":")
_STYLE: Any = {
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "crosszero",
    "text.color": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing that can be put into a page.

    Attributes:
        svg: the element, made here and therefore not escaped again.
        caption: one sentence below it.
    """

    svg: str
    caption: str


def draw_curves(
    curves: Sequence[Curve], *, label: str, caption: str, axis: str = "step"
) -> Picture:
    """Draw curves over training steps. Long ones get a running mean over their faint raw values.

    The running mean averages a twenty-fifth of the run. It is computed from all values; what is
    drawn are the lowest and the highest value of each of 500 stretches of a curve, as
    :func:`~crosszero.experiment.report.curves.thin` leaves them.

    Args:
        curves: at least one that is not empty.
        label: of the vertical axis, with the unit.
        caption: one sentence; also what is read out instead of the picture.
        axis: what the horizontal axis counts.

    Raises:
        MissingExtraError: matplotlib is not installed.
        CrosszeroError: all curves are empty.

    Example:
        >>> draw_curves([curve], label="loss", caption="Training loss.")      # doctest: +SKIP
    """
    filled = [curve for curve in curves if curve.steps]
    if not filled:
        names = ", ".join(curve.name for curve in curves)
        raise CrosszeroError(f"there is no value of {names} to draw: the run logged none")
    with _style():
        figure = _open_figure(5.2, 3.4)
        axes = figure.add_subplot()
        for number, (curve, colour) in enumerate(
            zip(filled, pick_colours(len(filled)), strict=True)
        ):
            style = {
                "color": colour,
                "linestyle": _LINES[number % len(_LINES)],
                "label": curve.name,
            }
            if len(curve.values) > 60:
                raw = thin(curve)
                axes.plot(raw.steps, raw.values, color=colour, linewidth=0.6, alpha=0.35)
                means = smooth(curve.values, 2 * (len(curve.values) // 50) + 1)
                curve = thin(replace(curve, values=tuple(means)))
            # few points are shown one by one, which also tells curves apart without colours
            marker = _MARKERS[number % len(_MARKERS)] if len(curve.values) <= _FEW else ""
            axes.plot(curve.steps, curve.values, linewidth=1.8, marker=marker, **style)
        if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
            axes.axhline(0, color=_TEXT, linewidth=0.6, alpha=0.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(_latin(axis))
        axes.set_ylabel(_latin(label))
        axes.grid(color=_TEXT, alpha=0.12)
        if len(filled) > 1:
            figure.legend(loc="outside lower left", ncols=2)  # never on top of a curve
        return _write_svg(figure, caption)


def draw_map(
    points: npt.NDArray[np.floating[Any]],
    meanings: Sequence[int],
    languages: Sequence[str],
    *,
    caption: str,
) -> Picture:
    """Draw points on a plane: colour and number say the meaning, the marker says the language.

    Args:
        points: (n, 2) positions, as
            :func:`~crosszero.experiment.report.plane.reduce_tsne` gives them.
        meanings: (n,) numbers from 0; meaning m has colour m of
            :func:`~crosszero.experiment.report.colours.pick_colours` and is written as m + 1 where
            most of its points lie together.
        languages: (n,) codes.
        caption: one sentence; also what is read out instead of the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ValueError: sizes do not fit.

    Example:
        >>> draw_map(points, [0, 0, 1], ["en", "fr", "en"], caption="Before.")      # doctest: +SKIP
    """
    place = np.asarray(points, dtype=np.float64)
    if place.shape != (len(meanings), 2) or len(languages) != len(meanings) or not len(place):
        raise ValueError(
            f"{place.shape} points, {len(meanings)} meanings, {len(languages)} languages"
        )
    with _style():
        figure = _open_figure(5.0, 5.4)
        axes = figure.add_subplot()
        meaning = np.asarray(meanings, dtype=np.int64)
        colours = np.array(pick_colours(int(meaning.max()) + 1))
        codes = list(dict.fromkeys(languages))
        for number, code in enumerate(codes):
            own = np.array([language == code for language in languages])
            marker = _MARKERS[number % len(_MARKERS)]
            axes.scatter(*place[own].T, c=colours[meaning[own]], marker=marker, s=26, linewidths=0)
            axes.scatter([], [], c=_TEXT, marker=marker, s=26, linewidths=0, label=_latin(code))
        for number, place_of_number in find_gatherings(place, meaning):
            axes.annotate(
                str(number + 1),
                place_of_number,
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=10,
                fontweight="bold",
            )
        axes.set_xticks([])
        axes.set_yticks([])
        # a square in the same unit both ways, with room for the numbers
        middle = (place.max(axis=0) + place.min(axis=0)) / 2
        reach = 0.58 * float(np.ptp(place, axis=0).max()) or 1.0
        axes.set_xlim(middle[0] - reach, middle[0] + reach)
        axes.set_ylim(middle[1] - reach, middle[1] + reach)
        axes.set_box_aspect(1)
        axes.spines[:].set_visible(True)
        axes.spines[:].set_alpha(0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=6, handletextpad=0.1)
        return _write_svg(figure, caption)


def find_gatherings(
    place: npt.NDArray[np.float64], meaning: npt.NDArray[np.int64]
) -> list[tuple[int, tuple[float, float]]]:
    """Say where a number can stand: above the middle of each class whose points lie together.

    Args:
        place: (n, 2) positions.
        meaning: (n,) number of each point's class.

    Returns:
        Number of the class and position, for those whose number would not stand among strangers.
    """
    reach = 0.12 * float(np.ptp(place, axis=0).max())
    found = []
    for number in np.unique(meaning):
        own = place[meaning == number]
        middle = np.median(own, axis=0)
        near = own[np.hypot(*(own - middle).T) <= reach]
        if 2 * len(near) >= len(own):
            # the middle of a scattered class lies where none of its points are
            found.append((int(number), (float(middle[0]), float(near[:, 1].max()))))
    return found


def _style() -> AbstractContextManager[None]:
    """Set the style for a while. Axes take it when they are made, so all drawing is done inside."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "drawing figures") from error
    return matplotlib.rc_context(_STYLE)


def _open_figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # never pyplot: no window, no global state

    return Figure(figsize=(width, height), layout="constrained")


def _write_svg(figure: Any, caption: str) -> Picture:
    """Write the figure as an SVG element that can stand in a page beside others."""
    stream = io.StringIO()
    keys = ("Date", "Creator", "Type", "Format")
    figure.savefig(stream, format="svg", transparent=True, metadata=dict.fromkeys(keys))
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[0-9.]+pt"', "", svg, count=2)
    # names must be unique in the whole page
    prefix = "p" + hashlib.sha256((caption + svg).encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg).replace("url(#", f"url(#{prefix}-")
    svg = svg.replace(_TEXT, "currentColor")
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
    return Picture(svg=svg.strip(), caption=caption)


def _latin(text: str) -> str:
    # $ would start a formula
    return "".join(c if " " <= c < "\u0250" and c != "$" else "?" for c in text)

"""Pictures as inline SVG, drawn by matplotlib without any window.

The SVG goes into the page as it is: no file beside, no font to load (letters are drawn as paths),
text and axes in the page's own text colour, so that dark mode works. matplotlib's fonts lack most
scripts, so a picture holds Latin letters and digits only; sentences stand in the HTML beside it.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from markupsafe import escape

from crosszero.errors import MissingExtraError

# everything that HTML forbids in text, and lone surrogates, which UTF-8 can't hold
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
INK = "#012345"  # stands for the page's text colour until the SVG is written
MARKERS = "osD^vPX*<>ph"
_STYLE: Any = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.right": False, "axes.spines.top": False, "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "legend.frameon": False, "svg.fonttype": "path", "svg.hashsalt": "crosszero",
}  # fmt: skip


def clean(text: object) -> str:
    r"""Replace what HTML forbids."""
    return _FORBIDDEN.sub("\ufffd", str(text))


@contextmanager
def open_figure(width: float, height: float) -> Iterator[Any]:
    """Give a matplotlib figure, inches large, in the page's style, which holds inside the block."""
    try:
        import matplotlib
        from matplotlib.figure import Figure  # never pyplot: no window, no global state
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "drawing figures") from error
    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def write_svg(figure: Any, caption: str) -> str:
    """Write a figure as an SVG element that can stand in a page beside others."""
    stream = io.StringIO()
    keys = ("Date", "Creator", "Type", "Format")
    figure.savefig(stream, format="svg", transparent=True, metadata=dict.fromkeys(keys))
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[0-9.]+pt"', "", svg, count=2)
    # names must be unique in the whole page
    prefix = "p" + hashlib.sha256((clean(caption) + svg).encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg).replace("url(#", f"url(#{prefix}-")
    svg = svg.replace(INK, "currentColor")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(clean(caption))}"', 1).strip()


def keep_latin(text: str) -> str:
    """Replace the letters that the picture's font may lack, and $, which would start a formula."""
    return "".join(c if " " <= c < "\u0250" and c != "$" else "?" for c in text)


def pick_colours(count: int) -> tuple[str, ...]:
    """Give distinct colours.

    Hues follow the golden angle; the relative luminance alternates between 0.16 and 0.26, which
    keeps a contrast of at least 3 : 1 on both grounds (WCAG 2.1, 1.4.11).
    """
    colours = []
    for number in range(count):
        hue = (0.58 + number * 0.381966) % 1.0
        wanted = (0.16, 0.26)[number % 2]
        low, high = 0.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if _shine(hue, middle) < wanted else (low, middle)
        channels = colorsys.hls_to_rgb(hue, low, 0.75)
        colours.append("#" + "".join(f"{round(255 * channel):02x}" for channel in channels))
    return tuple(colours)


def _shine(hue: float, lightness: float) -> float:
    """Relative luminance."""
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in colorsys.hls_to_rgb(hue, lightness, 0.75)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

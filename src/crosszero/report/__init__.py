"""Show results: tables for terminal, Markdown and HTML, pictures, one self-contained page.

Tables and the page need nothing beyond the base install; pictures need the extra ``report``
(matplotlib, scikit-learn), which is loaded when the first one is drawn.
"""

from crosszero.report.colours import pick_colours
from crosszero.report.curves import Curve, pick_curve
from crosszero.report.examples import Example, Neighbour, collect_examples
from crosszero.report.figures import Picture, draw_curves, draw_map
from crosszero.report.page import Meaning, Origin, Page, render_page, write_page
from crosszero.report.plane import reduce_tsne
from crosszero.report.tables import (
    Cell,
    Table,
    format_cell,
    render_html,
    render_markdown,
    render_text,
)
from crosszero.training.metrics import read_metrics

__all__ = [
    "Cell",
    "Curve",
    "Example",
    "Meaning",
    "Neighbour",
    "Origin",
    "Page",
    "Picture",
    "Table",
    "collect_examples",
    "draw_curves",
    "draw_map",
    "format_cell",
    "pick_colours",
    "pick_curve",
    "read_metrics",
    "reduce_tsne",
    "render_html",
    "render_markdown",
    "render_page",
    "render_text",
    "write_page",
]

"""Show results: tables for terminal, Markdown and HTML, pictures, one self-contained page.

Tables and the page need nothing beyond the base install; pictures need the extra ``report``
(matplotlib, scikit-learn), which is loaded when the first one is drawn; hover texts need ``plotly``
(plotly.js inside the page).
"""

from crosszero.experiment.report.blocks import (
    Gallery,
    MeaningList,
    Section,
    render_sections,
)
from crosszero.experiment.report.colours import pick_colours
from crosszero.experiment.report.curves import Curve, average_curves, pick_curve
from crosszero.experiment.report.examples import Example, Neighbour, collect_examples
from crosszero.experiment.report.heat import HeatMap
from crosszero.experiment.report.maps import HoverMap, Point, has_plotly
from crosszero.experiment.report.matrices import MATRIX_NOTE, AlignedSentence
from crosszero.experiment.report.page import (
    MAP_NOTE,
    Meaning,
    Origin,
    Page,
    render_page,
    write_page,
)
from crosszero.experiment.report.plane import reduce_tsne
from crosszero.experiment.report.svg import Picture, draw_curves, draw_map
from crosszero.experiment.report.tables import (
    Cell,
    Table,
    format_cell,
    render_html,
    render_markdown,
    render_text,
)
from crosszero.training.metrics import read_metrics

__all__ = [
    "MAP_NOTE",
    "MATRIX_NOTE",
    "AlignedSentence",
    "Cell",
    "Curve",
    "Example",
    "Gallery",
    "HeatMap",
    "HoverMap",
    "Meaning",
    "MeaningList",
    "Neighbour",
    "Origin",
    "Page",
    "Picture",
    "Point",
    "Section",
    "Table",
    "average_curves",
    "collect_examples",
    "draw_curves",
    "draw_map",
    "format_cell",
    "has_plotly",
    "pick_colours",
    "pick_curve",
    "read_metrics",
    "reduce_tsne",
    "render_html",
    "render_markdown",
    "render_page",
    "render_sections",
    "render_text",
    "write_page",
]

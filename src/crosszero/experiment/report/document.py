"""One HTML file that holds all: it works offline, loads nothing, and runs only what it names.

Jinja escapes whatever stands in a template's braces. A content security policy forbids all remote
things. A page without scripts forbids scripts; a page whose maps answer the pointer allows exactly
its two scripts by their hashes, so that even a mistake in escaping could neither run nor fetch.

plotly.js has 4.8 MB; it is kept in the page compressed (2 MB) and unpacked by the browser. The
plain pictures stay for paper, for readers without scripts, and for what reads pages aloud.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crosszero.errors import MissingExtraError
from crosszero.experiment.report.blocks import (
    AlignedSentence,
    Block,
    Example,
    Gallery,
    HeatMap,
    Meanings,
    Origin,
    Picture,
    Section,
)
from crosszero.experiment.report.markup import clean, make_language_tag
from crosszero.experiment.report.tables import Table

_TEMPLATES: dict[type, str] = {
    str: "sentence",
    Table: "table",
    HeatMap: "heat_map",
    Picture: "picture",
    Gallery: "gallery",
    Meanings: "meanings",
    Example: "example",
    AlignedSentence: "matrices",
    Origin: "origin",
}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render_page(title: str, summary: Sequence[str], sections: Sequence[Section]) -> str:
    """Give a page as one HTML document.

    Args:
        title: heading of the page.
        summary: sentences that say what it shows.
        sections: in their order.

    Raises:
        MissingExtraError: a map shall answer the pointer, and plotly is not installed.

    Example:
        >>> page = render_page("Suite", [], [Section("Training", ["Nothing was <b>trained</b>."])])
        >>> "&lt;b&gt;trained" in page
        True
    """
    blocks = [block for section in sections for block in section.blocks]
    hover = any(one.traces for block in blocks for one in getattr(block, "pictures", [block])
                if isinstance(one, Picture))  # fmt: skip
    scripts = [read_plotly(), _read("hover.js")] if hover else []
    policy = _POLICY
    if scripts:
        policy += f"; script-src {' '.join(map(_name_script, scripts))}"
    packed = base64.b64encode(gzip.compress(scripts[0].encode(), 9, mtime=0)) if scripts else b""
    return _environment().get_template("page.html").render(
        title=title, summary=summary, sections=sections, policy=policy, style=_read("page.css"),
        plotly=packed.decode(), script="".join(scripts[1:]),
    )  # fmt: skip


def render_block(block: Block) -> Markup:
    """Give the HTML of one block.

    Example:
        >>> render_block(Table(title="t", columns=("n",), rows=((7,),))).count("<th ")
        2
    """
    template = _environment().get_template(f"{_TEMPLATES[type(block)]}.html")
    return Markup(template.render(block=block))


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


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("crosszero.experiment.report"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"render": render_block, "language_tag": make_language_tag}
    return environment


def _read(name: str) -> str:
    path = resources.files("crosszero.experiment.report") / "templates" / name
    return path.read_text(encoding="utf-8")


def _name_script(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

"""One self-contained HTML file: works offline, loads nothing, runs only the scripts it names.

Each block has a template of the name of its class in ``templates/``; Jinja escapes whatever stands
in a template's braces. A content security policy forbids all remote things, and scripts, but for
the two of a page whose maps answer the pointer, by their hashes: so even a mistake in escaping
could neither run nor fetch. A text of a corpus also gets an element of its own with
``dir="auto"``, so that an Arabic sentence does not reorder the numbers beside it.

plotly.js has 4.8 MB; it is kept in the page compressed (2 MB) and unpacked by the browser. The
plain pictures stay for paper, for readers without scripts, and for what reads pages aloud.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crosszero.errors import MissingExtraError
from crosszero.experiment.page.blocks import Block, Gallery, Picture, Section
from crosszero.experiment.page.svg import clean

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render_page(title: str, summary: Sequence[str], sections: Sequence[Section]) -> str:
    """Give a page as one HTML document, with the sentences of `summary` below its title."""
    content: dict[str, object] = {"title": title, "summary": summary, "sections": sections}
    style = read_template("colours.css") + read_template("page.css")
    content |= {"style": style, "policy": _POLICY, "script": ""}
    if any(_has_traces(block) for section in sections for block in section.blocks):
        plotly, script = read_plotly(), read_template("hover.js")
        content["policy"] = f"{_POLICY}; script-src {hash_source(plotly)} {hash_source(script)}"
        packed = base64.b64encode(gzip.compress(plotly.encode(), 9, mtime=0)).decode()
        content |= {"plotly": packed, "script": script}
    return make_environment().get_template("page.html").render(content)


def _has_traces(block: Block) -> bool:
    if isinstance(block, Gallery):
        return any(map(_has_traces, block.pictures))
    return isinstance(block, Picture) and bool(block.traces)


def render_block(block: Block) -> Markup:
    """Give the HTML of one block."""
    template = make_environment().get_template(f"{type(block).__name__}.html")
    return Markup(template.render(block=block))


def make_language_tag(code: str) -> str:
    """Write a language as HTML's ``lang`` wants it; nothing where it is not well formed."""
    tag = code.replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""


def has_plotly() -> bool:
    """Whether plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


@cache
def read_plotly() -> str:
    """Read plotly.js, as it comes with the Python package; MissingExtraError without it."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise MissingExtraError("plotly", "plotly", "maps with hover texts")
    path = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return path.read_text("utf-8").replace("\r\n", "\n")


@cache
def make_environment(package: str = "crosszero.experiment.page") -> Environment:
    """Give the templates of a package; what stands in their braces is escaped."""
    environment = Environment(
        loader=PackageLoader(package), autoescape=True, trim_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(value),
        undefined=StrictUndefined, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"render": render_block, "language_tag": make_language_tag}
    return environment


def read_template(name: str, package: str = "crosszero.experiment.page") -> str:
    """Read a file of the folder ``templates/`` of a package."""
    path = resources.files(package) / "templates" / name
    return path.read_text(encoding="utf-8")


def hash_source(text: str) -> str:
    """Name a script or a style as a content security policy does: by its hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

"""The frame of every page: one HTML document that loads nothing and may run only what it names.

A content security policy forbids all remote things. A page without scripts forbids scripts; a page
with scripts allows exactly those texts, by their hashes, so that even a mistake in escaping could
neither run nor fetch.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources

from crosszero.experiment.report.markup import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_document(
    title: str,
    summary: Iterable[str],
    sections: Iterable[tuple[str, str]],
    *,
    allowed: Sequence[str] = (),
    foot: str = "",
) -> str:
    """Give a whole document.

    Args:
        title: heading, as text.
        summary: sentences below it, as text.
        sections: heading (text) and content (HTML made by this package); those without content are
            left out.
        allowed: the scripts that the page may run, each word for word.
        foot: HTML behind the sections, such as these research.

    Example:
        >>> "<h2" in render_document("Demo", ["Fine."], [("Results", "")])
        False
    """
    body = "\n".join(
        f'<section aria-labelledby="s{number}"><h2 id="s{number}">{escape(heading)}</h2>\n'
        f"{content}\n</section>"
        for number, (heading, content) in enumerate(sections, start=1)
        if content
    )
    sentences = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in summary)
    policy = _POLICY
    if allowed:
        policy += f"; script-src {' '.join(map(_name_script, allowed))}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{read_resource("page.css")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<div class="summary">
{sentences}
</div>
</header>
<main>
{body}
</main>
{foot}</body>
</html>
"""


def read_resource(name: str) -> str:
    """Read a file that stands beside this module."""
    return (
        resources.files("crosszero.experiment.report")
        .joinpath("templates", name)
        .read_text("utf-8")
    )


def _name_script(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

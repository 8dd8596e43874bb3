"""HTML pages that hold all they need: nothing is loaded, and only the page's own scripts run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from crosszero.align.spans import LinkedPair
from crosszero.experiment.page.document import hash_source, make_environment, read_template

_PACKAGE = "crosszero.viewer"
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render_view(pairs: Iterable[LinkedPair], *, title: str, notes: Sequence[str] = ()) -> str:
    """Give the page of `crosszero view`, with any number of pairs.

    Args:
        pairs: the texts and their links.
        title: of the page.
        notes: sentences below it.
    """
    data = [[*source, *target, links] for source, target, links in pairs]
    scripts = ("links.js", "list.js", "view.js")
    return render("view.html", scripts, title=title, notes=notes, data=embed(data))


def render(
    template: str, scripts: Sequence[str], *, remote: bool = False, **content: object
) -> str:
    """Fill in a template that extends ``frame.html``.

    A content security policy names the style and the scripts by their hashes: even a mistake in
    escaping could neither run nor fetch.

    Args:
        template, scripts: names of files in ``templates/``.
        remote: whether the scripts may ask the server that the page came from.
        content: what the template needs.
    """
    style = read_template("colours.css") + read_template("links.css", _PACKAGE)
    script = "\n".join(read_template(name, _PACKAGE) for name in scripts)
    server = "'self'" if remote else "'none'"
    policy = (
        f"default-src 'none'; script-src {hash_source(script)}; style-src {hash_source(style)}; "
        f"connect-src {server}; base-uri 'none'; form-action 'none'"
    )
    content |= {"policy": policy, "style": Markup(style), "script": Markup(script)}
    return make_environment(_PACKAGE).get_template(template).render(content)


def embed(value: Any) -> Markup:
    r"""Write a value as JSON that no text in it can break out of a script element with.

    Example:
        >>> embed(["</script>"])
        Markup('["\\u003c/script\\u003e"]')
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPES))

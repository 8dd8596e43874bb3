"""Docstrings as the site shows them: what roles name as code, examples as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")
EXAMPLE = re.compile(r"^Example:$", re.M)  # griffe knows the plural alone
SOURCE = re.compile(r"^Source:\n((?: {4}.*\n?)+)", re.M)


class Docstrings(Extension):
    """Turns what Sphinx and people read into what the site's generator reads."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            text = EXAMPLE.sub("Examples:", ROLE.sub(r"`\1`", obj.docstring.value))
            obj.docstring.value = SOURCE.sub(_name_source, text)


def _name_source(found: re.Match[str]) -> str:
    return "Source: " + " ".join(found.group(1).split()) + "\n"

"""The pages that tell the method and the protocol name functions that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = (
    "Data", "Model", "Losses", "Sentences and words apart", "Recipe", "Results reported",
    "Related methods", "Later findings",
)  # fmt: skip


def links(page: str) -> list[tuple[str, str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"\[`?([^\]`]+)`?\]\((?!https?:)([^)]+)\)", text)


def defined(path: Path) -> set[str]:
    """Classes, functions and methods of a module, these as ``Class.method``."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("page", ["method.md", "xtreme.md"])
def test_what_is_named_is_there(page: str) -> None:
    found = links(page)
    assert len(found) > 10
    for name, target in found:
        path = DOCS / target.partition("#")[0]
        assert path.exists(), target
        if path.suffix == ".py":
            assert name in defined(path), f"{page}: {name} is not in {target}"


def test_the_method_has_the_sections_that_the_code_refers_to() -> None:
    text = (DOCS / "method.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, flags=re.MULTILINE)) == SECTIONS

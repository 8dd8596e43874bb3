"""The package is laid out as docs/architecture.md says: no folder imports what is on its right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "crosszero"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ORDER = re.findall(r"^\| `(\w+)/` \|", PAGE, flags=re.MULTILINE)
FOLDERS = sorted(p.name for p in PACKAGE.iterdir() if p.is_dir() and any(p.glob("*.py")))
ROOTS = sorted(p.stem for p in PACKAGE.glob("[!_]*.py"))
OPEN = {*ROOTS, "__version__"}  # to everybody


def imported(path: Path) -> Iterator[str]:
    """Folders and root modules of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("crosszero."):
                yield name.split(".")[1]


def test_the_table_names_every_folder() -> None:
    assert len(ORDER) == len(set(ORDER))
    assert set(FOLDERS) <= set(ORDER)
    assert all((PACKAGE / folder).is_dir() for folder in ORDER)


def test_the_page_names_the_root_modules() -> None:
    line = re.search(r"Root modules \((.*?)\)", PAGE, flags=re.DOTALL)
    assert line is not None
    assert sorted(re.findall(r"`(\w+)`", line[1])) == ROOTS


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_imports_what_is_on_its_right(folder: str) -> None:
    allowed = {*ORDER[: ORDER.index(folder) + 1], *OPEN}
    found = {path: {*imported(path)} for path in (PACKAGE / folder).rglob("*.py")}
    assert any(found.values())
    for path, names in found.items():
        assert names <= allowed, path


def test_root_modules_import_no_folder() -> None:
    for name in ROOTS:
        assert {*imported(PACKAGE / f"{name}.py")} <= OPEN, name


def test_what_to_read_first_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|.*\| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    assert [folder for folder, _ in rows] == ORDER
    for folder, start in rows:
        for name in re.findall(r"`([\w./-]+)`", start):
            assert (PACKAGE / folder / name).exists(), f"{folder}/{name}"

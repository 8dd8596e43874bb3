"""The versions that pyproject.toml allows: where they begin, and that tested ones are inside."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.version import Version

from tests.oldest import PROJECT, TOOLS, list_oldest

ROOT = Path(__file__).parents[2]


def test_whatever_is_needed_has_an_oldest_version() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *(r for e in extras if e != TOOLS for r in extras[e])]
    names = {re.split(r"[\[=>]", one)[0] for one in needed} - {"crosszero"}
    assert names == {*list_oldest()}
    assert {"torch", "transformers", "peft", "ray"} <= names


def test_the_tested_versions_are_not_older() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line[:1].isalnum()]
    tested = {name.lower(): Version(version) for name, version in pins}
    oldest = {name.lower(): Version(version) for name, version in list_oldest().items()}
    both = tested.keys() & oldest.keys()
    assert "torch" in both
    assert [name for name in both if tested[name] < oldest[name]] == []


def test_make_knows_how_to_try_the_oldest() -> None:
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test-oldest:", rules, flags=re.MULTILINE)
    assert "tests/oldest.py" in rules


def test_the_manual_names_every_extra_that_is_for_users() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    manual = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z-]+)` \|", manual, flags=re.MULTILINE)
    assert {*named} == {*project["optional-dependencies"]} - {TOOLS}

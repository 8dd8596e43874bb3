"""The site is built without a warning, is complete, and needs nothing from elsewhere."""

from __future__ import annotations

import runpy
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import crosszero as cz
from tests.docs.snippets import ROOT

BUILD = runpy.run_path(str(ROOT / "docs" / "build_site.py"))
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


@dataclass
class Page(HTMLParser):
    """What a built page loads, what it links to, and the places in it that can be linked to."""

    path: Path
    loaded: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif given.get(LOADED.get(tag, "")):
            self.loaded.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "zensical.toml", folder)
    for name in ("docs", "src"):
        (folder / name).symlink_to(ROOT / name)
    assert BUILD["build"](folder) == 0
    return {path: Page(path) for path in sorted((folder / "site").rglob("*.html"))}


def list_pages(entry: object) -> Iterator[str]:
    """The pages of the navigation, however deep."""
    if isinstance(entry, str):
        yield entry
    else:
        assert isinstance(entry, dict | list)
        for below in entry.values() if isinstance(entry, dict) else entry:
            yield from list_pages(below)


def test_every_page_has_one_place_in_the_navigation() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    docs = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(list_pages(project["nav"])) == sorted({*docs, *BUILD["NAMES"].values()})


def test_nothing_is_loaded_from_elsewhere(site: dict[Path, Page]) -> None:
    assert len(site) > 30
    for path, page in site.items():
        assert [one for one in page.loaded if urlsplit(one).netloc] == [], path


def test_every_link_leads_somewhere(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        if path.name == "404.html":  # its links are for the root of a server
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment and target in site:
                assert unquote(parts.fragment) in site[target].places, f"{path}: {link}"


def test_the_reference_has_all_public_names(site: dict[Path, Page]) -> None:
    (reference,) = [page for path, page in site.items() if path.name == "api.html"]
    for name in set(cz.__all__) - {"__version__"}:
        assert f"crosszero.{name}" in reference.places, name


def test_equations_are_drawn(site: dict[Path, Page]) -> None:
    (method,) = [path for path in site if path.name == "method.html"]
    text = method.read_text(encoding="utf-8")
    assert text.count("<math") > 50
    assert "$" not in text.partition("<article")[2].partition("</article")[0]

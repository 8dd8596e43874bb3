"""The page in a real browser, from disk, with the network off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crosszero.experiment.page.contents import write_page
from tests.experiment.page.chromium import NAMES, PROGRAM, Browser, open_browser
from tests.experiment.page.conftest import EVIL

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"none of {', '.join(NAMES)} is installed")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def browser(
    make_suite: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    pytest.importorskip("plotly")
    path, _ = write_page(make_suite(), hover=True)
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(path, ready="document.documentElement.dataset.plots")
        yield opened


def test_it_needs_no_network_and_nothing_complains(browser: Browser) -> None:
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "data", "blob"}
    assert len([url for url in browser.requests if url.startswith("file")]) == 1


def test_a_script_of_a_corpus_is_text(browser: Browser) -> None:
    assert browser.evaluate("document.title") == "crosszero: small & <b>bold</b>"
    words = browser.evaluate(
        "[...document.querySelectorAll('.matrix tbody th')].map(e => e.innerText)"
    )
    assert EVIL in words
    # even a mistake in escaping would not run: the policy knows the page's own scripts only
    browser.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: \"document.title = 'owned'\"}))"
    )
    assert browser.evaluate("document.title") != "owned"
    assert "Content Security Policy" in browser.complaints.pop()


def test_tables_have_headings(browser: Browser) -> None:
    tables = browser.evaluate(
        "[...document.querySelectorAll('table')].map(t => [t.caption.innerText,"
        " t.querySelectorAll('th[scope=col]').length, t.querySelectorAll('th[scope=row]').length])"
    )
    titles = [title for title, _, _ in tables]
    assert "small & <b>bold</b>" in titles
    assert "Tatoeba: accuracy by language" in titles
    assert "Published, not measured here" in titles
    assert all(columns and rows for _, columns, rows in tables)
    unnamed = "[...document.querySelectorAll('svg[role=img]')].filter(s => !s.ariaLabel).length"
    assert browser.evaluate(unnamed) == 0


def test_arabic_is_laid_out_from_right_to_left(browser: Browser) -> None:
    found = browser.evaluate(
        "[...document.querySelectorAll('.matrix')].map(table => {"
        " const heads = [...table.querySelectorAll('thead th')];"
        " const [one, other] = heads.map(h => h.getBoundingClientRect().left);"
        " return [getComputedStyle(heads[0].firstChild).direction, one > other]})"
    )
    assert sorted(map(tuple, found)) == [("ltr", False)] * 2 + [("rtl", True)] * 2
    mixed = "getComputedStyle(document.querySelector('article [lang=ar]')).direction"
    assert browser.evaluate(mixed) == "rtl"


def test_maps_answer_the_pointer(browser: Browser) -> None:
    points = "document.querySelectorAll('.plot .scatterlayer .point').length"
    data = "[...document.querySelectorAll('.hover script')].flatMap(s => JSON.parse(s.textContent))"
    wanted = f"{data}.filter(t => t.hovertext).flatMap(t => t.x).length"
    assert browser.evaluate(points) == browser.evaluate(wanted) > 100
    browser.evaluate(
        "(p => Plotly.Fx.hover(p, [{pointNumber: 0, curveNumber:"
        " p.data.findIndex(t => t.hovertext && t.legendgroup == 'en')}]))"
        "(document.querySelector('.plot'))"
    )
    shown = browser.evaluate("document.querySelector('.hoverlayer').textContent")
    assert EVIL in shown.replace("\u2068", "").replace("\u2069", "")


def test_it_fits_onto_a_phone_and_onto_paper(browser: Browser) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=360, height=740, deviceScaleFactor=1, mobile=True,
    )  # fmt: skip
    browser.wait("document.documentElement.scrollWidth <= 360")  # plots are drawn anew
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = "getComputedStyle(document.querySelector('.hover {}')).display"
    assert browser.evaluate(shown.format("> svg")) == "block"
    assert browser.evaluate(shown.format(".plot")) == "none"

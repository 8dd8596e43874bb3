"""The pages in a real browser, on a phone and on a desktop."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from crosszero.align.linked_pairs import read_linked
from crosszero.model.encoder import Encoder
from crosszero.viewer.messages import MAX_CHARS
from crosszero.viewer.pages import render_view
from tests.experiment.page.chromium import NAMES, PROGRAM, Browser, open_browser
from tests.viewer.conftest import EVIL, ROWS

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"none of {', '.join(NAMES)} is installed")
WIDTHS = (360, 1440)
DRAWN = "document.querySelectorAll('.drawing path').length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    rows = [json.dumps(row) for row in ROWS] * 300
    (folder / "links.jsonl").write_text("\n".join(rows) + "\n")
    text = render_view(read_linked(folder / "links.jsonl"), title="links.jsonl")
    (folder / "page.html").write_text(text, encoding="utf-8")
    return folder / "page.html"


def point_at(browser: Browser, word: int) -> str:
    """Point at a word of the first pair; the words that are shown with it."""
    box = browser.evaluate(
        f"(b => [b.x + b.width / 2, b.y + b.height / 2])"
        f"(document.querySelectorAll('.word')[{word}].getBoundingClientRect())"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    found: str = browser.evaluate(
        "[...document.querySelectorAll('.word.on')].map(w => w.textContent).join(' ')"
    )
    return found


def press(browser: Browser, key: str) -> str:
    """Press a key; the word that is focused then."""
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)
    return str(browser.evaluate("document.activeElement.textContent"))


@pytest.mark.parametrize("width", WIDTHS)
def test_links_are_drawn_and_fit(browser: Browser, page: Path, width: int, tmp_path: Path) -> None:
    browser.resize(width)
    browser.open(page, DRAWN)
    browser.photograph(tmp_path / "page.png", whole=False)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    articles, drawn = browser.evaluate(
        "['article', '.drawing'].map(s => document.querySelectorAll(s).length)"
    )
    assert articles == 300 * len(ROWS)
    assert 1 <= drawn <= 20
    # curves begin and end where the words are
    middle = "(w => w.getBoundingClientRect().x + w.getBoundingClientRect().width / 2)"
    words = "document.querySelector('.drawing').querySelectorAll('.word')"
    for link, pair in enumerate([(0, 4), (1, 5), (3, 7)]):
        path = f"document.querySelectorAll('.drawing path')[{link}]"
        for end, word in zip(("0", f"{path}.getTotalLength()"), pair, strict=True):
            x = f"{path}.getPointAtLength({end}).matrixTransform({path}.getScreenCTM()).x"
            assert abs(browser.evaluate(f"{x} - {middle}({words}[{word}])")) < 1
    widths = browser.evaluate(
        "[...document.querySelectorAll('.drawing')[0].querySelectorAll('path')]"
        ".map(p => Number(p.getAttribute('stroke-width')))"
    )
    assert widths == sorted(widths, reverse=True)
    browser.evaluate("scrollTo(0, document.body.scrollHeight)")
    browser.wait("document.querySelector('article:last-child .drawing path') !== null")
    assert browser.evaluate("document.querySelector('article:first-child .drawing') === null")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requests} == {"file"}


def test_pointer_and_keys_show_partners(browser: Browser, page: Path) -> None:
    browser.resize(1440)
    browser.open(page, DRAWN)
    assert point_at(browser, 1) == "house Haus"
    told = "document.querySelector('.told').textContent"
    assert browser.evaluate(told) == "house: Haus 90 %"
    assert point_at(browser, 2) == "is"  # without a link
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    assert browser.evaluate(told) == "3 links; without a link: 1 source word, 1 target word"
    browser.evaluate("document.querySelector('.word').focus()")
    assert press(browser, "ArrowRight") == "house"
    assert press(browser, "ArrowDown") == "Haus"
    assert press(browser, "End") == "klein"
    assert press(browser, "ArrowUp") == "small"
    assert press(browser, "Home") == "The"
    assert browser.evaluate("document.activeElement.ariaDescription") == "Das 98 %"
    stops = "document.querySelector('.drawing').querySelectorAll('[tabindex=\"0\"]').length"
    assert browser.evaluate(stops) == 1
    press(browser, "Escape")
    assert browser.evaluate("document.activeElement === document.body")


def test_texts_run_as_their_scripts_do(browser: Browser, page: Path) -> None:
    browser.resize(1440)
    browser.open(page, DRAWN)
    lines = "[...document.querySelectorAll('article:nth-child(3) .line')]"
    assert browser.evaluate(f"{lines}.map(l => getComputedStyle(l).direction)") == ["ltr", "rtl"]
    first, last = browser.evaluate(
        "(w => [w[0], w.at(-1)].map(x => x.getBoundingClientRect().x))"
        "([...document.querySelectorAll('article:nth-child(3) .target .word')])"
    )
    assert first > last
    words = "[...document.querySelectorAll('article:nth-child({}) .word')].map(w => w.textContent)"
    assert "books" in browser.evaluate(words.format(4))  # behind a character beyond 16 bits
    browser.evaluate("document.querySelector('article:nth-child(3) .target .word').focus()")
    assert press(browser, "ArrowLeft") == "جيد"


def test_a_script_of_a_text_is_text(browser: Browser, page: Path) -> None:
    browser.open(page, DRAWN)
    assert browser.evaluate("document.title") == "links.jsonl"
    assert EVIL in browser.evaluate("document.querySelector('article:nth-child(2)').textContent")


def test_pairs_are_chosen(browser: Browser, page: Path) -> None:
    browser.resize(1440)
    browser.open(page, DRAWN)
    total = 300 * len(ROWS)

    def choose(**values: object) -> str:
        for name, value in values.items():
            browser.evaluate(f"document.forms[0].elements.{name}.value = {json.dumps(value)}")
        browser.evaluate("update()")
        return str(browser.evaluate("document.getElementById('count').textContent"))

    assert choose() == f"{total:,} pairs"
    assert choose(text="HOUSE") == f"300 of {total:,} pairs"
    assert choose(threshold=0.95) == f"300 of {total:,} pairs"
    browser.wait(f"{DRAWN} && document.querySelectorAll('article:first-child path').length === 1")
    assert choose(text="", threshold=0, words="linked") == f"300 of {total:,} pairs"
    assert choose(words="alone") == f"{total - 300:,} of {total:,} pairs"
    assert choose(words="all", order="sure") == f"{total:,} pairs"
    browser.wait("document.querySelector('article .told')?.textContent.startsWith('0 links')")


def test_words_are_told_from_their_ground(browser: Browser, page: Path) -> None:
    for dark in (False, True):
        browser.resize(1440, dark=dark)
        browser.open(page, DRAWN)
        colours = browser.evaluate(
            "['.word:not(.alone)', '.alone', '.target', '.told', '.note, .head'].map(s =>"
            " getComputedStyle(document.querySelector(`article ${s}`)).color).concat("
            " [getComputedStyle(document.querySelector('article')).backgroundColor])"
        )
        *inks, ground = [luminance(colour) for colour in colours]
        for ink in inks:
            light, shade = max(ink, ground), min(ink, ground)
            assert (light + 0.05) / (shade + 0.05) >= 4.5  # WCAG 2.2, AA


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.fixture(scope="module")
def address(
    model_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server with a small model."""
    pytest.importorskip("fastapi")
    from crosszero.viewer.server import make_app
    from crosszero.viewer.service import Service, encode_lines

    uvicorn = pytest.importorskip("uvicorn")
    path = tmp_path_factory.mktemp("texts") / "texts.en"
    path.write_text(f"the king\nthe red house\n{EVIL}\n", encoding="utf-8")
    encoder = Encoder.load(model_folder())
    service = Service(encoder, name="small", sentences=encode_lines(encoder, path))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(service), log_config=None))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)
    service.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_server_s_page(browser: Browser, address: str, width: int, tmp_path: Path) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.resize(width)
    browser.open(f"{address}/", "document.querySelectorAll('.drawing').length == 2")
    source = json.dumps(f"the king {EVIL}\nthe cat\nthe dog " + "the house " * 40)
    target = json.dumps("الملك\nle chat\n" + "maison " * 40)
    browser.evaluate(
        f"(e => {{ e.source.value = {source}; e.target.value = {target} }})(ask.elements);"
        " ask.querySelector('button').click(); seek.elements.text.value = 'the king';"
        " seek.querySelector('button').click()"
    )
    browser.wait("document.querySelectorAll('.drawing').length == 3 && found.children.length == 3")
    browser.photograph(tmp_path / "server.png", whole=False)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(DRAWN) > 1
    assert browser.evaluate("document.querySelectorAll('.stave').length") > 3  # the long one
    assert "line 1" in browser.evaluate("found.children[0].textContent")
    assert EVIL in browser.evaluate(
        "found.textContent + document.getElementById('list').textContent"
    )
    assert browser.evaluate("document.title") == "crosszero"
    browser.evaluate("ask.elements.target.value = 'a'; ask.querySelector('button').click()")
    browser.wait("problem.textContent")
    assert "as many lines on both sides" in browser.evaluate("problem.textContent")
    lines = json.dumps("the king\n\n\nthe dog\n"), json.dumps("le roi\nle chat\n\nle chien")
    browser.evaluate(
        f"ask.elements.source.value = {lines[0]}; ask.elements.target.value = {lines[1]};"
        " ask.querySelector('button').click()"
    )
    browser.wait("entries.length == 3 && entries[2].pair.target == 'le chien'")
    assert browser.evaluate("entries.map(e => e.pair.source).join('|')") == "the king||the dog"
    browser.evaluate(
        f"ask.elements.source.value = ask.elements.target.value = 'a'.repeat({MAX_CHARS + 1});"
        " ask.querySelector('button').click()"
    )
    browser.wait("problem.textContent.includes('at most')")
    browser.open(f"{address}/docs")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert {url.rpartition("/api")[0] or url.rpartition("/")[0] for url in browser.requests} == {
        address
    }
    assert [one for one in browser.complaints if "422" not in one] == []

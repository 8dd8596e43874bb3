"""The page: complete, self-contained, and safe against what stands in corpora."""

import re
from html.parser import HTMLParser

import pytest

from crosszero.experiment.page.blocks import (
    Example,
    Gallery,
    Meanings,
    Neighbour,
    Origin,
    Phrase,
    Picture,
    Section,
)
from crosszero.experiment.page.document import make_language_tag, render_page
from crosszero.experiment.page.svg import clean
from crosszero.experiment.table import Table

EVIL = "<script>alert(1)</script>\"'&\x00\ud800<img src=http://x.example/y onerror=z>"
VOID = {"meta", "br", "img", "link", "circle"}


def neighbour(text, language="en", *, right=False):
    return Neighbour(Phrase(text, language), 0.5, right)


def make_example(before, after, text="Hello.", language="en"):
    found = {"Before": [before], "After": [after]}
    return Example(query=Phrase(text, language), gold=Phrase("gold text"), found=found)


def build(text="Hello.", language="en"):
    picture = Picture(svg='<svg role="img" aria-label="x" viewBox="0 0 1 1"></svg>', caption=text)
    table = Table(title=text, columns=("a", text), rows=((text, 0.5), (text, None)), note=text)
    pair = neighbour(text, language), neighbour(text, language, right=True)
    origin = Origin(
        command=f"crosszero demo {text}",
        facts={"Seeds": "0, 1", "Date": "2026-01-31", "Nothing": "", text: text},
    )
    sections = [
        Section("Results", [table]),
        Section(text, [picture, text]),
        Section("Maps", [Gallery((picture, picture)), Meanings((Phrase(text, language),)), table]),
        Section("Nearest neighbours", [make_example(*pair, text, language)]),
        Section("How this was made", [origin]),
    ]
    return render_page(text, (text, "Second."), sections)


class Reader(HTMLParser):
    """Collects tags, and texts with a direction; checks that elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.phrases = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][1].get("dir") == "auto":
            self.phrases.append((data, self.open[-1][1].get("lang")))


def test_page_is_well_formed_and_complete():
    page = build()
    reader = Reader(page)
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("h1") == 1
    assert tags.count("h2") == tags.count("section") == 5
    assert tags.count("figure") == tags.count("figcaption") == 3
    assert tags.count("table") == 2
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labels = [attrs["aria-labelledby"] for tag, attrs in reader.tags if tag == "section"]
    assert set(labels) <= set(ids)
    for text in ("Second.", "crosszero demo Hello.", "0, 1", "2026-01-31"):
        assert text in page


def test_page_loads_nothing_and_runs_nothing():
    page = build()
    reader = Reader(page)
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|@import|url\(", page)
    policy = [attrs["content"] for tag, attrs in reader.tags if "http-equiv" in attrs]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    ]


def test_what_stands_in_a_corpus_stays_text():
    plain, evil = Reader(build()), Reader(build(EVIL))
    assert [tag for tag, _ in plain.tags] == [tag for tag, _ in evil.tags]
    assert not any(name.startswith("on") for _, attrs in evil.tags for name in attrs)
    shown = EVIL.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert (shown, "en") in evil.phrases
    build(EVIL).encode()  # a lone surrogate must not stop the writing


@pytest.mark.parametrize(
    ("language", "lang"),
    [
        ("ar", "ar"),
        ("zh_CN", "zh-CN"),
        ('x" onclick="y', None),
        ("", None),
        ("de-Latn-1901", "de-Latn-1901"),
    ],
)
def test_every_text_has_its_own_direction_and_language(language, lang):
    reader = Reader(build("مرحبا", language))
    marked = [code for text, code in reader.phrases if text == "مرحبا"]
    assert marked.count(lang) >= 4  # meaning, query, two neighbours
    assert not any("onclick" in attrs for _, attrs in reader.tags)


def test_right_and_wrong_are_said_not_only_coloured():
    reader = Reader(build())
    labels = [attrs.get("aria-label") for _, attrs in reader.tags if attrs.get("class") == "sign"]
    assert labels == ["wrong", "right"]


def test_gold_is_shown_where_nobody_found_it():
    wrong, right = neighbour("x"), neighbour("y", right=True)
    for found, shown in (((wrong, wrong), True), ((wrong, right), False)):
        page = render_page("t", (), [Section("Nearest", [make_example(*found)])])
        assert ("gold text" in page) == shown


def test_empty_sections_are_left_out():
    reader = Reader(render_page("t", (), [Section("Empty", []), Section("Full", ["Text."])]))
    assert [tag for tag, _ in reader.tags].count("section") == 1


def test_every_meaning_is_numbered_however_many_there_are():
    meanings = Meanings(tuple(Phrase(f"m{i}", "en") for i in range(30)))
    reader = Reader(render_page("t", (), [Section("Maps", [meanings])]))
    assert sum(text.startswith("m") for text, _ in reader.phrases) == 30


def test_what_html_forbids_is_replaced():
    assert clean("a\x00b\ud800c\x85") == "a\ufffdb\ufffdc\ufffd"
    assert clean("a\tb\nc 日") == "a\tb\nc 日"
    assert [make_language_tag(code) for code in ("zh_CN", "fr", "?", 'x" y')] == [
        "zh-CN",
        "fr",
        "",
        "",
    ]

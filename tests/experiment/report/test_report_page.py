"""The page: complete, self-contained, and safe against what stands in corpora."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from crosszero.errors import CrosszeroError
from crosszero.experiment.report import (
    Example,
    Meaning,
    Neighbour,
    Origin,
    Page,
    Picture,
    Table,
    collect_examples,
    render_page,
    write_page,
)

EVIL = "<script>alert(1)</script>\"'&\x00\ud800<img src=http://x.example/y onerror=z>"
VOID = {"meta", "br", "img", "link", "circle"}


def neighbour(text, language="en", *, right=False):
    return Neighbour(text=text, language=language, similarity=0.5, right=right)


def build(text="Hello.", language="en"):
    picture = Picture(svg='<svg role="img" aria-label="x" viewBox="0 0 1 1"></svg>', caption=text)
    table = Table(title=text, columns=("a", text), rows=((text, 0.5), (text, None)), note=text)
    example = Example(
        query=text,
        language=language,
        gold="gold text",
        before=(neighbour(text, language),),
        after=(neighbour(text, language, right=True),),
    )
    return Page(
        title=text,
        summary=(text, "Second."),
        tables=(table,),
        curves=(picture,),
        maps=(picture, picture),
        meanings=(Meaning(text=text, language=language),),
        map_tables=(table,),
        examples=(example,),
        origin=Origin(
            command=f"crosszero demo {text}",
            seeds=(0, 1),
            date="2026-01-31",
            versions={"crosszero": "0.1.0"},
            facts={"Data": text},
        ),
    )


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
    page = render_page(build())
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
    for text in ("Second.", "crosszero demo Hello.", "0, 1", "2026-01-31", "crosszero 0.1.0"):
        assert text in page


def test_page_loads_nothing_and_runs_nothing():
    page = render_page(build())
    reader = Reader(page)
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|@import|url\(", page)
    policy = [attrs["content"] for tag, attrs in reader.tags if "http-equiv" in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_what_stands_in_a_corpus_stays_text(tmp_path):
    plain, evil = Reader(render_page(build())), Reader(render_page(build(EVIL)))
    assert [tag for tag, _ in plain.tags] == [tag for tag, _ in evil.tags]
    assert not any(name.startswith("on") for _, attrs in evil.tags for name in attrs)
    shown = EVIL.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert (shown, "en") in evil.phrases
    write_page(build(EVIL), tmp_path / "page.html")  # a lone surrogate must not stop the writing
    assert "\ud800" not in (tmp_path / "page.html").read_text("utf-8")


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
    reader = Reader(render_page(build("مرحبا", language)))
    marked = [code for text, code in reader.phrases if text == "مرحبا"]
    assert marked.count(lang) >= 4  # meaning, query, two neighbours
    assert not any("onclick" in attrs for _, attrs in reader.tags)


def test_right_and_wrong_are_said_not_only_coloured():
    reader = Reader(render_page(build()))
    labels = [attrs.get("aria-label") for _, attrs in reader.tags if attrs.get("class") == "sign"]
    assert labels == ["wrong", "right"]


def test_gold_is_shown_where_nobody_found_it():
    page = build()
    [example] = page.examples
    missed = Example(
        query="q", language="en", gold="the gold", before=example.before, after=example.before
    )
    assert "the gold" not in render_page(page)
    both = Page(title="t", summary=(), origin=page.origin, examples=(missed,))
    assert "the gold" in render_page(both)


def test_empty_sections_are_left_out():
    origin = Origin(command="", seeds=(0,), date="2026-01-31", versions={})
    reader = Reader(render_page(Page(title="t", summary=(), origin=origin)))
    assert [tag for tag, _ in reader.tags].count("section") == 1


def test_more_meanings_than_the_map_shows_is_no_error_but_every_one_is_numbered():
    page = build()
    many = Page(
        title="t", summary=(), origin=page.origin, maps=page.maps,
        meanings=tuple(Meaning(text=f"m{i}", language="en") for i in range(30)),
    )  # fmt: skip
    reader = Reader(render_page(many))
    assert sum(text.startswith("m") for text, _ in reader.phrases) == 30


def test_writing_is_atomic(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "page.html"
    write_page(build(), path)
    first = path.read_text("utf-8")
    monkeypatch.setattr("crosszero.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011
        write_page(build("Other."), path)
    assert path.read_text("utf-8") == first
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(CrosszeroError, match="can't be written"):
        write_page(build(), tmp_path / "file" / "page.html")


def test_examples_are_drawn_by_the_seed_and_judged_by_text():
    queries = [f"q{i}" for i in range(30)]
    candidates = [f"c{i}" for i in range(29)] + ["c0"]  # the last repeats the first
    random = np.random.default_rng(0)
    noise, eye = random.normal(size=(30, 30)), np.eye(30)
    settings = {"languages": ("en", "fr"), "gold": list(range(30))}

    def draw(seed, count=10):
        return collect_examples(
            queries, candidates, before=(noise, eye), after=(eye, eye), count=count, seed=seed,
            **settings,
        )  # fmt: skip

    found = draw(0)
    assert found == draw(0) != draw(1)
    assert len(found) == 10
    for example in found:
        assert example.gold == candidates[queries.index(example.query)]
        assert len(example.before) == len(example.after) == 3
        assert example.after[0].right
        assert example.after[0].text == example.gold
        assert example.after[0].similarity == pytest.approx(1.0)
    everything = {example.query: example for example in draw(0, count=99)}
    assert len(everything) == 30
    assert [n.right for n in everything["q29"].after] == [True, True, False]  # c0 stands twice
    with pytest.raises(ValueError, match="must match"):
        collect_examples(queries[:3], candidates, before=(eye, eye), after=(eye, eye), **settings)

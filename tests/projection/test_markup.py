"""Inline markup: read and written byte for byte, nested as XML wants it, nothing lost."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import CutText
from crosszero.align.word_cutter import cut_at_spaces, cut_words
from crosszero.projection.elements import project_markup
from crosszero.projection.markup import read_markup
from crosszero.projection.rules import Rules
from crosszero.projection.words import fill


def project(line: str, target: str, pairs: str, **rules: Any) -> str:
    marked = read_markup(line)
    links = [(int(i), int(j), 1.0) for i, j in (pair.split("-") for pair in pairs.split())]
    texts = cut_at_spaces(marked.text), cut_at_spaces(target)
    return project_markup(marked, links, *texts, Rules(**{"broken": "join", **rules})).line


def project_onto_itself(line: str) -> str:
    marked = read_markup(line)
    text = fill(CutText(marked.text, cut_words(marked.text)))
    links = [(i, i, 1.0) for i in range(len(text.spans))]
    found = project_markup(marked, links, text, text)
    assert not found.dropped
    return found.line


@pytest.mark.parametrize(
    "line",
    [
        "Click <a href=\"x?a=1&amp;b=2\"  target='_blank'>here <b>now</b></a>, please.<br/>",
        "<p>All of it</p>",
        "a <img src='>'> b<br> c",
        "never <b>closed, and </i>never opened",
        "<b><i>crossed</b></i>",
        "an <i class='icon'></i> icon<!-- <b> -->",
        "{0} of %s files, 20 % less, {{ name }}",
        "1 < 2 && <b>3</b> > 2",
        "<b>one</b> <b>two</b>",
        "<span><span>one</span> two</span>",
        "<b>x</b> <br/><i>y</i>",
        "",
    ],
)
def test_links_of_words_to_themselves_give_the_same_line(line: str) -> None:
    assert project_onto_itself(line) == line


def test_elements_follow_their_words() -> None:
    line, links = 'the <a href="/x">red house</a> <b>burns</b>', "0-0 1-3 2-2 3-1"
    wanted = 'ici <b>brûle</b> <a href="/x">maison rouge</a>'
    assert project(line, "ici brûle maison rouge", links) == wanted


def test_an_element_around_all_goes_around_all() -> None:
    assert project("<p>a b</p>", "x y z", "0-1") == "<p>x y z</p>"


def test_pieces_are_elements_of_their_own_if_asked_for() -> None:
    line, links = "<b>ne a</b> c pas d", "0-0 1-2 2-1 3-3"
    assert project(line, "u v w x", links, broken="split") == "<b>u</b> v <b>w</b> x"
    assert project(line, "u v w x", links) == "<b>u v w</b> x"


def test_a_comma_that_hangs_on_a_word_stays_outside() -> None:
    assert project("(<b>a</b>), <i>b!</i>", "x, y!", "0-1 1-0") == "<i>x,</i> <b>y</b>!"


def test_what_has_no_place_is_told() -> None:
    marked = read_markup("<i>a</i> b")
    texts = cut_at_spaces(marked.text), cut_at_spaces("x y")
    found = project_markup(marked, [(1, 0, 1.0)], *texts)
    assert found.line == "x y"
    assert [(found.elements[n].opening, why) for n, why in found.dropped] == [("<i>", "unlinked")]


def test_placeholders_that_are_missing_come_in_and_the_others_stay() -> None:
    assert project("open {0} now", "öffne {0} jetzt", "0-0 2-2") == "öffne {0} jetzt"
    assert project("open {0} now", "öffne jetzt", "0-0 2-1") == "öffne {0} jetzt"
    assert project("%s files", "Dateien", "1-0") == "%s Dateien"


def test_a_point_stays_beside_its_word() -> None:
    assert project("a<br/> b c", "z y x", "0-2 1-1 2-0") == "z y x<br/>"
    assert project("a <br/>b c", "z y x", "0-2 1-1 2-0") == "z <br/>y x"


def test_markup_within_a_word_grows_to_the_word() -> None:
    assert project("<b>x</b><br/>y z", "v w", "0-1 1-0") == "v <b>w</b><br/>"


def test_a_bare_sign_of_the_target_is_escaped_in_xml() -> None:
    assert project("<b>a</b> b", "x < & &lt;", "0-0") == "<b>x</b> &lt; &amp; &lt;"
    assert project("a<br/>", "x & y", "0-0") == "x &amp; y<br/>"
    assert project("a &gt; b", "x & y", "0-0") == "x &amp; y"
    assert project("open file", "x & y < z", "0-0") == "x & y < z"  # plain text
    assert project("open {0} file", "x & y {0}", "0-0") == "x & y {0}"
    assert project("<b>a</b> & b", "x & y", "0-0") == "<b>x</b> & y"


NAMES = st.sampled_from(["b", "i", "a"])


@st.composite
def xml(draw: st.DrawFn, depth: int = 3) -> str:
    """Words with well-formed markup among them."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.integers(0, 3))
        if kind == 0 and depth:
            name, number = draw(NAMES), draw(st.integers(0, 99))
            parts.append(f'<{name} id="{number}">{draw(xml(depth=depth - 1))}</{name}>')
        elif kind == 1:
            parts.append(f'<br id="{draw(st.integers(0, 99))}"/>')
        else:
            parts.append(draw(st.sampled_from(["one", "two, ", " ", "three ", "."])))
    return "".join(parts)


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.2, 0.9])))


@settings(deadline=None)
@given(xml(), st.lists(st.sampled_from(["u", "v", ",", "w", "."]), max_size=8), PAIRS, st.data())
def test_markup_stays_well_formed_and_nothing_is_lost(
    line: str, words: list[str], pairs: Any, data: st.DataObject
) -> None:
    marked = read_markup(line)
    source, target = fill(cut_at_spaces(marked.text)), fill(cut_at_spaces(" ".join(words)))
    sizes = len(source.spans), len(target.spans)
    links = [(i, j, s) for i, j, s in pairs if i < sizes[0] and j < sizes[1]]
    broken = data.draw(st.sampled_from(["join", "longest", "drop"]))
    found = project_markup(marked, links, source, target, Rules(broken=broken))
    ET.fromstring(f"<root>{found.line}</root>")
    assert read_markup(found.line).text == target.text
    tags = Counter(re.findall(r"<[^>]*>", found.line))
    for number, _ in found.dropped:
        element = found.elements[number]
        tags.update(re.findall(r"<[^>]*>", element.opening + element.closing))
    assert tags == Counter(re.findall(r"<[^>]*>", line))


@settings(deadline=None)
@given(xml(), st.lists(st.sampled_from(["u", "v", ",", "w", "."]), max_size=8), PAIRS)
def test_pieces_stay_well_formed(line: str, words: list[str], pairs: Any) -> None:
    marked = read_markup(line)
    source, target = fill(cut_at_spaces(marked.text)), fill(cut_at_spaces(" ".join(words)))
    sizes = len(source.spans), len(target.spans)
    links = [(i, j, s) for i, j, s in pairs if i < sizes[0] and j < sizes[1]]
    found = project_markup(marked, links, source, target, Rules(broken="split"))
    ET.fromstring(f"<root>{found.line}</root>")
    assert read_markup(found.line).text == target.text


@settings(deadline=None)
@given(st.text(alphabet="<>/ab \"'=!-&;", max_size=30))
def test_any_line_can_be_read_and_projected_onto_itself(line: str) -> None:
    marked = read_markup(line)
    assert len(marked.text) <= len(line)
    text = fill(cut_at_spaces(marked.text))
    found = project_markup(marked, [(i, i, 1.0) for i in range(len(text.spans))], text, text)
    assert not found.dropped

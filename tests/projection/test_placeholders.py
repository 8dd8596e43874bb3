"""Placeholders and entities of a translation: no tag and no other placeholder cuts one in two."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.align.spans import CutText
from crosszero.align.word_cutter import cut_at_spaces, cut_words
from crosszero.projection.elements import project_markup
from crosszero.projection.markup import find_codes, find_missing, read_markup
from crosszero.projection.rules import Rules
from crosszero.projection.words import fill

CODES = [
    "{{{n}}}", "{{{{ n{n} }}}}", "${{v{n}}}", "%{{v{n}}}", "{{user.v{n}}}", "%{n}$s", "%({n}v)d",
    "%.{n}f", "%{n}ld", "%{n}d", "%%", "&#9{n};", "&quot;", "&amp;",
]  # fmt: skip
WAYS = {
    "spaces": cut_at_spaces,
    "words": lambda text: fill(CutText(text, cut_words(text))),
    "pieces": lambda text: fill(CutText(text, [])),
}
WORDS = st.sampled_from(["files", "to", "(", ")", ":", ",", ".", " ", " ", " ", "s", "№ ", "«"])


@st.composite
def ui_lines(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """A line with markup, its translation, and the placeholders and entities of that."""
    codes = [code.format(n=n) for n, code in enumerate(draw(st.lists(st.sampled_from(CODES))), 1)]
    there = [code for code in codes if draw(st.booleans())]
    sides = []
    for own in (codes, there):
        words = draw(st.lists(WORDS, max_size=8))
        sides.append([str(one) for one in draw(st.permutations([*words, *own]))])
    source, target = sides

    def mark(parts: list[str], depth: int) -> str:
        if not depth or not draw(st.booleans()):
            return "".join(f"{part}<br/>" if draw(st.integers(0, 5)) == 5 else part
                           for part in parts)  # fmt: skip
        first = draw(st.integers(0, len(parts)))
        end = draw(st.integers(first, len(parts)))
        cut = parts[:first], parts[first:end], parts[end:]
        before, inside, behind = (mark(piece, depth - 1) for piece in cut)
        return f"{before}<b>{inside}</b>{behind}"

    return mark(source, 3), "".join(target), there


@settings(deadline=None, max_examples=300)
@given(
    ui_lines(),
    st.sampled_from(sorted(WAYS)),
    st.sampled_from(["join", "longest", "split", "drop"]),
    st.lists(
        st.tuples(st.integers(0, 19), st.integers(0, 19), st.sampled_from([0.2, 0.9])), max_size=30
    ),
)
def test_no_placeholder_and_no_entity_is_cut(
    case: tuple[str, str, list[str]], way: str, broken: Any, pairs: list[tuple[int, int, float]]
) -> None:
    line, translation, codes = case
    marked = read_markup(line)
    source, target = WAYS[way](marked.text), WAYS[way](translation)
    sizes = len(source.spans), len(target.spans)
    links = [(i, j, s) for i, j, s in pairs if i < sizes[0] and j < sizes[1]]
    found = project_markup(marked, links, source, target, Rules(broken=broken))
    ET.fromstring(f"<root>{found.line}</root>")
    text = read_markup(found.line).text
    for code in codes:
        assert found.line.count(code) >= translation.count(code)
    missing = [element.opening for element in found.elements if element.is_text]
    dropped = [found.elements[number].opening for number, _ in found.dropped]
    came = [code for code in missing if code not in dropped]
    if not came:
        assert text == translation
    for code in came:
        text = text.replace(code, "", 1)
    assert text.replace(" ", "") == translation.replace(" ", "")


@pytest.mark.parametrize(
    ("line", "translation", "pairs", "wanted"),
    [
        ("<b>back %s</b> to", "Bon %s", "1-2 3-0", "Bon <b>%s</b>"),
        ("sent <b>you ${amount}</b>", "vous ${amount}", "0-0 1-3", "vous <b>${amount}</b>"),
        ("<b>&quot;OK&quot;</b> now", "so &quot;OK&quot;", "1-2", "so <b>&quot;</b>OK&quot;"),
        ("a <b>{{ name }}</b>", "u {{ name }} v", "3-4", "u <b>{{ name }}</b> v"),
        ("a <b>50%%</b> b", "u 50%% v", "1-1 2-2", "u <b>50%%</b> v"),
        ("a <b>%ds</b>", "u %dKB v", "2-2", "u <b>%dKB</b> v"),
    ],
)
def test_an_element_goes_around_all_of_a_placeholder(
    line: str, translation: str, pairs: str, wanted: str
) -> None:
    marked = read_markup(line)
    links = [(int(i), int(j), 1.0) for i, j in (pair.split("-") for pair in pairs.split())]
    texts = (fill(CutText(text, [])) for text in (marked.text, translation))
    assert project_markup(marked, links, *texts).line == wanted


def test_a_word_in_brackets_gives_its_brackets_away_but_a_placeholder_keeps_them() -> None:
    marked = read_markup("see (<b>it</b>) now")
    texts = cut_at_spaces(marked.text), cut_at_spaces("voir ({0})")
    assert project_markup(marked, [(1, 1, 1.0)], *texts).line == "voir (<b>{0}</b>)"


def test_placeholders_are_found_beside_tags_and_escapes() -> None:
    def find(line: str, target: str = "") -> list[str]:
        return [element.opening for element in find_missing(read_markup(line), target)]

    assert find("100%%d %{n} %ld, %,d") == ["%{n}", "%ld", "%,d"]
    assert find("Size: %s<br/>Date", "Taille") == ["%s"]
    assert find("%s<br/>a %s", "%s") == ["%s"]
    assert find("%d KB", "%dKB") == []
    assert find("20 % less, &amp;") == []


@settings(deadline=None)
@given(st.text(alphabet="%{}$s0d& ;a#", max_size=20))
def test_codes_are_apart_and_in_order(text: str) -> None:
    spans = find_codes(text)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(re.match(r"[%&{$]", text[start:end]) for start, end in spans)


def test_a_long_line_is_read_in_time_that_grows_with_it() -> None:
    for piece in ("%0", "0", "{", "{a", "{{ a ", "&a", "%(", "%.9"):
        text = "%" + piece * 100_000
        assert len(find_codes(text)) <= 1
        assert not find_missing(read_markup(text), "")

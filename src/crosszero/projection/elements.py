"""Inline markup carried to a translation: nesting stays valid, and nothing is lost unsaid.

An element covers the target from its first to its last word, as in Hanneman and Dinu 2020, "How
Should Markup Tags Be Translated?"; one that covers all words covers all of the target. A point
(``<br/>``, a placeholder) stays beside the word that it stood beside. Placeholders and entities of
the target are words that nothing is put into.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from crosszero.align.spans import CutText, Span
from crosszero.projection.markup import (
    ROOT,
    Element,
    Marked,
    Node,
    find_codes,
    find_missing,
    is_escaped,
    write_markup,
)
from crosszero.projection.rules import SPAN_SCORE, Dropped, Label, Rules
from crosszero.projection.spans import ScoredLinks, check_links
from crosszero.projection.words import carry_links, find_words, keep_whole, project_characters

JOIN = Rules(broken="join")


class MarkedTarget(NamedTuple):
    """A translation with its markup.

    Attributes:
        line: text and markup.
        elements: of the source, and the placeholders that the translation lacked.
        dropped: which of them have no place, and why.
    """

    line: str
    elements: list[Element]
    dropped: list[Dropped]


def project_markup(
    marked: Marked,
    links: ScoredLinks,
    source: CutText,
    target: CutText,
    rules: Rules = JOIN,
) -> MarkedTarget:
    """Carry the markup of a line to its translation.

    Args:
        marked: the line, by :func:`~crosszero.projection.markup.read_markup`.
        links: between the words of both texts.
        source: ``marked.text`` and its words, punctuation among them.
        target: the translation, without markup, and its words.
        rules: how labels find their place.

    Raises:
        ValueError: a link names a word that is not there.

    Example:
        >>> from crosszero.projection.markup import read_markup
        >>> from crosszero.align.word_cutter import cut_at_spaces
        >>> marked = read_markup("a <b>red</b> house")
        >>> texts = cut_at_spaces(marked.text), cut_at_spaces("une maison rouge")
        >>> project_markup(marked, [(0, 0, 1.0), (1, 2, 1.0), (2, 1, 1.0)], *texts).line
        'une maison <b>rouge</b>'
    """
    check_links(links, len(source.spans), len(target.spans))
    given, codes = (source.spans, target.spans), find_codes(target.text)
    source = keep_whole(source, find_codes(source.text))
    target = keep_whole(target, codes)
    links = carry_links(links, (given[0], source.spans), (given[1], target.spans))
    elements = [*marked.elements, *find_missing(marked, target.text)]
    places, dropped = _place_elements(elements, links, source, target, rules)
    roots: list[Node] = []
    nodes: dict[int, list[Node]] = {}
    points = []
    for number, element in enumerate(elements):
        if element.is_point:
            points.append(number)
            continue
        if number not in places:
            continue
        around = _find_nodes(element.parent, elements, nodes)
        made = nodes[number] = []
        whole = Node(0, len(target.text), "", "", roots)
        for place in places[number]:
            start, end = _cover(codes, place)
            for parent in around or [whole]:
                low, high = max(start, parent.start), min(end, parent.end)
                if low < high:
                    made.append(Node(low, high, element.opening, element.closing))
                    parent.children.append(made[-1])
        if not made:
            del nodes[number]
            dropped.append(Dropped(number, "outside"))
    by_source = _index(links, rules.least(SPAN_SCORE))
    for number in points:
        element = elements[number]
        at = _place_point(element, by_source, source, target)
        if at is None:
            dropped.append(Dropped(number, "unlinked"))
            continue
        around = _find_nodes(element.parent, elements, nodes)
        siblings = roots
        if around:
            gaps = [max(node.start - at, at - node.end, 0) for node in around]
            home = around[gaps.index(min(gaps))]
            at = min(max(at, home.start), home.end)
            siblings = home.children
        while inner := [n for n in siblings if n.closing and n.start < at < n.end]:
            siblings = inner[0].children
        siblings.append(Node(at, at, _space(element, source.text, target.text, at), ""))
    escape = is_escaped(marked)
    return MarkedTarget(write_markup(target.text, roots, escape=escape), elements, sorted(dropped))


def _place_elements(
    elements: Sequence[Element],
    links: ScoredLinks,
    source: CutText,
    target: CutText,
    rules: Rules,
) -> tuple[dict[int, list[tuple[int, int]]], list[Dropped]]:
    """Find the characters of the target that each element covers."""
    places: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    numbers, labels = [], []
    for number, element in enumerate(elements):
        if element.is_point:
            continue
        stretch = source.text[element.start : element.end].strip()
        if stretch == source.text.strip() and (core := target.text.strip()):
            start = target.text.index(core)
            places[number] = [(start, start + len(core))]
            continue
        numbers.append(number)
        labels.append(Label(element.start, element.end, ""))
    placed, dropped = project_characters(labels, links, source, target, rules)
    for n, (start, end, _) in placed:
        places[numbers[n]].append((start, end))
    return dict(places), [Dropped(numbers[n], reason) for n, reason in dropped]


def _cover(codes: Sequence[Span], place: tuple[int, int]) -> tuple[int, int]:
    """Take all of the placeholders and entities in whose brackets a place begins or ends."""
    low, high = find_words(*place, codes)
    if low == high:
        return place
    return min(place[0], codes[low].start), max(place[1], codes[high - 1].end)


def _find_nodes(
    parent: int, elements: Sequence[Element], nodes: dict[int, list[Node]]
) -> list[Node]:
    """The pieces of the nearest element around that has a place."""
    while parent != ROOT and parent not in nodes:
        parent = elements[parent].parent
    return nodes.get(parent, [])


def _index(links: ScoredLinks, least: float) -> dict[int, int]:
    """The surest target word of each source word."""
    best: dict[int, tuple[float, int]] = {}
    for i, j, score in links:
        if score >= least:
            best[i] = max(best.get(i, (-1.0, 0)), (score, -j))
    return {i: -j for i, (_, j) in best.items()}


def _place_point(
    element: Element, partner: dict[int, int], source: CutText, target: CutText
) -> int | None:
    """Find a place beside the nearest word with a link, or at the end that it stood at."""
    start, end, text = element.start, element.end, source.text
    if not text[:start].strip():
        return len(target.text) - len(target.text.lstrip())
    if not text[end:].strip():
        return len(target.text.rstrip())
    low, high = find_words(start, max(end, start + 1), source.spans)
    inside = low < high and source.spans[low].start < start  # a word goes on behind the point
    before, behind = (low if inside else low - 1), high
    if element.is_text is False and not inside:
        behind = low
    glued = inside or (not text[start - 1].isspace() and text[end].isspace())
    while before >= 0 or behind < len(source.spans):
        left, right = partner.get(before), partner.get(behind)
        if left is not None and (glued or right is None):
            return target.spans[left].end
        if right is not None:
            at = target.spans[right].start
            spaces = text[end].isspace() and at > 1 and target.text[at - 2 : at].isspace()
            return at - 1 if spaces else at  # one space on either side of the point
        before, behind = before - 1, behind + 1
    return None


def _space(element: Element, source: str, target: str, at: int) -> str:
    """Part a placeholder from the words around it by spaces, where it has some in the source."""
    if not element.is_text:
        return element.opening
    before = source[: element.start][-1:].isspace() and not target[:at][-1:].isspace() and at > 0
    behind = source[element.end :][:1].isspace() and target[at : at + 1].strip()
    return f"{' ' if before else ''}{element.opening}{' ' if behind else ''}"

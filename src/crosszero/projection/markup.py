"""Inline markup (XML, HTML) and placeholders, read out of a line and written into another.

Whatever is no matching pair of tags stays as it is, as a point in the text: ``<br/>``, comments, a
tag that is never closed or never opened, an element without text. So every line can be read, and
what was read can be written again byte for byte, but for white space in an element without text,
which is then behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from crosszero.align.spans import Span

_TAG = re.compile(
    r"<!--.*?-->|<\?.*?\?>|</(?P<close>[A-Za-z_:][^\s<>/]*)\s*>"
    r"|<(?P<open>[A-Za-z_:][^\s<>/\"']*)(?:\s(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)?/?>"
)
_BRACES = r"\{\{[^{}]*\}\}|[$%]?\{[\w.:-]*\}"
_PRINTF = (
    r"%(?:\(\w+\)|\d+\$)?[-+0#,]*+(?:\d++|\*)?(?:\.(?:\d++|\*))?(?:hh?|ll?|[qjztL])?"
    r"[diouxXeEfFgGcs@]"
)
_PLACEHOLDER = re.compile(rf"%%|(?P<code>{_BRACES}|{_PRINTF}(?![A-Za-z]))")
_ENTITY = r"&#?\w+;"
_CODE = re.compile(rf"%%|{_BRACES}|{_PRINTF}|{_ENTITY}")  # "%dKB" has one, too
_BARE = re.compile(rf"<|(?!{_ENTITY})&")
ROOT = -1


@dataclass(slots=True)
class Element:
    """An element, or a point, of a line.

    Attributes:
        start, end: its characters in the text without markup; equal for a point.
        opening: its tag, byte for byte; all of a point.
        closing: its end tag, "" for a point.
        parent: number of the element around it, `ROOT` for none.
        is_text: whether it is a placeholder, which stands in the text, too.
    """

    start: int
    end: int
    opening: str
    closing: str
    parent: int
    is_text: bool = False

    @property
    def is_point(self) -> bool:
        """Whether it holds no text."""
        return not self.closing


class Marked(NamedTuple):
    """A line without its markup, and the markup, in the order in which it begins."""

    text: str
    elements: list[Element]


def read_markup(line: str) -> Marked:
    """Take the markup out of a line.

    Example:
        >>> text, elements = read_markup('A <a href="x">red</a> house.<br/>')
        >>> text, [(e.start, e.end, e.opening, e.closing) for e in elements]
        ('A red house.', [(2, 5, '<a href="x">', '</a>'), (12, 12, '<br/>', '')])
    """
    texts, elements, tags = list[str](), list[Element](), list[str]()
    opened: list[tuple[int, str, int]] = []  # number of the element, name, place among the tags
    length = inked = behind = 0
    for found in _TAG.finditer(line):
        piece = line[behind : found.start()]
        if piece.strip():
            inked = length + len(piece.rstrip())
        length, behind = length + len(piece), found.end()
        texts.append(piece)
        tags.append(found[0])
        match = [row for row in opened if row[1] == found["close"]]
        if match:
            number, _, first = match[-1]
            del opened[opened.index(match[-1]) :]
            element = elements[number]
            if inked > element.start:
                element.end, element.closing = length, found[0]
            else:
                element.opening = "".join(tags[first:])
                del elements[number + 1 :]
            continue
        parent = opened[-1][0] if opened else ROOT
        elements.append(Element(length, length, found[0], "", parent))
        if found["open"] and not found[0].endswith("/>"):
            opened.append((len(elements) - 1, found["open"], len(tags) - 1))
    for element in elements:
        while element.parent != ROOT and elements[element.parent].is_point:  # never closed
            element.parent = elements[element.parent].parent
    return Marked("".join([*texts, line[behind:]]), elements)


def find_codes(text: str) -> list[Span]:
    """Find what must stay whole: placeholders, and entities of XML and HTML.

    Example:
        >>> find_codes("%s &amp; {0}")
        [Span(start=0, end=2), Span(start=3, end=8), Span(start=9, end=12)]
    """
    return [Span(*found.span()) for found in _CODE.finditer(text)]


def find_missing(marked: Marked, target: str) -> list[Element]:
    """Find the placeholders of a text (``{0}``, ``%s``) that its translation lacks, as points.

    Example:
        >>> [e.opening for e in find_missing(read_markup("{0} of {1}"), "{1}")]
        ['{0}']
    """
    there = Counter(found[0] for found in _CODE.finditer(target))
    # Where a tag stood, "%s<br/>Date" has a placeholder, though "%sDate" has none.
    borders = {0, len(marked.text)}
    borders.update(place for e in marked.elements for place in (e.start, e.end))
    missing = []
    for first, last in pairwise(sorted(borders)):
        for found in _PLACEHOLDER.finditer(marked.text, first, last):
            code = found["code"]
            if code is None:
                continue
            there[code] -= 1
            if there[code] >= 0:
                continue
            around = [
                n
                for n, e in enumerate(marked.elements)
                if not e.is_point and e.start <= found.start() and found.end() <= e.end
            ]
            parent = around[-1] if around else ROOT
            missing.append(Element(*found.span(), code, "", parent, is_text=True))
    return missing


@dataclass(slots=True)
class Node:
    """An element, a piece of one, or a point, at its place in a text.

    Attributes:
        start, end: characters of the text.
        opening, closing: its tags.
        children: what lies in it.
    """

    start: int
    end: int
    opening: str
    closing: str
    children: list[Node] = field(default_factory=list)


def write_markup(text: str, nodes: Sequence[Node], *, escape: bool = False) -> str:
    """Write markup into a text.

    Args:
        text: without markup.
        nodes: elements that do not cross; what stands at the same place, in its order.
        escape: whether a bare ``<`` or ``&`` of the text is written as ``&lt;`` or ``&amp;``.

    Example:
        >>> write_markup("ab", [Node(0, 1, "<b>", "</b>"), Node(2, 2, "<br/>", "")])
        '<b>a</b>b<br/>'
    """
    pieces, at = list[str](), 0

    def copy_to(end: int) -> None:
        nonlocal at
        piece = text[at:end]
        pieces.append(_BARE.sub(lambda m: "&lt;" if m[0] == "<" else "&amp;", piece) if escape
                      else piece)  # fmt: skip
        at = end

    todo: list[Node | tuple[int, str]] = list(reversed(_sort(nodes)))
    while todo:
        item = todo.pop()
        if isinstance(item, Node):
            copy_to(item.start)
            pieces.append(item.opening)
            todo.append((item.end, item.closing))
            todo += reversed(_sort(item.children))
        else:
            copy_to(item[0])
            pieces.append(item[1])
    copy_to(len(text))
    return "".join(pieces)


def _sort(nodes: Sequence[Node]) -> list[Node]:
    """By place; a point before the element that begins there."""
    return sorted(nodes, key=lambda node: (node.start, bool(node.closing)))


def is_escaped(marked: Marked) -> bool:
    """Tell whether a line is of XML or HTML, and no character of its text need be escaped."""
    shows = bool(marked.elements) or re.search(_ENTITY, marked.text) is not None
    return shows and _BARE.search(marked.text) is None

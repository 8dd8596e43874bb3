"""A linked pair in a terminal: words that belong together have one colour, and a line below."""

from __future__ import annotations

import io
import os
import shutil
import sys

from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from crosszero.align.spans import CutText, LinkedPair
from crosszero.errors import visible

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_STROKES = {0.9: "━━━", 0.7: "───", 0.5: "╌╌╌", 0.0: "···"}  # from this score on


def draws(out: str | os.PathLike[str]) -> bool:
    """Tell whether an output is a terminal, for the eyes of a person."""
    return str(out) == "-" and sys.stdout.isatty()


def draw_here(pair: LinkedPair) -> str:
    """Draw a pair as the terminal is wide, in colours unless NO_COLOR is set or it has none."""
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return draw_links(pair, width=shutil.get_terminal_size().columns, colour=colour)


def draw_links(pair: LinkedPair, *, width: int, colour: bool = True) -> str:
    """Draw the two texts, and below them which words are linked and how sure that is.

    Args:
        pair: the texts and their links.
        width: columns of the terminal.
        colour: whether it shows colours. All is told without them, too.

    Example:
        >>> from crosszero.align.spans import ScoredLink, from_words
        >>> pair = LinkedPair(from_words(["ein"]), from_words(["a"]), [ScoredLink(0, 0, 0.98)])
        >>> print(draw_links(pair, width=40, colour=False))
        ein
        a
        <BLANKLINE>
        ein ━━━ a 0.98
        <BLANKLINE>
    """
    sides = pair.source, pair.target
    styles = _choose_styles(pair)
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, no_color=not colour,
        color_system="standard" if colour else None, highlight=False, legacy_windows=False,
    )  # fmt: skip
    for side, style in zip(sides, styles, strict=True):
        console.print(_paint(side, style), soft_wrap=False)
    console.print()
    words = [[visible(side.text[a:b]) for a, b in side.spans] for side in sides]
    rows = []
    for link in sorted(pair.links):
        stroke = next(line for least, line in _STROKES.items() if link.score >= least)
        left, right = words[0][link.source], words[1][link.target]
        row = Text(f"{left} {stroke} {right}", styles[0][link.source])
        rows.append(row.append(f" {link.score:.2f}", "dim"))
    console.print(Columns(rows, padding=(0, 4), equal=True))
    for name, some, style in zip(("source", "target"), words, styles, strict=True):
        if alone := [word for word, one in zip(some, style, strict=True) if one == "dim"]:
            console.print(Text(f"{name} words without a link: {', '.join(alone)}", "dim"))
    drawn = console.file
    assert isinstance(drawn, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in drawn.getvalue().split("\n")[:-1])


def _choose_styles(pair: LinkedPair) -> tuple[list[str], list[str]]:
    """Give words that are linked, directly or over others, one colour."""
    groups = [list(range(len(pair.source.spans))), [-1] * len(pair.target.spans)]
    for i, j, _ in sorted(pair.links):
        old, new = groups[1][j], groups[0][i]
        if old == -1:
            groups[1][j] = new
        else:
            groups = [[old if group == new else group for group in side] for side in groups]
    linked = [{link[side] for link in pair.links} for side in (0, 1)]
    order = dict.fromkeys(group for n, group in enumerate(groups[0]) if n in linked[0])
    colours = {group: _COLOURS[n % len(_COLOURS)] for n, group in enumerate(order)}
    source, target = (
        [colours[group] if n in some else "dim" for n, group in enumerate(side)]
        for side, some in zip(groups, linked, strict=True)
    )
    return source, target


def _paint(side: CutText, styles: list[str]) -> Text:
    text, end = Text(), 0
    for span, style in zip(side.spans, styles, strict=True):
        text.append(visible(side.text[end : span.start]))
        text.append(visible(side.text[span.start : span.end]), style)
        end = span.end
    return text.append(visible(side.text[end:]))

"""One HTML page that holds all: it works offline, runs no script and loads nothing.

This is the page of one training: before and after. What belongs to any page stands in
:mod:`crosszero.experiment.report.document`. Sections without content are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crosszero.experiment.report.colours import pick_colours
from crosszero.experiment.report.document import render_document
from crosszero.experiment.report.examples import Example, Neighbour
from crosszero.experiment.report.markup import escape, render_phrase
from crosszero.experiment.report.svg import Picture
from crosszero.experiment.report.tables import Table, render_html
from crosszero.files import atomic_file

MAP_NOTE = (
    "One point is one token. Colour is its meaning, the marker its language; a number stands above "
    "a meaning whose points lie together. A map shows who is near whom; distances between far "
    "groups and the axes mean nothing, so the numbers below are measured in the full space."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One class of the maps, written out below them.

    Attributes:
        text, language: a sentence that has the meaning.
    """

    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How the page was made, so that somebody else can make it again.

    Attributes:
        command: the command line.
        seeds: all random seeds that were used.
        date: of the run, as ISO 8601.
        versions: name and version of what had a part in it.
        facts: anything else by name: data, encoder, machine, duration.
    """

    command: str
    seeds: tuple[int, ...]
    date: str
    versions: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that a report shows, in the order in which it shows it.

    Attributes:
        title: heading of the page.
        summary: sentences that say what came out.
        tables: results, before and after.
        curves: pictures of the training.
        maps: pictures of token embeddings, side by side: before, after.
        meanings: what the numbers in the maps stand for; number m + 1 is ``meanings[m]``.
        map_tables: measures that belong to the maps.
        examples: nearest neighbours before and after.
        origin: how it was made.
    """

    title: str
    summary: tuple[str, ...]
    origin: Origin
    tables: tuple[Table, ...] = ()
    curves: tuple[Picture, ...] = ()
    maps: tuple[Picture, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    map_tables: tuple[Table, ...] = ()
    examples: tuple[Example, ...] = ()


def write_page(page: Page, path: str | Path) -> None:
    """Write the page into one file, which takes its name only when it is complete.

    Args:
        page: what to show.
        path: the HTML file.

    Raises:
        CrosszeroError: the folder can't be written.

    Example:
        >>> write_page(page, "report.html")      # doctest: +SKIP
    """
    text = render_page(page)
    with atomic_file(path) as file:
        file.write(text)


def render_page(page: Page) -> str:
    """Give the page as one HTML document.

    Example:
        >>> origin = Origin(command="crosszero demo", seeds=(0,), date="2026-01-31", versions={})
        >>> "<h1>Demo</h1>" in render_page(Page(title="Demo", summary=("Fine.",), origin=origin))
        True
    """
    sections = [
        ("Results", "".join(map(render_html, page.tables))),
        ("Training", "".join(map(render_picture, page.curves))),
        ("Map of token embeddings", _render_maps(page)),
        ("Nearest neighbours", _render_examples(page.examples)),
        ("How this was made", render_origin(page.origin)),
    ]
    return render_document(page.title, page.summary, sections)


def render_picture(picture: Picture) -> str:
    """Put a picture and its caption into a figure."""
    return f"<figure>{picture.svg}\n<figcaption>{escape(picture.caption)}</figcaption></figure>\n"


def _render_maps(page: Page) -> str:
    if not page.maps and not page.map_tables:
        return ""
    parts = []
    if page.maps:
        parts.append(f'<div class="pair">{"".join(map(render_picture, page.maps))}</div>')
        parts.append(f'<p class="note">{escape(MAP_NOTE)}</p>')
    if page.meanings:
        parts.append(render_meanings(page.meanings))
    parts += map(render_html, page.map_tables)
    return "\n".join(parts)


def render_meanings(meanings: Sequence[Meaning]) -> str:
    """List what the numbers and colours of a map stand for."""
    items = "".join(
        f'<li><svg class="dot" viewBox="0 0 10 10" aria-hidden="true">'
        f'<circle cx="5" cy="5" r="5" fill="{colour}"/></svg> '
        f"{render_phrase(meaning.text, meaning.language)}</li>"
        for colour, meaning in zip(pick_colours(len(meanings)), meanings, strict=True)
    )
    return f'<ol class="meanings">{items}</ol>'


def _render_examples(examples: tuple[Example, ...]) -> str:
    if not examples:
        return ""
    parts = [
        '<p class="note">Queries drawn at random. The number is the cosine with the query; '
        '<span class="right">✓</span> marks the right translation, '
        '<span class="wrong">✗</span> another sentence.</p>'
    ]
    for example in examples:
        gold = ""
        if not any(neighbour.right for neighbour in (*example.before, *example.after)):
            wanted = render_phrase(example.gold)
            gold = f'<p class="note">Neither finds the translation: {wanted}</p>'
        parts.append(
            f'<article><h3><span class="code">{escape(example.language)}</span> '
            f"{render_phrase(example.query, example.language)}</h3>"
            f'<div class="pair">{_render_neighbours("Before", example.before)}'
            f"{_render_neighbours('After', example.after)}</div>{gold}</article>"
        )
    return "\n".join(parts)


def _render_neighbours(heading: str, neighbours: tuple[Neighbour, ...]) -> str:
    items = []
    for neighbour in neighbours:
        kind, sign = ("right", "✓") if neighbour.right else ("wrong", "✗")
        items.append(
            f'<li class="{kind}"><span class="sign" role="img" aria-label="{kind}">{sign}</span>'
            f'<span class="number">{neighbour.similarity:.2f}</span>'
            f'<span class="code">{escape(neighbour.language)}</span>'
            f"{render_phrase(neighbour.text, neighbour.language)}</li>"
        )
    return f'<div><h4>{heading}</h4><ol class="neighbours">{"".join(items)}</ol></div>'


def render_origin(origin: Origin) -> str:
    """List how a page was made."""
    rows = {
        "Date": origin.date,
        "Seeds" if len(origin.seeds) > 1 else "Seed": ", ".join(map(str, origin.seeds)),
        **origin.facts,
        "Versions": ", ".join(f"{name} {version}" for name, version in origin.versions.items()),
    }
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{render_phrase(value)}</dd></div>"
        for name, value in rows.items()
        if value
    )
    command = f"<pre><code>{escape(origin.command)}</code></pre>" if origin.command else ""
    return f"{command}<dl>{items}</dl>"

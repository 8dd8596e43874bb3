"""A page put together from blocks: sentences, tables, heat maps, pictures, maps, matrices.

What a folder of results lacks is said by a sentence in its place, so that no section is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crosszero.experiment.report.document import render_document
from crosszero.experiment.report.heat import HeatMap, render_heat
from crosszero.experiment.report.maps import (
    HoverMap,
    list_scripts,
    render_hover,
    render_scripts,
)
from crosszero.experiment.report.markup import escape
from crosszero.experiment.report.matrices import AlignedSentence, render_aligned
from crosszero.experiment.report.page import (
    Meaning,
    Origin,
    render_meanings,
    render_origin,
    render_picture,
)
from crosszero.experiment.report.svg import Picture
from crosszero.experiment.report.tables import Table, render_html


@dataclass(frozen=True)
class Gallery:
    """Pictures of one kind, two beside each other where there is room.

    Attributes:
        pictures: plain ones, or maps.
    """

    pictures: tuple[Picture | HoverMap, ...]


@dataclass(frozen=True)
class MeaningList:
    """What the numbers and colours of maps stand for.

    Attributes:
        meanings: in the order of their numbers.
    """

    meanings: tuple[Meaning, ...]


Block = str | Table | HeatMap | Picture | HoverMap | Gallery | MeaningList | AlignedSentence


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; a string is a sentence.

    Attributes:
        heading: text.
        blocks: in their order.
    """

    heading: str
    blocks: tuple[Block, ...]


def render_sections(
    title: str, summary: Sequence[str], sections: Sequence[Section], origin: Origin
) -> str:
    """Give a page as one HTML document.

    Args:
        title: heading of the page.
        summary: sentences that say what it shows.
        sections: in their order.
        origin: how it was made.

    Raises:
        MissingExtraError: a map has points, and plotly is not installed.

    Example:
        >>> origin = Origin(command="", seeds=(1,), date="2026-01-31", versions={})
        >>> section = Section("Training", ("Nothing was <b>trained</b>.",))
        >>> "&lt;b&gt;trained" in render_sections("Suite", [], [section], origin)
        True
    """
    content = [(part.heading, "\n".join(map(_render_block, part.blocks))) for part in sections]
    content.append(("How this was made", render_origin(origin)))
    hover = any(_has_points(block) for part in sections for block in part.blocks)
    return render_document(
        title,
        summary,
        content,
        allowed=list_scripts() if hover else (),
        foot=render_scripts() if hover else "",
    )


def _has_points(block: Block) -> bool:
    if isinstance(block, Gallery):
        return any(map(_has_points, block.pictures))
    return isinstance(block, HoverMap) and bool(block.points)


def _render_block(block: Block) -> str:
    match block:
        case str():
            return f"<p>{escape(block)}</p>"
        case Table():
            return render_html(block)
        case HeatMap():
            return render_heat(block)
        case Picture():
            return render_picture(block)
        case HoverMap():
            return render_hover(block)
        case Gallery():
            return f'<div class="pair">{"".join(map(_render_block, block.pictures))}</div>'
        case MeaningList():
            return render_meanings(block.meanings)
        case AlignedSentence():
            return render_aligned(block)

"""Word alignments of single sentences as matrices: what people linked, what encoders linked.

A matrix is a table of HTML, not a picture, because its headings are words in any script. Rows are
source words, columns target words. Where the target runs from right to left, so do the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crosszero.align.gold import GoldLinks, Link
from crosszero.experiment.report.markup import escape, is_rtl, render_phrase

# Shapes tell cells apart, and hidden words say what they mean: colours only help.
_SIGNS = {True: "●", False: "✕"}
MATRIX_NOTE = (
    "Rows are source words, columns target words. A full frame is a sure link of the gold standard "
    "and a dashed one a possible link; ● is a link that the encoder gives and the gold standard "
    "allows, ✕ one that it does not; a frame that is empty was missed."
)


@dataclass(frozen=True, kw_only=True)
class AlignedSentence:
    """A sentence pair, its gold links, and those that each system gives.

    Attributes:
        source, target: words.
        languages: codes of the two.
        gold: links that people made.
        links: by name of the system.
        origin: file and line.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    languages: tuple[str, str]
    gold: GoldLinks
    links: Mapping[str, frozenset[Link]]
    origin: str = ""


def render_aligned(sentence: AlignedSentence) -> str:
    """Write a sentence pair and one matrix for each system.

    Example:
        >>> one = frozenset({(0, 0)})
        >>> pair = AlignedSentence(source=("yes",), target=("oui",), languages=("en", "fr"),
        ...                        gold=GoldLinks(sure=one), links={"mBERT": one})
        >>> "sure, found" in render_aligned(pair)
        True
    """
    sides = zip((sentence.source, sentence.target), sentence.languages, strict=True)
    texts = "".join(
        f'<p><span class="code">{escape(code)}</span> {render_phrase(" ".join(words), code)}</p>'
        for words, code in sides
    )
    origin = f'<p class="note">{escape(sentence.origin)}</p>' if sentence.origin else ""
    matrices = "".join(
        f"<div>{_render_matrix(sentence, name, links)}</div>"
        for name, links in sentence.links.items()
    )
    return f'<article>{texts}{origin}<div class="matrices">{matrices}</div></article>\n'


def _render_matrix(sentence: AlignedSentence, name: str, links: frozenset[Link]) -> str:
    source, target = sentence.languages
    head = "".join(
        f'<th scope="col">{render_phrase(word, target)}</th>' for word in sentence.target
    )
    rows = []
    for i, word in enumerate(sentence.source):
        cells = "".join(_render_cell((i, j), sentence, links) for j in range(len(sentence.target)))
        rows.append(f'<tr><th scope="row">{render_phrase(word, source)}</th>{cells}</tr>')
    body = "\n".join(rows)
    direction = "rtl" if is_rtl(" ".join(sentence.target)) else "ltr"
    right, wrong = len(links & sentence.gold.allowed), len(links - sentence.gold.allowed)
    missed = len(sentence.gold.sure - links)
    label = escape(f"{name}: alignment of {source} and {target}")
    return (
        f"<h4>{escape(name)}</h4>"
        # the box has the direction, too: on a phone it shows the side that reading begins on
        f'<div class="scroll" dir="{direction}" role="region" tabindex="0" aria-label="{label}">'
        f'<table class="matrix" dir="{direction}"><caption class="hidden">{label}</caption>\n'
        f"<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        f'<p class="note">{right} allowed, {wrong} wrong, {missed} sure missed</p>'
    )


def _render_cell(link: Link, sentence: AlignedSentence, links: frozenset[Link]) -> str:
    gold = "sure" if link in sentence.gold.sure else ""
    gold = gold or ("possible" if link in sentence.gold.possible else "")
    if not gold and link not in links:
        return "<td></td>"
    label = ", ".join(filter(None, (gold, "found" if link in links else "missed")))
    label = label if gold else "wrong"
    sign = _SIGNS[bool(gold)] if link in links else ""
    return f'<td class="{gold or "wrong"}"><span role="img" aria-label="{label}">{sign}</span></td>'

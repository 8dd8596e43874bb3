"""Links as lines of files, in the formats that ``crosszero align`` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from crosszero.align.spans import CutText, ScoredLink

LinkFormat = Literal["pharaoh", "scores", "jsonl"]


def spell_links(
    source: CutText, target: CutText, links: Sequence[ScoredLink], kind: LinkFormat
) -> str:
    """Write the links of a pair of texts as one line, without its end.

    Args:
        source, target: the texts.
        links: between their words.
        kind: ``pharaoh`` (``0-0 1-2``), ``scores`` (``0-0:0.98 1-2:0.71``) or ``jsonl`` (the words
            with their characters, and the links with their scores).

    Example:
        >>> from crosszero.align.spans import from_words
        >>> text = from_words(["ein"])
        >>> spell_links(text, text, [ScoredLink(0, 0, 0.98)], "scores")
        '0-0:0.980'
    """
    if kind == "pharaoh":
        return " ".join(f"{i}-{j}" for i, j, _ in links)
    if kind == "scores":
        return " ".join(f"{i}-{j}:{score:.3f}" for i, j, score in links)
    return json.dumps(make_row(source, target, links), ensure_ascii=False)


def count_links(line: str, kind: LinkFormat) -> int:
    """Count the links on a line that :func:`spell_links` has written.

    Example:
        >>> count_links("0-0:0.980 1-2:0.710", "scores")
        2
    """
    return len(json.loads(line)["links"] if kind == "jsonl" else line.split())


def make_row(source: CutText, target: CutText, links: Sequence[ScoredLink]) -> dict[str, Any]:
    """Give the row that stands for a pair of texts in JSONL."""
    return {
        "source": source.text,
        "target": target.text,
        "source_words": _list_words(source),
        "target_words": _list_words(target),
        "links": [[i, j, round(score, 3)] for i, j, score in links],
    }


def _list_words(text: CutText) -> list[list[object]]:
    """Each word, its first character and the one behind its last."""
    return [[text.text[start:end], start, end] for start, end in text.spans]

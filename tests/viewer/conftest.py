"""Linked pairs in many scripts, as files and in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

EVIL = "</script><script>document.title='owned'</script>"
TEXTS = {
    ("The house is small.", "Das Haus ist klein."): [[0, 0, 0.98], [1, 1, 0.9], [3, 3, 0.4]],
    (f"An end {EVIL}", "<!-- Ende \u2028 \u0000 &amp;"): [[1, 0, 0.7]],
    ("The weather is good today.", "الطقس جيد اليوم"): [[1, 0, 1], [3, 1, 0.8], [4, 2, 0.25]],
    ("I read 😀 books.", "😀 私は本を読む"): [[0, 0, 0.6], [2, 0, 0.5]],
    ("", "nothing"): [],
    ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "It"): [
        [0, 0, 0.5]
    ],
    (
        "She has never, in all the years that I have known her, been late for a meeting, and I "
        "doubt that she will be late today, whatever may happen to trains and streets.",
        "Sie ist in all den Jahren nie zu spät zu einer Besprechung gekommen, und ich bezweifle, "
        "dass sie heute zu spät kommt, was auch immer mit Zügen und Straßen geschehen mag.",
    ): [[0, 0, 0.9], [4, 3, 0.8], [13, 7, 0.7], [18, 17, 0.9], [30, 28, 0.6]],
}


def make_row(source: str, target: str, links: list[Any]) -> dict[str, Any]:
    """A row as ``crosszero align --format jsonl`` writes it."""
    words = [[[m[0], *m.span()] for m in re.finditer(r"\w+", side)] for side in (source, target)]
    return {
        "source": source, "target": target,
        "source_words": words[0], "target_words": words[1], "links": links,
    }  # fmt: skip


ROWS = [make_row(*texts, links) for texts, links in TEXTS.items()]


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """The rows as a file."""
    path = tmp_path / "links.jsonl"
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

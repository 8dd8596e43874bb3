"""Links in Pharaoh format: ``0-0 1-2``, possible ones ``3p4``, with scores ``0-0:0.98``."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from crosszero.bitext.lines import split_words
from crosszero.errors import DataError, quote

_LINK = re.compile(r"([0-9]{1,9})([-p?])([0-9]{1,9})(?:[:/]([0-9.eE+-]+))?")


class PharaohLink(NamedTuple):
    """One link as it is written.

    Attributes:
        source, target: words, counted as the file counts.
        sure: not a possible one.
        score: as it is written beside the link; ``None`` without.
    """

    source: int
    target: int
    sure: bool
    score: float | None

    def __str__(self) -> str:
        return f"{self.source}{'-' if self.sure else 'p'}{self.target}"


def parse_links(
    path: str | Path, number: int, line: str, *, scores: bool = True
) -> list[PharaohLink]:
    """Read the links of a line.

    Args:
        path, number: file and line, for the message.
        line: links between spaces; an empty one has none.
        scores: whether a link may have one.

    Raises:
        DataError: something on the line is no link.

    Example:
        >>> [str(link) for link in parse_links("x", 1, "0-0 3?4:0.5")]
        ['0-0', '3p4']
    """
    links = []
    for token in split_words(line):
        parts = _LINK.fullmatch(token)
        score = None
        if parts and parts[4]:
            with suppress(ValueError):
                score = float(parts[4])
        if parts is None or (parts[4] and (score is None or not scores)):
            more = " or 3-4:0.98" if scores else " (possible)"
            raise DataError(
                path,
                f"{quote(token)} is not a link: write 3-4 (sure), 3p4 (possible){more}",
                number,
            )
        links.append(PharaohLink(int(parts[1]), int(parts[3]), parts[2] == "-", score))
    return links

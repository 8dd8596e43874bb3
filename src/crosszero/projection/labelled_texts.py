"""Texts with labels, what becomes of those in a translation, and what reads and writes both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from crosszero.align.spans import LinkedPair
from crosszero.projection.linking import Text
from crosszero.projection.rules import Reason


class Labelled(NamedTuple):
    """A text with its labels.

    Attributes:
        text: without them.
        labels: as its format holds them.
        line: where it begins in its file, from 1.
    """

    text: Text
    labels: Any
    line: int


class Lost(NamedTuple):
    """A label that was not carried over.

    Attributes:
        label: its name, tag or opening tag.
        text: what it covered.
        reason: why.
    """

    label: str
    text: str
    reason: Reason


class Carried(NamedTuple):
    """A translation with its labels.

    Attributes:
        lines: to be written.
        placed: labels of the source that have a place.
        lost: the others.
    """

    lines: list[str]
    placed: int
    lost: list[Lost]


class Format(Protocol):
    """One way to hold labels."""

    def read(self, path: str | Path) -> Iterator[Labelled]:
        """Read texts and labels, in constant memory; DataError tells a bad line."""
        ...

    def carry(self, labelled: Labelled, texts: LinkedPair) -> Carried:
        """Carry the labels of one text to its translation; ValueError: that can't be done."""
        ...

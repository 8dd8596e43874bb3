"""Counts of a row group, so that the rows need not be read again to count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from crosszero.samples.sample import Sample

Unit = tuple[Sample, ...]
"""One meaning: a single row, or all rows of a multi-way line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one row group holds."""

    rows: int
    rows_with_words: int  # at least one word pair
    words: int
    units: int  # rows without a group, and groups
    units_with_words: int
    pairs: dict[str, int]  # rows of each language pair, such as en-fr
    finders: dict[str, int]
    languages: frozenset[str]


def cut_units(groups: Iterable[str]) -> Iterator[list[int]]:
    """Cut rows into units: rows of one non-empty group that follow each other are one."""
    for _, rows in groupby(enumerate(groups), key=lambda row: row[1] or row[0]):
        yield [number for number, _ in rows]


def count_samples(samples: Sequence[Sample]) -> Tally:
    """Count the rows of one row group."""
    units = cut_units(sample.group for sample in samples)
    with_words = [any(samples[row].words for row in unit) for unit in units]
    return Tally(
        rows=len(samples),
        rows_with_words=sum(bool(sample.words) for sample in samples),
        words=sum(len(sample.words) for sample in samples),
        units=len(with_words),
        units_with_words=sum(with_words),
        pairs=dict(Counter(f"{s.source_language}-{s.target_language}" for s in samples)),
        finders=dict(Counter(sample.finder for sample in samples)),
        languages=frozenset(c for s in samples for c in (s.source_language, s.target_language)),
    )


def write_counts(counts: Iterable[int]) -> str:
    """Counts of all row groups as one line of text: a JSON list would take a line for each."""
    return " ".join(map(str, counts))


def read_counts(value: Any, limits: Sequence[int]) -> list[int] | None:
    """Read :func:`write_counts`; ``None`` for what can't be counts of row groups of `limits` rows.

    Example:
        >>> read_counts("3 2", [3, 4]), read_counts("3 5", [3, 4]), read_counts(None, [3])
        ([3, 2], None, None)
    """
    if not isinstance(value, str) or not all(part.isdecimal() for part in value.split()):
        return None
    counts = [int(part) for part in value.split()]
    if len(counts) != len(limits) or any(a > b for a, b in zip(counts, limits, strict=True)):
        return None
    return counts

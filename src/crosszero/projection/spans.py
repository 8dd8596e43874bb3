"""Labels over several words (names, marked stretches) carried over as stretches of the target.

A target word belongs to a label if its surest link leads into it. Its words make pieces: there may
be a gap of a few unlinked words in a piece, but no word of others. Labels that share no word in the
source share none in the target: the surer one goes first.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import regex

from crosszero.projection.rules import SPAN_SCORE, Dropped, Label, Reason, Rules

_MARKS = regex.compile(r"[\p{P}\p{S}\p{Default_Ignorable_Code_Point}]+")
ScoredLinks = Sequence[tuple[int, int, float]]
"""Source word, target word (from 0), and how sure the link is, 0 to 1."""


class Projected(NamedTuple):
    """What became of the labels.

    Attributes:
        placed: (number of the given label, label in the target), in the order of the target.
        dropped: labels without place.
    """

    placed: list[tuple[int, Label]]
    dropped: list[Dropped]

    @property
    def labels(self) -> list[Label]:
        """The labels of the target."""
        return [label for _, label in self.placed]


def project_spans(
    labels: Sequence[Label],
    links: ScoredLinks,
    source: Sequence[str],
    target: Sequence[str],
    rules: Rules | None = None,
) -> Projected:
    """Carry labels over words to the translation.

    Args:
        labels: of the source; they may lie in each other, or overlap.
        links: between the words.
        source, target: the words of both texts.
        rules: how gaps, pieces and unsure links are dealt with.

    Returns:
        Labels of the target, and those that have no place there, with the reason. Each given label
        is among the one or the other.

    Raises:
        ValueError: a link or label names a word that is not there.

    Example:
        >>> links = [(0, 1, 0.9), (1, 0, 0.8)]
        >>> project_spans([Label(0, 1, "LOC")], links, ["Paris", "calls"], ["ruft", "Paris"]).labels
        [Label(first=1, end=2, name='LOC')]
    """
    check_links(links, len(source), len(target))
    if any(not 0 <= label.first <= label.end <= len(source) for label in labels):
        raise ValueError("a label lies outside of the words")
    rules = rules or Rules()
    given = _Links(links, rules.least(SPAN_SCORE), len(target))
    candidates, dropped = [], []
    for number, label in enumerate(labels):
        found = _gather(number, label, given, source, target, rules)
        if isinstance(found, _Candidate):
            candidates.append(found)
        else:
            dropped.append(Dropped(number, found))
    owners: list[list[Label]] = [[] for _ in target]
    placed = []
    for candidate in sorted(candidates, key=_Candidate.order):
        label = labels[candidate.number]
        pieces = _place(candidate, label, owners, given, source, target, rules)
        if isinstance(pieces, str):
            dropped.append(Dropped(candidate.number, pieces))
            continue
        for first, end in pieces:
            placed.append((candidate.number, Label(first, end, label.name)))
            for j in range(first, end):
                owners[j].append(label)
    placed.sort(key=lambda row: (row[1].first, -row[1].end, row[0]))
    return Projected(placed, sorted(dropped))


def check_links(links: ScoredLinks, source: int, target: int) -> None:
    """Refuse (ValueError) a link to a word that is not there."""
    for i, j, _ in links:
        if not (0 <= i < source and 0 <= j < target):
            raise ValueError(f"link {i}-{j}, but there are {source} and {target} words")


def is_punctuation(word: str) -> bool:
    """Tell whether a word is made of punctuation, symbols and invisible characters alone."""
    return _MARKS.fullmatch(word) is not None


class _Links:
    """The links that are sure enough, seen from the target."""

    def __init__(self, links: ScoredLinks, least: float, size: int) -> None:
        self.unsure = {i for i, _, score in links if score < least}
        self.of: list[list[tuple[int, float]]] = [[] for _ in range(size)]
        self.from_source: defaultdict[int, list[int]] = defaultdict(list)
        for i, j, score in links:
            if score >= least:
                self.of[j].append((i, score))
                self.from_source[i].append(j)

    def best(self, j: int, label: Label, *, inside: bool) -> float:
        """The score of a target word's surest link into a label, or out of it; -1: none."""
        scores = [s for i, s in self.of[j] if (label.first <= i < label.end) == inside]
        return max(scores, default=-1.0)


class _Candidate(NamedTuple):
    number: int
    members: dict[int, float]  # target words that belong to the label, and how surely

    def order(self) -> tuple[float, int, int]:
        return -sum(self.members.values()) / len(self.members), -len(self.members), self.number


def _gather(
    number: int,
    label: Label,
    links: _Links,
    source: Sequence[str],
    target: Sequence[str],
    rules: Rules,
) -> _Candidate | Reason:
    """Find the target words that belong to a label."""
    if label.first == label.end:
        return "no word"
    inside = range(label.first, label.end)
    reached = {j for i in inside for j in links.from_source.get(i, ())}
    into = {j: links.best(j, label, inside=True) for j in reached}
    members = {j: s for j, s in into.items() if s >= links.best(j, label, inside=False)}
    counted = {i for i in inside if not is_punctuation(source[i])} or set(inside)
    linked = {i for j in members for i, _ in links.of[j] if i in counted}
    if members and len(linked) / len(counted) < rules.coverage:
        return "coverage"
    if members:
        return _Candidate(number, members)
    if into:
        return "outvoted"
    copy = _find_copy(source[label.first : label.end], target) if rules.copies else None
    if copy is not None and not any(links.of[j] for j in copy):
        return _Candidate(number, dict.fromkeys(copy, 0.0))
    return "unsure" if any(i in links.unsure for i in inside) else "unlinked"


def _find_copy(words: Sequence[str], target: Sequence[str]) -> range | None:
    """Where words stand in the target as they are, if it is in one place."""
    wanted, given = ([unicodedata.normalize("NFC", w) for w in side] for side in (words, target))
    size = len(wanted)
    found = [j for j in range(len(given) - size + 1) if given[j : j + size] == wanted]
    return range(found[0], found[0] + size) if len(found) == 1 else None


def _place(
    candidate: _Candidate,
    label: Label,
    owners: Sequence[Sequence[Label]],
    links: _Links,
    source: Sequence[str],
    target: Sequence[str],
    rules: Rules,
) -> list[tuple[int, int]] | Reason:
    """Make pieces of the target of a label's words, and choose among them."""

    def is_taken(j: int) -> bool:
        return any(o.end <= label.first or label.end <= o.first for o in owners[j])

    members = {j: score for j, score in candidate.members.items() if not is_taken(j)}
    if not members:
        return "overlap"

    def is_open(first: int, end: int) -> bool:
        """Whether the words between two members may belong to the label."""
        between = range(first, end)
        if rules.broken == "join":
            return not any(map(is_taken, between))
        words = sum(not is_punctuation(target[j]) for j in between)
        return words <= rules.gap and not any(links.of[j] or is_taken(j) for j in between)

    pieces = list(_join(sorted(members), is_open))
    if len(pieces) > 1 and rules.broken == "drop":
        return "broken"
    if len(pieces) > 1 and rules.broken != "split":

        def weight(piece: tuple[int, int]) -> tuple[int, float, int]:
            inside = [members[j] for j in range(*piece) if j in members]
            return len(inside), sum(inside), -piece[0]

        pieces = [max(pieces, key=weight)]

    def is_free(j: int) -> bool:
        return is_punctuation(target[j]) and not links.of[j] and not is_taken(j)

    kept = [_fit_edges(piece, label, source, target, is_free) for piece in pieces]
    kept = [(first, end) for first, end in kept if first < end]
    return _part(kept) or "punctuation"


def _join(members: Sequence[int], is_open: Callable[[int, int], bool]) -> Iterator[tuple[int, int]]:
    first = members[0]
    for one, other in pairwise(members):
        if not is_open(one + 1, other):
            yield first, one + 1
            first = other
    yield first, members[-1] + 1


def _part(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Have no word in two pieces: both may have taken in the punctuation between them."""
    parted: list[tuple[int, int]] = []
    for first, end in pieces:
        first = max(first, parted[-1][1]) if parted else first
        if first < end:
            parted.append((first, end))
    return parted


def _fit_edges(
    piece: tuple[int, int],
    label: Label,
    source: Sequence[str],
    target: Sequence[str],
    is_free: Callable[[int], bool],
) -> tuple[int, int]:
    """Take punctuation in at an edge if the source's label has some there, else leave it out."""
    first, end = piece
    inside = source[label.first : label.end]
    before, behind = _count_marks(inside), _count_marks(inside[::-1])
    if not before:
        while first < end and is_punctuation(target[first]):
            first += 1
    if not behind:
        while first < end and is_punctuation(target[end - 1]):
            end -= 1
    if before == len(inside):
        return first, end  # nothing but punctuation
    before -= _count_marks(target[first:end])
    behind -= _count_marks(target[first:end][::-1])
    while before > 0 and first > 0 and is_free(first - 1):
        first, before = first - 1, before - 1
    while behind > 0 and end < len(target) and is_free(end):
        end, behind = end + 1, behind - 1
    return first, end


def _count_marks(words: Sequence[str]) -> int:
    """Count the punctuation that words begin with."""
    count = 0
    while count < len(words) and is_punctuation(words[count]):
        count += 1
    return count

"""Spans of tags, whose F1 is the number that XTREME gives for UDPOS and PANX.

XTREME calls seqeval, whose reading of a tag changed between its versions; here it is that of
**seqeval 1.2.2** in its default mode, and its micro average. The first letter of a tag says how it
joins its neighbours (B begin, I inside, E end, S single, O outside), what follows is the kind of
the span. That is meant for ``B-LOC``, but it is applied to any tag:

- ``NOUN`` is letter N and kind ``OUN``: adjacent nouns are one span, right only as a whole.
- ``CCONJ`` and ``SCONJ`` are of one kind; S makes each ``SCONJ`` a span of its own.
- ``X`` and ``_`` have the kind of ``O``: between tags outside they are no span at all.

Letters other than those named neither open nor close a span; only a change of kind does. So a tag
may close a span that none opened; it then reaches back to where the last one opened, which may be
in an earlier sentence. This is odd, but it is part of the published numbers.

Source: the behaviour of seqeval 1.2.2 (https://github.com/chakki-works/seqeval), which follows the
evaluation of the CoNLL-2000 shared task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from crosszero.errors import CrosszeroError
from crosszero.search.gold_threshold import PairScore, score_pairs


class TagSpan(NamedTuple):
    """A run of words of one kind.

    Attributes:
        kind: such as ``LOC``, or ``OUN`` for a tag that has no prefix.
        first, last: places of its first and last word, counted from 0 over all sentences with one
            empty place after each sentence.
    """

    kind: str
    first: int
    last: int


class _Tag(NamedTuple):
    letter: str
    kind: str


def find_spans(sentences: Iterable[Sequence[str]]) -> set[TagSpan]:
    """Find the spans of tagged sentences, as seqeval 1.2.2 does.

    Args:
        sentences: the tags of each sentence.

    Raises:
        CrosszeroError: a tag is empty.

    Example:
        >>> sorted(find_spans([["B-LOC", "I-LOC", "O"], ["I-PER"]]))
        [TagSpan(kind='LOC', first=0, last=1), TagSpan(kind='PER', first=4, last=4)]
        >>> sorted(find_spans([["NOUN", "NOUN", "DET"]]))
        [TagSpan(kind='ET', first=2, last=2), TagSpan(kind='OUN', first=0, last=1)]
    """
    spans = set()
    place = start = 0
    before = _part("O")
    for sentence in sentences:
        for tag in (*sentence, "O"):
            after = _part(tag)
            if _closes(before, after):
                spans.add(TagSpan(before.kind, start, place - 1))
            if _opens(before, after):
                start = place  # kept when a span closes, and across sentences: see the module
            before = after
            place += 1
    return spans


def score_spans(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> PairScore:
    """Score predicted tags by their spans: precision, recall and F1 as of seqeval 1.2.2.

    Args:
        predicted: the tags of each sentence.
        gold: as many sentences with as many tags each.

    Raises:
        CrosszeroError: the numbers of sentences or of tags differ, or a tag is empty.

    Example:
        >>> score_spans([["B-LOC", "O"]], [["B-LOC", "B-PER"]]).f1
        0.6666666666666666
    """
    if len(predicted) != len(gold):
        raise CrosszeroError(f"tags of {len(predicted)} sentences for {len(gold)} gold sentences")
    for number, (given, needed) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(given) != len(needed):
            raise CrosszeroError(f"sentence {number}: {len(given)} tags for {len(needed)} words")
    return score_pairs(find_spans(predicted), find_spans(gold))


def _closes(before: _Tag, after: _Tag) -> bool:
    """Whether a span ends between two neighbours."""
    if before.letter in ("E", "S"):
        return True
    if before.letter in ("O", "."):
        return False
    if before.kind != after.kind:
        return True
    return before.letter in ("B", "I") and after.letter in ("B", "S", "O")


def _opens(before: _Tag, after: _Tag) -> bool:
    """Whether a span begins between two neighbours."""
    if after.letter in ("B", "S"):
        return True
    if after.letter in ("O", "."):
        return False
    if before.kind != after.kind:
        return True
    return after.letter in ("I", "E") and before.letter in ("E", "S", "O")


@lru_cache(maxsize=4096)
def _part(tag: str) -> _Tag:
    if not tag:
        raise CrosszeroError("a tag is empty; write O for a word outside of all spans")
    rest, dash, kind = tag[1:].partition("-")
    # what stands before the first hyphen belongs to the prefix, were it longer than a letter
    return _Tag(tag[0], (kind if dash else rest) or "_")

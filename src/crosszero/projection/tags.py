"""A tag for each word: parts of speech, and spans written as BIO, BIOES, BILOU or IO."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from crosszero.projection.rules import Dropped, Label, Reason
from crosszero.projection.spans import ScoredLinks, check_links

Scheme = Literal["bio", "bioes", "bilou", "io"]
UNLINKED = "_"
"""Tag of a word without link."""
_LETTERS: dict[str, tuple[str, ...]] = {  # of the first, an inner, the last and a single word
    "bio": ("B", "I", "I", "B"),
    "bioes": ("B", "I", "E", "S"),
    "bilou": ("B", "I", "L", "U"),
}
_TAG = re.compile(r"([BIESLUM])-(.+)")
_NAMED = re.compile(r"[BIESLUM]-\w")  # but for parts of speech such as S----1-S--
_UNIVERSAL = {
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
}  # fmt: skip


def are_spans(tags: Iterable[str]) -> bool:
    """Tell tags of spans (``B-LOC``, ``O``) from those of words.

    Example:
        >>> are_spans(["O", "B-LOC"]), are_spans(["NOUN", "O"])
        (True, False)
    """
    return all(tag == "O" or _TAG.fullmatch(tag) for tag in tags)


def find_scheme(tags: Sequence[str]) -> Scheme | None:
    """Tell how spans are written, by the letters of their tags; ``None``: they are tags of words.

    Names beside ``O`` are IO, unless they are as often as ``O`` and may be parts of speech: those
    of Universal Dependencies, or of one or two letters.

    Raises:
        ValueError: they are spans in a notation that is not read.

    Example:
        >>> find_scheme(["O", "B-LOC", "E-LOC"]), find_scheme(["O", "O", "LOC"])
        ('bioes', 'io')
    """
    counts = Counter(tags)
    if any(tag[:1] == "(" and tag.endswith(("*", ")")) and len(tag) > 1 for tag in counts):
        raise ValueError("tags with brackets, as (LOC*, are not read: write B-LOC, I-LOC and O")
    if {tag[:2] for tag in counts} & {"b-", "i-"} and "o" in counts:
        raise ValueError("tags in small letters are not read: write B-LOC, I-LOC and O")
    named = {tag for tag in counts if tag != "O" and not _TAG.fullmatch(tag)}
    letters = {tag[0] for tag in counts if _NAMED.match(tag)}
    if named and not letters:
        often = counts["O"] > max(counts[tag] for tag in named)
        names = all(len(tag) > 2 for tag in named) and not named & _UNIVERSAL
        return "io" if "O" in counts and (often or names) else None
    if letters & set("LU"):
        return "bilou"
    return "bioes" if letters & set("ES") else "bio"


def read_tags(tags: Sequence[str], scheme: Scheme = "bio") -> list[Label]:
    """Read the spans of a sentence; what was never opened opens itself.

    Args:
        tags: of its words.
        scheme: ``io``, where words of one name that stand together are one span; of the others any.

    Raises:
        ValueError: a tag belongs to no scheme.

    Example:
        >>> read_tags(["B-LOC", "I-LOC", "O", "I-PER"])
        [Label(first=0, end=2, name='LOC'), Label(first=3, end=4, name='PER')]
    """
    if scheme == "io":
        return _read_names(tags)
    labels: list[Label] = []
    is_open = False
    for place, tag in enumerate(tags):
        parts = _TAG.fullmatch(tag)
        if parts is None:
            if tag != "O":
                raise ValueError(f"{tag!r} is not the tag of a span: write B-LOC, I-LOC or O")
            is_open = False
            continue
        letter, name = parts.groups()
        if is_open and letter in "IEML" and labels[-1].name == name:
            labels[-1] = labels[-1]._replace(end=place + 1)
        else:
            labels.append(Label(place, place + 1, name))
        is_open = letter in "BIM"
    return labels


def _read_names(tags: Sequence[str]) -> list[Label]:
    labels: list[Label] = []
    for place, tag in enumerate(tags):
        if tag != "O" and place and tags[place - 1] == tag:
            labels[-1] = labels[-1]._replace(end=place + 1)
        elif tag != "O":
            labels.append(Label(place, place + 1, tag))
    return labels


def write_tags(labels: Iterable[Label], size: int, scheme: Scheme = "bio") -> list[str]:
    """Write spans that share no word as the tags of a sentence.

    Args:
        labels: the spans.
        size: words of the sentence.
        scheme: ``bio``, ``bioes``, ``bilou`` or ``io``.

    Example:
        >>> write_tags([Label(0, 2, "LOC")], 3, "bioes")
        ['B-LOC', 'E-LOC', 'O']
    """
    tags = ["O"] * size
    for label in labels:
        if scheme == "io":
            tags[label.first : label.end] = [label.name] * (label.end - label.first)
            continue
        begin, inside, end, single = _LETTERS[scheme]
        for place in range(label.first, label.end):
            opens, closes = place == label.first, place == label.end - 1
            letter = single if opens and closes else begin if opens else end if closes else inside
            tags[place] = f"{letter}-{label.name}"
    return tags


def project_tags(
    tags: Sequence[str],
    links: ScoredLinks,
    size: int,
    *,
    min_score: float = 0.0,
    unlinked: str = UNLINKED,
) -> tuple[list[str], list[Dropped]]:
    """Give each target word the tag of the source word that it is most surely linked to.

    Args:
        tags: of the source words.
        links: between the words; a source word may give its tag to several.
        size: words of the target.
        min_score: links with a lower score count as none.
        unlinked: tag of a target word without link.

    Returns:
        The tags, and the source words whose tag went nowhere.

    Raises:
        ValueError: a link names a word that is not there.

    Example:
        >>> project_tags(["DET", "NOUN"], [(1, 0, 0.9)], 1)
        (['NOUN'], [Dropped(number=0, reason='unlinked')])
    """
    check_links(links, len(tags), size)
    best: dict[int, tuple[float, int]] = {}
    for i, j, score in links:
        if score >= min_score:
            best[j] = max(best.get(j, (-1.0, 0)), (score, -i))  # of equals the first word
    givers = {-i for _, i in best.values()}
    sure = {i for i, _, score in links if score >= min_score}
    any_link = {i for i, _, _ in links}
    dropped = []
    for i in range(len(tags)):
        if i not in givers:
            reason: Reason = "outvoted" if i in sure else "unsure" if i in any_link else "unlinked"
            dropped.append(Dropped(i, reason))
    return [tags[-best[j][1]] if j in best else unlinked for j in range(size)], dropped

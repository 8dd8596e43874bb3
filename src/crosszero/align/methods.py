"""Which method links words, by which unit, from which score on: names that a command can carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypedDict, get_args

import numpy as np

from crosszero.align.calibration import calibrate
from crosszero.align.eflomal import Symmetrisation
from crosszero.align.hmm import follow
from crosszero.align.links import (
    Scores,
    Similarity,
    argmax,
    compare_words,
    itermax,
    join_parts,
    softmax,
    transport,
)
from crosszero.align.subtokens import Parts, word_vectors
from crosszero.errors import ConfigError, quote, suggest
from crosszero.search.neighbours import AnyFloats

Method = Literal["argmax", "itermax", "softmax", "ot", "hmm", "statistical", "combined"]
METHOD: Method = "hmm"
"""Where nobody says otherwise."""
Unit = Literal["subtoken", "word", "both"]


class ScoredLink(NamedTuple):
    """Two words that mean the same, by their numbers from 0, and how sure that is, from 0 to 1."""

    source: int
    target: int
    score: float


class _Way(NamedTuple):
    """How a method works.

    Attributes:
        link: from similarities to scores.
        centred: whether the mean of a sentence is taken from its vectors first. It is most of what
            the vectors of some encoders consist of, and tells nothing about the word.
        unit, threshold: what is best; chosen on gold links of several language pairs.
    """

    link: Callable[[Similarity], Scores]
    centred: bool
    unit: Unit
    threshold: float


_WAYS: dict[Method, _Way] = {
    "argmax": _Way(argmax, False, "subtoken", 0.0),
    "itermax": _Way(itermax, False, "subtoken", 0.0),
    "softmax": _Way(softmax, True, "both", 0.5),
    "ot": _Way(transport, True, "both", 0.5),
    "hmm": _Way(follow, True, "both", 0.5),
    "combined": _Way(follow, True, "both", 0.5),
}


class LinkOptions(TypedDict, total=False):
    """The settings of :class:`LinkConfig`, as keywords."""

    method: Method
    unit: Unit | None
    threshold: float | None
    symmetrisation: Symmetrisation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkConfig:
    """How words are linked.

    Attributes:
        method: ``argmax`` and ``itermax`` (each other's nearest, as simalign links), ``softmax``
            (as awesome-align), ``ot`` (optimal transport), ``hmm`` (similarity and where the links
            of the neighbours are), ``statistical`` (counts of the text itself, no encoder) or
            ``combined`` (``hmm`` with these counts).
        unit: compare sub-tokens (words are linked if any of theirs are), whole words, or both (the
            mean of a word's similarity and of its most similar sub-tokens'); none: what suits the
            method.
        threshold: smallest score of a link, 0 to 1; none: what suits the method.
        symmetrisation: of methods that see links from either side by itself, ``argmax`` and
            ``statistical``: ``intersection``, ``union`` or ``grow-diag-final-and``; none:
            ``intersection`` of ``argmax``, ``grow-diag-final-and`` of ``statistical``.

    Raises:
        ConfigError: a value is unknown or out of range, or method and unit do not go together.
    """

    method: Method = METHOD
    unit: Unit | None = None
    threshold: float | None = None
    symmetrisation: Symmetrisation | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("method", self.method, get_args(Method)),
            ("unit", self.unit, (*get_args(Unit), None)),
            ("symmetrisation", self.symmetrisation, (*get_args(Symmetrisation), None)),
        ):
            if value not in known:
                names = [choice for choice in known if choice]
                raise ConfigError(f"{name}: {quote(value)} given; {suggest(str(value), names)}")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold: {self.threshold} given; it must lie between 0 and 1")
        if self.symmetrisation is not None and self.method not in ("argmax", "statistical"):
            raise ConfigError(
                f"symmetrisation: {self.symmetrisation} given; method {self.method} links both "
                "directions at once: only argmax and statistical have one"
            )
        if self.method == "statistical" and self.unit not in (None, "word"):
            raise ConfigError(f"unit: {self.unit} given; the statistical aligner links whole words")
        if self.method == "combined" and self.unit == "subtoken":
            raise ConfigError(
                "unit: subtoken given; method combined joins similarities with word counts: give "
                "word or both"
            )


def link_parts(
    source: Parts, target: Parts, config: LinkConfig, *, fit: Scores | None = None
) -> list[ScoredLink]:
    """Link the words of a sentence and of its translation.

    Args:
        source, target: what an encoder saw of them.
        config: how; not the statistical method, which needs no encoder.
        fit: (source words, target words) how well two words fit by counts, for ``combined``.

    Returns:
        The links in the order of the source.

    Raises:
        CrosszeroError: a vector is not finite.

    Example:
        >>> parts = as_parts(np.eye(2))
        >>> link_parts(parts, parts, LinkConfig(method="argmax"))[0][:2]
        (0, 0)
    """
    scores = calibrate(score_links(source, target, config, fit=fit), config.method)
    threshold = get_threshold(config.method) if config.threshold is None else config.threshold
    kept = zip(*np.nonzero((scores > 0) & (scores >= threshold)), strict=True)
    return [ScoredLink(int(i), int(j), float(scores[i, j])) for i, j in kept]


def get_threshold(method: Method) -> float:
    """Give the smallest score of a link where nobody says otherwise."""
    return 0.0 if method == "statistical" else _WAYS[method].threshold


def score_links(
    source: Parts, target: Parts, config: LinkConfig, *, fit: Scores | None = None
) -> Scores:
    """Give the scores of all possible links, as the method makes them: (source, target words)."""
    way = _WAYS[config.method]
    link = way.link
    if config.symmetrisation is not None:
        link = partial(argmax, how=config.symmetrisation)
    unit = config.unit or way.unit
    found = np.zeros((len(source), len(target)), np.float32)
    left, right = (np.flatnonzero(side.ends > side.starts) for side in (source, target))
    if not (len(left) and len(right)):
        return found
    if unit == "subtoken":
        scores = link(compare_parts(source.vectors, target.vectors, centred=way.centred))
        return join_parts(scores, (source.starts, source.ends), (target.starts, target.ends))
    one, other = (word_vectors(side)[seen] for side, seen in ((source, left), (target, right)))
    similarity = compare_parts(one, other, centred=way.centred)
    if unit == "both":
        parts = compare_parts(source.vectors, target.vectors, centred=way.centred) + 1
        sides = ((side.starts, side.ends) for side in (source, target))
        best = join_parts(parts, *sides)[np.ix_(left, right)] - 1
        similarity = ((similarity + best) / 2).astype(np.float32)
    places = np.ix_(left, right)
    if fit is None:
        found[places] = link(similarity)
    else:
        found[places] = follow(similarity, fit[places])
    return found


def compare_parts(source: AnyFloats, target: AnyFloats, *, centred: bool) -> Similarity:
    """Cosines of all parts; of one that is all zeros 0."""
    if centred and min(len(source), len(target)) > 1:
        source, target = (side - side.mean(axis=0) for side in (source, target))
    return np.nan_to_num(compare_words(source, target), nan=0.0)

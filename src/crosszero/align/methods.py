"""How words are linked: method, unit and threshold, by the names that the command line uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Literal, NamedTuple, TypedDict, get_args

import numpy as np

from crosszero.align.blocks import (
    CELLS,
    Side,
    Unit,
    are_on_device,
    compare_sides,
    cut_blocks,
    join_parts,
    stack,
)
from crosszero.align.calibration import calibrate
from crosszero.align.eflomal import Symmetrisation
from crosszero.align.hmm import follow
from crosszero.align.similarity import OUTSIDE, Scores, Similarity
from crosszero.align.similarity_methods import argmax, itermax, softmax, transport
from crosszero.align.spans import ScoredLink
from crosszero.align.subtokens import Parts
from crosszero.errors import ConfigError, quote, suggest

Method = Literal["argmax", "itermax", "softmax", "ot", "hmm", "statistical", "combined"]
METHOD: Method = "hmm"
"""The default."""
Pair = tuple[Parts, Parts]


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
    pairs: Sequence[Pair],
    config: LinkConfig,
    fits: Sequence[Scores] | None = None,
) -> list[list[ScoredLink]]:
    """Link the words of sentences to those of their translations.

    Args:
        pairs: what an encoder saw of them.
        config: how; not the statistical method, which needs no encoder.
        fits: of each pair (source words, target words) how well two words fit by counts, for
            ``combined``.

    Returns:
        The links of each pair in the order of the source.

    Raises:
        CrosszeroError: a vector is not finite.

    Example:
        >>> from crosszero.align.subtokens import as_parts
        >>> parts = as_parts(np.eye(2, dtype=np.float32))
        >>> link_parts([(parts, parts)], LinkConfig(method="argmax"))[0][0][:2]
        (0, 0)
    """
    threshold = get_threshold(config.method) if config.threshold is None else config.threshold
    found: list[list[ScoredLink]] = [[] for _ in pairs]
    for members, sides, scores in _score_blocks(pairs, config, fits):
        scores = calibrate(scores, config.method)
        places, *words = np.nonzero((scores > 0) & (scores >= threshold))
        ends = (side.numbers[places, i].tolist() for side, i in zip(sides, words, strict=True))
        links = map(ScoredLink, *ends, scores[places, *words].tolist())
        counts = np.bincount(places, minlength=len(members)).tolist()
        for number, count in zip(members, counts, strict=True):
            found[number] = list(islice(links, count))
    return found


def get_threshold(method: Method) -> float:
    """Give the smallest score of a link where nobody says otherwise."""
    return 0.0 if method == "statistical" else _WAYS[method].threshold


def score_links(
    pairs: Sequence[Pair],
    config: LinkConfig,
    fits: Sequence[Scores] | None = None,
) -> list[Scores]:
    """Give the scores of all possible links, as the method makes them: (source, target words)."""
    found = [np.zeros((len(source), len(target)), np.float32) for source, target in pairs]
    for members, sides, scores in _score_blocks(pairs, config, fits):
        for place, number in enumerate(members):
            words = [side.numbers[place, : side.counts[place]] for side in sides]
            found[number][np.ix_(*words)] = scores[place, : len(words[0]), : len(words[1])]
    return found


def _score_blocks(
    pairs: Sequence[Pair], config: LinkConfig, fits: Sequence[Scores] | None
) -> Iterator[tuple[list[int], tuple[Side, Side], Scores]]:
    """For each block the numbers of its pairs, their words and the scores of all possible links."""
    way = _WAYS[config.method]
    link = partial(argmax, how=config.symmetrisation) if config.symmetrisation else way.link
    unit = config.unit or way.unit
    compared = (_compare(pairs, members, unit, way.centred) for members in cut_blocks(pairs))
    for blocks in _group(compared):
        similarity = stack([block.similarity for block in blocks], OUTSIDE)
        if fits is None:
            scores = link(similarity)
        else:
            scores = follow(similarity, stack([block.spread(fits) for block in blocks], 0))
        scores[similarity == OUTSIDE] = 0
        start = 0
        for members, sides, one in blocks:
            end, (_, rows, columns) = start + len(members), one.shape
            found = scores[start:end, :rows, :columns]
            yield members, sides, join_parts(found, *sides) if unit == "subtoken" else found
            start = end


class _Compared(NamedTuple):
    """A block: the numbers of its pairs, their words, and how alike their parts or words are."""

    members: list[int]
    sides: tuple[Side, Side]
    similarity: Similarity

    def spread(self, fits: Sequence[Scores]) -> Scores:
        """Put what is known of all words of each pair into the shape of the block."""
        found = np.zeros(self.similarity.shape, np.float32)
        for place, number in enumerate(self.members):
            words = [side.numbers[place, : side.counts[place]] for side in self.sides]
            found[place, : len(words[0]), : len(words[1])] = fits[number][np.ix_(*words)]
        return found


def _compare(pairs: Sequence[Pair], members: list[int], unit: Unit, centred: bool) -> _Compared:
    chosen = [[pairs[n][side] for n in members] for side in (0, 1)]
    left, right = map(Side.of, chosen)
    compare = compare_sides
    if are_on_device(pairs[n] for n in members):
        from crosszero.align.accelerated import compare_there as compare
    words, parts = compare(chosen, (left, right), unit=unit, centred=centred)
    if words is None or parts is None:
        found = parts if words is None else words
        assert found is not None
        return _Compared(members, (left, right), found)
    best = join_parts(parts, left, right)
    similarity = np.where(words == OUTSIDE, words, (words + best) / 2)
    return _Compared(members, (left, right), similarity)


def _group(blocks: Iterable[_Compared]) -> Iterator[list[_Compared]]:
    """Put blocks together for methods, which are quicker at a few large ones.

    A block is small because vectors are large; of their similarities many times more fit a cache.
    """
    group, pairs, shape = list[_Compared](), 0, (0, 0)
    for block in blocks:
        count, *size = block.similarity.shape
        wider = max(shape[0], size[0]), max(shape[1], size[1])
        if group and (pairs + count) * wider[0] * wider[1] > CELLS:
            yield group
            group, pairs, wider = [], 0, (size[0], size[1])
        group.append(block)
        pairs, shape = pairs + count, wider
    if group:
        yield group

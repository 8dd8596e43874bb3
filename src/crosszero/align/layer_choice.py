"""Which layer of an encoder links the words of these texts best, chosen without any gold.

In the best layer, nearest words are most often mutual, and the links are most often those that a
statistical aligner finds in the same texts. On
multilingual-e5-small and five language pairs the layer that is chosen so is within 0.6 points of
alignment error of the best one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

import numpy as np

from crosszero.align.corpus import Corpus, count_words
from crosszero.align.eflomal import TwoWayModel, fits
from crosszero.align.similarity import Similarity, compare_parts
from crosszero.align.spans import CutText, Link, Span
from crosszero.align.subtokens import Parts, word_vectors
from crosszero.errors import ConfigError, count_things

_LOOK, _FEW = 200, 20  # pairs on which a layer is chosen, at most and at least
_CLOSE = 0.98  # share of the best agreement from which on the deepest layer counts
_log = logging.getLogger("crosszero")


class LayeredEncoder(Protocol):
    """An encoder of which every layer can be read."""

    def encode_subtoken_layers(
        self, texts: list[str], spans: list[list[Span]], layers: Sequence[int | None]
    ) -> Sequence[Sequence[Parts]]:
        """Give the sub-tokens of each text in each layer."""
        ...


def find_layer(
    encoder: LayeredEncoder,
    corpus: Corpus,
    layers: Sequence[int],
    statistics: TwoWayModel | None = None,
) -> int | None:
    """Choose a layer on the first 200 pairs, and tell how well each one does.

    Args:
        encoder: gives the vectors.
        corpus: what is to be linked.
        layers: among which to choose.
        statistics: trained on such texts; none: it is trained now, if `corpus` is a file.

    Returns:
        The layer, or ``None`` if there are too few texts to choose by, or none that tell.

    Raises:
        ConfigError: the corpus can be read only once.
    """
    if not corpus.can_be_read_again:
        raise ConfigError("--layer auto: standard input can't be read twice; give a file")
    if statistics is None and not corpus.given:
        statistics = count_words(corpus)
    sources, targets = zip(*islice(corpus, _LOOK), strict=True)
    if len(sources) < _FEW:
        _log.warning(
            "--layer auto: %s too few to choose a layer, %d are needed; using the default",
            count_things(len(sources), "text is", "texts are"),
            _FEW,
        )
        return None
    found = measure_layers(encoder, sources, targets, layers, statistics)
    if not any(found):
        _log.warning("--layer auto: in no layer do the links agree; using the default")
        return None
    chosen = choose_layer(layers, found)
    table = ", ".join(f"{n}: {value:.3f}" for n, value in zip(layers, found, strict=True))
    _log.info("agreement by layer: %s; layer %d is read", table, chosen)
    return chosen


def measure_layers(
    encoder: LayeredEncoder,
    sources: Sequence[CutText],
    targets: Sequence[CutText],
    layers: Sequence[int],
    statistics: TwoWayModel | None = None,
) -> list[float]:
    """Measure how well the links of each layer agree.

    Args:
        encoder: gives the vectors.
        sources, targets: some hundred texts and their translations.
        layers: which to measure.
        statistics: trained on such texts; its agreement counts, too.

    Returns:
        For each layer the agreement (F1) of the links seen from the source with those seen from the
        target, times that of what both see with the statistical aligner, 0 to 1. Texts that are too
        long for that aligner, or all where it has counted nothing, are left out of the second.
    """
    counted: dict[int, set[Link]] = {}
    if statistics is not None and not statistics.empty:
        rows = [(a.keys, b.keys) for a, b in zip(sources, targets, strict=True)]
        for number, (row, links) in enumerate(zip(rows, statistics.align(rows), strict=True)):
            if fits(*row):
                counted[number] = set(links)
    left, right = (
        encoder.encode_subtoken_layers(
            [text.text for text in side], [text.spans for text in side], layers
        )
        for side in (sources, targets)
    )
    found = []
    for place in range(len(layers)):
        forth, back = [], []
        for one, other in zip(left, right, strict=True):
            vectors = word_vectors(one[place]), word_vectors(other[place])
            similarity = compare_parts(*vectors)
            forth.append(_find_nearest(similarity))
            back.append({(i, j) for j, i in _find_nearest(similarity.T)})
        agreement = _agree(forth, back)
        if counted:
            both = [forth[number] & back[number] for number in counted]
            agreement *= _agree(both, list(counted.values()))
        found.append(agreement)
    return found


def choose_layer(layers: Sequence[int], agreements: Sequence[float]) -> int:
    """Choose the deepest layer that agrees almost as well as the best one.

    Example:
        >>> choose_layer([5, 6, 7, 8], [0.53, 0.54, 0.535, 0.50])
        7
    """
    least = _CLOSE * max(agreements)
    return max(layer for layer, value in zip(layers, agreements, strict=True) if value >= least)


def _find_nearest(similarity: Similarity) -> set[Link]:
    if not similarity.size:
        return set()
    return set(enumerate(np.argmax(similarity, axis=1).tolist()))


def _agree(first: Sequence[set[Link]], second: Sequence[set[Link]]) -> float:
    same = sum(len(a & b) for a, b in zip(first, second, strict=True))
    every = sum(len(a) + len(b) for a, b in zip(first, second, strict=True))
    return 2 * same / every if every else 0.0

"""Which layer of an encoder links the words of these texts best, told without any gold.

Where words are best compared, the nearest word of the target has the source word as its nearest,
too, and the links are more often those that a statistical aligner finds in the same texts. On
multilingual-e5-small and five language pairs the layer that is chosen so is within 0.6 points of
alignment error of the best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from crosszero.align.eflomal import TwoWayModel
from crosszero.align.similarity import Similarity, compare_parts
from crosszero.align.spans import CutText, Link, Span
from crosszero.align.subtokens import Parts, word_vectors

_CLOSE = 0.98  # share of the best agreement from which on the deepest layer counts


class LayeredEncoder(Protocol):
    """An encoder of which every layer can be read."""

    def encode_subtoken_layers(
        self, texts: list[str], spans: list[list[Span]], layers: Sequence[int | None]
    ) -> Sequence[Sequence[Parts]]:
        """Give the sub-tokens of each text in each layer."""
        ...


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
        target, times that of what both see with the statistical aligner, 0 to 1.
    """
    counted: list[set[Link]] = [set() for _ in sources]
    if statistics is not None:
        rows = [(a.keys, b.keys) for a, b in zip(sources, targets, strict=True)]
        counted = [set(links) for links in statistics.align(rows)]
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
        if statistics is not None:
            both = [a & b for a, b in zip(forth, back, strict=True)]
            agreement *= _agree(both, counted)
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

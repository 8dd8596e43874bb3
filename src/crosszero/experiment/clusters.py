"""How vectors lie together: by meaning or by language?

A map persuades too easily, so the same points are also measured in the full space, by cosine.
Silhouettes, from -1 to 1, say how much nearer a point is to its own class than to the next one.
k-NN purities, from 0 to 1, are the share of a point's nearest neighbours that have its class. The
tokens of one sentence lie together in any model, which inflates the purity by meaning, so there is
also one among the neighbours IN OTHER LANGUAGES.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosszero.errors import CrosszeroError
from crosszero.search.neighbours import AnyFloats, find_neighbours, unit_rows
from crosszero.search.top_k import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterScore:
    """Mean silhouettes and purities of one set of points, by either class; `neighbours` is the k.

    Higher by meaning and lower by language is better. ``purity_across`` is by meaning, among the
    points of other languages.
    """

    silhouette_meaning: float
    silhouette_language: float
    purity_meaning: float
    purity_language: float
    purity_across: float
    neighbours: int


def measure_clusters(
    vectors: AnyFloats, meanings: Sequence[object], languages: Sequence[object], *, k: int = 5
) -> ClusterScore:
    """Measure whether points gather by meaning or by language; the (n, n) cosines never exist.

    Of neighbours that are equally near, the ones with the lowest index count. A point that has
    fewer than `k` points in other languages asks those for ``purity_across``.

    Args:
        vectors: (n, dim).
        meanings, languages: (n,) classes of each point; at least two different ones.
        k: how many nearest neighbours are asked, by cosine, without the point itself.

    Raises:
        ValueError: sizes do not fit or `k` out of range.
        CrosszeroError: fewer than two meanings or languages, or a vector is not finite.

    Example:
        >>> points = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
        >>> measure_clusters(points, [0, 0, 1, 1], ["en", "fr", "en", "fr"], k=1).purity_meaning
        1.0
    """
    unit = unit_rows(vectors)
    size = len(unit)
    if not size == len(meanings) == len(languages):
        raise ValueError(f"{size} vectors, {len(meanings)} meanings, {len(languages)} languages")
    meaning, language = _number(meanings), _number(languages)
    if meaning.max(initial=0) == 0 or language.max(initial=0) == 0:
        raise CrosszeroError(
            "measuring clusters needs points of at least two meanings and two languages"
        )
    if not 1 <= k < size:
        raise ValueError(f"k must lie between 1 and {size - 1}, not {k}")
    near = find_neighbours(unit, unit, k=k + 1).index
    itself = near == np.arange(size)[:, None]
    # among more than k equal points, a point may not be in its own list: then the last one goes
    itself[~itself.any(axis=1), -1] = True
    near = near[~itself].reshape(size, k)
    return ClusterScore(
        silhouette_meaning=_measure_silhouette(unit, meaning),
        silhouette_language=_measure_silhouette(unit, language),
        purity_meaning=float((meaning[near] == meaning[:, None]).mean()),
        purity_language=float((language[near] == language[:, None]).mean()),
        purity_across=_measure_across(unit, meaning, language, k),
        neighbours=k,
    )


def _number(names: Sequence[object]) -> Ints:
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def _measure_across(unit: Floats, meaning: Ints, language: Ints, k: int) -> float:
    hits = total = 0
    for code in range(int(language.max()) + 1):
        own, others = np.flatnonzero(language == code), np.flatnonzero(language != code)
        near = others[find_neighbours(unit[own], unit[others], k=k).index]
        hits += int((meaning[near] == meaning[own, None]).sum())
        total += near.size
    return hits / total


def _measure_silhouette(unit: Floats, group: Ints) -> float:
    size, groups = len(group), int(group.max()) + 1
    rows = np.arange(size)
    points = unit.astype(np.float64)
    count = np.bincount(group, minlength=groups).astype(np.float64)
    sums: npt.NDArray[np.float64] = np.zeros((groups, points.shape[1]))
    np.add.at(sums, group, points)
    # the cosines with all points of a group sum up to the product with the sum of its points
    total = np.maximum(count - points @ sums.T, 0.0)  # (n, groups) summed distances
    itself = 1.0 - (points * points).sum(axis=1)
    own_count = count[group]
    own = np.maximum(total[rows, group] - itself, 0.0) / np.maximum(own_count - 1, 1)
    other = total / count
    other[rows, group] = np.inf
    nearest = other.min(axis=1)
    scale = np.maximum(own, nearest)
    value = np.where(scale > 0, (nearest - own) / np.where(scale > 0, scale, 1.0), 0.0)
    return float(np.where(own_count > 1, value, 0.0).mean())  # a class of one scores 0

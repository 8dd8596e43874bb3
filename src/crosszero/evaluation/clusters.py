"""How vectors lie together: by meaning or by language?

A picture of a map in two dimensions persuades too easily, so the same points are measured in the
full space, by cosine:

- silhouette, from -1 to 1: how much nearer a point lies to its own class than to the next one;
- k-NN purity, from 0 to 1: which share of a point's nearest neighbours has its class;
- cross-lingual purity: which share of its nearest neighbours IN OTHER LANGUAGES has its meaning.
  The tokens of one sentence lie together in any model, which flatters the plain purity by
  meaning; this one looks across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crosszero.evaluation.vectors import AnyFloats, Floats, Ints, normalise

_MOST = 20_000  # the (n, n) matrix of cosines takes 1.6 GB there


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterScore:
    """Measures of one set of points. Higher by meaning and lower by language is better.

    Attributes:
        silhouette_meaning, silhouette_language: mean silhouettes with either class.
        purity_meaning, purity_language: k-NN purities with either class.
        purity_across: k-NN purity by meaning among the points of other languages.
        neighbours: the k of the purities.
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
    """Measure whether points gather by meaning or by language.

    Args:
        vectors: (n, dim), at most 20,000.
        meanings: (n,) class of meaning of each point; at least two different ones.
        languages: (n,) language of each point; at least two different ones.
        k: how many nearest neighbours are asked, by cosine, without the point itself.

    Raises:
        ValueError: sizes do not fit, fewer than two classes, or `k` out of range.
        CrosszeroError: a vector is not finite.

    Example:
        >>> points = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
        >>> measure_clusters(points, [0, 0, 1, 1], ["en", "fr", "en", "fr"], k=1).purity_meaning
        1.0
    """
    unit = normalise(vectors)
    size = len(unit)
    if not size == len(meanings) == len(languages) or size > _MOST:
        raise ValueError(f"{size} vectors, {len(meanings)} meanings, {len(languages)} languages")
    meaning, language = _number(meanings), _number(languages)
    if meaning.max(initial=0) == 0 or language.max(initial=0) == 0:
        raise ValueError("at least two meanings and two languages are needed")
    if not 1 <= k < size:
        raise ValueError(f"k must lie between 1 and {size - 1}, not {k}")
    cosine = np.clip(unit @ unit.T, -1.0, 1.0)  # (n, n)
    scores = (_measure_silhouette(cosine, meaning), _measure_silhouette(cosine, language))
    np.fill_diagonal(cosine, -np.inf)
    near = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    pure = [float((group[near] == group[:, None]).mean()) for group in (meaning, language)]
    cosine[language[:, None] == language[None, :]] = -np.inf
    near = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    seen = np.isfinite(np.take_along_axis(cosine, near, axis=1))
    across = float((meaning[near] == meaning[:, None])[seen].mean())
    return ClusterScore(
        silhouette_meaning=scores[0],
        silhouette_language=scores[1],
        purity_meaning=pure[0],
        purity_language=pure[1],
        purity_across=across,
        neighbours=k,
    )


def _number(names: Sequence[object]) -> Ints:
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def _measure_silhouette(cosine: Floats, group: Ints) -> float:
    size, groups = len(group), int(group.max()) + 1
    member: npt.NDArray[np.float64] = np.eye(groups)[group]  # (n, groups)
    distance = 1.0 - cosine.astype(np.float64)
    np.fill_diagonal(distance, 0.0)
    total = distance @ member  # summed distance of each point to each group
    count = member.sum(axis=0)
    rows = np.arange(size)
    own_count = count[group]
    own = total[rows, group] / np.maximum(own_count - 1, 1)
    other = total / count
    other[rows, group] = np.inf
    nearest = other.min(axis=1)
    scale = np.maximum(own, nearest)
    value = np.where(scale > 0, (nearest - own) / np.where(scale > 0, scale, 1.0), 0.0)
    return float(np.where(own_count > 1, value, 0.0).mean())  # a class of one scores 0

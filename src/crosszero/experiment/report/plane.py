"""From many dimensions to two, for the eye only: what is true is measured in the full space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crosszero.errors import MissingExtraError
from crosszero.search.neighbours import AnyFloats, unit_rows


def reduce_tsne(vectors: AnyFloats, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Lay vectors out on a plane by t-SNE over cosine distances.

    Args:
        vectors: (n, dim), n from 4 and dim from 2. The perplexity is 30, or less for fewer than
            91 points.
        seed: of the layout; the same vectors and seed give the same plane.

    Returns:
        (n, 2) positions without unit.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        ValueError: too few vectors or dimensions.

    Example:
        >>> reduce_tsne(np.random.default_rng(0).normal(size=(20, 8))).shape      # doctest: +SKIP
        (20, 2)
    """
    unit = unit_rows(vectors)
    if len(unit) < 4 or unit.shape[1] < 2:
        raise ValueError(f"t-SNE needs four points in two dimensions, not {unit.shape}")
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "report", "the map of token embeddings") from error
    perplexity = min(30.0, (len(unit) - 1) / 3)
    reducer = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed, n_jobs=1)
    # one thread: sums in another order would give another picture
    with threadpool_limits(limits=1):
        return np.asarray(reducer.fit_transform(unit), dtype=np.float64)

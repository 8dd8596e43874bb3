"""Mining from texts on a cluster: encode, search, and name the rows."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from crosszero.cluster.session import Cluster
from crosszero.cluster.text_encoding import encode_texts
from crosszero.cluster.tile_mining import mine_files
from crosszero.errors import CrosszeroError
from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.mining import DistinctTexts, place_pairs
from crosszero.search.neighbours import check_some
from crosszero.search.vector_mining import check_settings


def mine_texts(
    encoder: str | Path,
    source: Sequence[str],
    target: Sequence[str],
    *,
    folder: str | Path,
    cluster: Cluster,
    k: int = 4,
    margin: Margin = "ratio",
    drop_repeated: bool = True,
    max_length: int | None = None,
    layer: int | None = None,
) -> MinedPairs:
    """Find translations among the texts of two languages, on a cluster.

    This process holds the texts, and what :func:`~crosszero.cluster.mine_files` says.

    Args:
        encoder: ``crosszero-mini``, a folder that all machines see, or a hub id.
        source, target: texts, in any order, at least one each.
        folder: one that all machines see; the vectors of both sides stand there until it is done.
        cluster: an open one.
        k, margin, drop_repeated: see :func:`crosszero.search.mining.mine_texts`.
        max_length, layer: see :class:`~crosszero.Encoder`.

    Returns:
        What :func:`crosszero.search.mining.mine_texts` gives.

    Raises:
        ConfigError: `k` or `margin` is no such thing.
        CrosszeroError: a side has no text, the encoder can't be loaded, a vector is not finite, or
            `folder` can't be written.

    Example:
        >>> with Cluster("auto", cores=4) as cluster:                        # doctest: +SKIP
        ...     pairs = mine_texts("run/", english, french, folder="/shared", cluster=cluster)
    """
    check_settings(k, margin)
    check_some(source, target)
    left, right = DistinctTexts(source), DistinctTexts(target)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=".cluster-", dir=folder)
    except OSError as error:
        raise CrosszeroError(f"{folder}: can't be written ({error.strerror})") from error
    with work as name:
        paths = [
            encode_texts(
                encoder,
                side.texts,
                Path(name, f"vectors-{number}.npy"),
                cluster=cluster,
                max_length=max_length,
                layer=layer,
            )
            for number, side in enumerate((left, right))
        ]
        found = mine_files(*paths, cluster=cluster, k=k, margin=margin)
    return place_pairs(found, left, right, drop_repeated=drop_repeated)

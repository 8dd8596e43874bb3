"""Mining from texts on a cluster: encode, search, and name the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from crosszero.cluster.session import Cluster, work_folder
from crosszero.cluster.text_encoding import encode_texts
from crosszero.cluster.tile_mining import mine_files
from crosszero.model.options import Pooling
from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.mining import mine_distinct
from crosszero.search.vector_mining import Retrieval, check_settings


def mine_texts(
    encoder: str | Path,
    source: Sequence[str],
    target: Sequence[str],
    *,
    folder: str | Path,
    cluster: Cluster,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    drop_repeated: bool = False,
    pooling: Pooling | None = None,
    max_length: int | None = None,
    layer: int | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> MinedPairs:
    """Find translations among the texts of two languages, on a cluster.

    This process holds the texts, and what :func:`~crosszero.cluster.mine_files` says.

    Args:
        encoder, pooling, max_length, layer, precision: see :func:`~crosszero.cluster.encode_texts`.
        source, target, k, margin, retrieval, drop_repeated: see
            :func:`crosszero.search.mine_texts`, whose result and errors these are.
        folder: one that all machines see; the vectors of both sides stand there until it is done.
        cluster: an open one.

    Example:
        >>> with Cluster("auto", cores=4) as cluster:                        # doctest: +SKIP
        ...     pairs = mine_texts("run/", english, french, folder="/shared", cluster=cluster)
    """

    def find(left: list[str], right: list[str]) -> MinedPairs:
        with work_folder(folder) as work:
            for number, texts in enumerate((left, right)):
                encode_texts(
                    encoder, texts, work / f"{number}.npy", cluster=cluster,
                    pooling=pooling, max_length=max_length, layer=layer, precision=precision,
                )  # fmt: skip
            return mine_files(
                work / "0.npy", work / "1.npy", cluster=cluster, k=k, margin=margin,
                retrieval=retrieval,
            )  # fmt: skip

    check_settings(k, margin, retrieval)
    return mine_distinct(source, target, find, drop_repeated=drop_repeated)

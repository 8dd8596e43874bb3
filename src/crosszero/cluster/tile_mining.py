"""Mining in two files of vectors that no machine could hold, by tiles of the similarity matrix.

The matrix of all similarities is cut into tiles. A worker reads the rows of a tile from both files,
multiplies, and keeps the best k of each row and of each column: both directions of the search from
one product. The driver puts the tiles together, and picks the pairs as on one machine.

The result is that of :func:`crosszero.search.mine_vectors`, ties included: equal vectors count
once, of equal similarities the lower row is the better one, and the product is cut into the blocks
in which one machine multiplies, because BLAS may round otherwise at the edge of a block.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crosszero.cluster.session import Cluster, Job, name_part, work_folder
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.files import atomic_file
from crosszero.search.distinct import DistinctRows
from crosszero.search.margin import Margin
from crosszero.search.mined_pairs import MinedPairs
from crosszero.search.neighbours import AnyFloats, check_some, unit_rows
from crosszero.search.top_k import Floats, Nearest
from crosszero.search.vector_mining import Retrieval, check_settings, pair_neighbours

_ROWS, _COLUMNS = 1024, 4096  # blocks of a product, as on one machine
_TILE = (16 * _ROWS, 16 * _COLUMNS)  # 0.25 GB of vectors with 768 dimensions


def mine_files(
    source: str | Path,
    target: str | Path,
    *,
    cluster: Cluster,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    tile: tuple[int, int] = _TILE,
) -> MinedPairs:
    """Find pairs of rows that belong together, on a cluster.

    This process needs memory for the neighbours, 48 bytes for each row of either side with the
    default `k`, and for about 40 bytes more of each row; a worker for the vectors of a tile.

    Args:
        source, target: ``.npy`` files (rows, dim) that all machines see, such as
            :func:`~crosszero.cluster.encode_texts` writes.
        cluster: an open one.
        k, margin, retrieval: see :func:`crosszero.search.vector_mining.mine_vectors`.
        tile: rows of source and target in a tile; multiples of 1024 and 4096.

    Returns:
        What ``mine_vectors(np.load(source), np.load(target))`` gives.

    Raises:
        ConfigError: `k`, `margin` or `tile` is not allowed.
        DataError: a file is no array of vectors.
        CrosszeroError: a side has no row, a value is not finite, or the folder of `source` can't
            be written.
        ValueError: the dimensions differ.

    Example:
        >>> with Cluster("auto", cores=4) as cluster:                        # doctest: +SKIP
        ...     pairs = mine_files("en.npy", "fr.npy", cluster=cluster)
    """
    check_settings(k, margin, retrieval)
    if min(tile) < 1 or tile[0] % _ROWS or tile[1] % _COLUMNS:
        raise ConfigError(f"tile: {tile} given; multiples of {_ROWS} and {_COLUMNS} are needed")
    paths = [Path(source).resolve(), Path(target).resolve()]
    sides = [_open(path) for path in paths]
    check_some(*sides)
    if sides[0].shape[1] != sides[1].shape[1]:
        raise ValueError(
            f"source vectors have {sides[0].shape[1]} dimensions, target vectors "
            f"{sides[1].shape[1]}"
        )
    distinct = [
        DistinctRows(len(side), partial(_read, path))
        for side, path in zip(sides, paths, strict=True)
    ]
    with work_folder(paths[0].parent) as folder:
        for number, side in enumerate(distinct):
            np.save(folder / f"rows-{number}.npy", side.firsts)
        left, right = (len(side.firsts) for side in distinct)
        tiles = [
            [a, min(a + tile[0], left), b, min(b + tile[1], right)]
            for a in range(0, left, tile[0])
            for b in range(0, right, tile[1])
        ]
        there, back = Nearest(left, min(k, right)), Nearest(right, min(k, left))
        records = cluster.run(SearchTile(paths, folder, k), tiles)
        for number, (_, (a, b, c, d)) in enumerate(zip(records, tiles, strict=True)):
            with np.load(name_part(folder, number, ".npz")) as part:
                there.merge(np.arange(a, b), part["value"], part["index"])
                back.merge(np.arange(c, d), part["back_value"], part["back_index"])
            name_part(folder, number, ".npz").unlink()
    # One after the other is let go: with millions of rows each of them is half a gigabyte.
    forward = distinct[1].spread(there.value, there.index, k, rows=distinct[0].group)
    del there
    backward = distinct[0].spread(back.value, back.index, k, rows=distinct[1].group)
    del back, distinct
    return pair_neighbours(forward, backward, margin, retrieval)


class SearchTile(Job):
    """The job of a worker: the `k` neighbours inside one tile, both ways.

    `paths` are the vectors of both sides; `folder` holds the numbers of the distinct rows, and is
    for the results.
    """

    def __init__(self, paths: list[Path], folder: Path, k: int) -> None:
        self._paths, self._folder, self._k = paths, folder, k

    def do(self, number: int, block: list[int]) -> dict[str, Any]:
        """Search distinct rows ``block[0]:block[1]`` of the source in ``block[2]:block[3]``."""
        a, b, c, d = block
        left, right = self._rows(0, a, b), self._rows(1, c, d)
        there = Nearest(len(left), min(self._k, len(right)))
        back = Nearest(len(right), min(self._k, len(left)))
        for start in range(0, len(left), _ROWS):
            rows = left[start : start + _ROWS]
            for first in range(0, len(right), _COLUMNS):
                scores = rows @ right[first : first + _COLUMNS].T
                there.add(scores, item=start, candidate=c + first)
                back.add(scores, item=first, candidate=a + start, columns=True)
        with atomic_file(name_part(self._folder, number, ".npz"), "wb") as file:
            np.savez(
                file, value=there.value, index=there.index,
                back_value=back.value, back_index=back.index,
            )  # fmt: skip
        return {}

    def _rows(self, side: int, first: int, end: int) -> Floats:
        rows = np.load(self._folder / f"rows-{side}.npy", mmap_mode="r")[first:end]
        return _read(self._paths[side], rows)


def _read(path: Path, rows: Any) -> Floats:
    """Unit vectors of rows of a file."""
    try:
        return unit_rows(_open(path)[rows])
    except CrosszeroError as error:
        first = rows.start if isinstance(rows, slice) else rows[0]
        raise DataError(path, f"in the rows from {first} on, {error}") from error


def _open(path: Path) -> AnyFloats:
    try:
        vectors: AnyFloats = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(path, f"can't be read as an .npy file ({error})") from error
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating):
        raise DataError(
            path, f"rows of real numbers are needed, not {vectors.dtype} of shape {vectors.shape}"
        )
    return vectors

"""Two-way nearest neighbours with margins: ``crosszero.search`` and faiss with a loop for margins.

The other side normalises, searches a flat index in both directions (exact, like ours), and scores
margins and picks pairs in loops over the neighbours, as the published mining scripts do. The pairs
and their scores must be equal.

Beside it the memory that a driver of a cluster needs for a line (a row on either side), for tables
of larger corpora: it holds neighbours and pairs, while the vectors are the workers' concern.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import peak_memory, reset_memory
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import compare, take_turns
from crosszero.cluster import Cluster, Job, mine_files
from crosszero.search.vector_mining import mine_vectors

Vectors = NDArray[np.float32]
Pairs = list[tuple[int, int, float]]
_K = 4
_BLOCK = 4096  # of a tile, and of what is worked on at a time elsewhere
DRIVER = "crosszero, driver of a cluster"


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Mine with both, check, record."""
    parser = make_parser("mine", __doc__, rounds=3)
    parser.add_argument("--size", type=int, default=20_000, help="vectors of each side")
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument(
        "--lines", type=int, default=2 * _BLOCK, help="of the smaller of two corpora for the memory"
    )
    options = read_options(parser, arguments, size=300, dim=16, rounds=1, lines=2_048)
    record = Record(options, "size", "dim", k=_K)
    source, target = make_vectors(options.size, options.dim, options.seed)
    found: dict[str, Pairs] = {}
    peaks: dict[str, float] = {}

    def run_ours(_: int) -> None:
        reset_memory()
        found["ours"] = [tuple(pair) for pair in mine_vectors(source, target, k=_K)]
        peaks["crosszero"] = peak_memory()

    def run_faiss(_: int) -> None:
        reset_memory()
        found["theirs"] = mine_with_faiss(source, target, _K, options.threads)
        peaks["faiss flat, margin loop"] = peak_memory()

    sides = {"crosszero": run_ours, "faiss flat, margin loop": run_faiss}
    timings = take_turns(sides, rounds=options.rounds, warm_up=0)
    compare_pairs(record, found["ours"], found["theirs"])
    name = f"{options.size:,} x {options.size:,} x {options.dim}"
    for side, timing in timings.items():
        record.add_rate(side, "", "vectors/s", 2 * options.size, timing)
        record.add_value(f"{side}, peak", "", "GB", peaks[side])
    ratio = compare(timings["crosszero"], timings["faiss flat, margin loop"])
    record.add_value(DRIVER, "", "bytes a line", measure_driver(options.lines))
    record.add_ratio(f"mine {name}, both directions", "", "faiss flat, two searches", ratio, 1.3)
    return record.write(arguments)


def make_vectors(size: int, dim: int, seed: int) -> tuple[Vectors, Vectors]:
    """Random vectors, of which half have a noisy translation on the other side."""
    draw = np.random.default_rng(seed)
    source = draw.standard_normal((size, dim), dtype=np.float32)
    target = draw.standard_normal((size, dim), dtype=np.float32)
    half = size // 2
    target[draw.permutation(size)[:half]] = source[:half] + 0.8 * target[:half]
    return source, target


def mine_with_faiss(source: Vectors, target: Vectors, k: int, threads: int) -> Pairs:
    """Flat search both ways, then loops."""
    import faiss

    faiss.omp_set_num_threads(threads)
    left, right = source.copy(), target.copy()
    faiss.normalize_L2(left)
    faiss.normalize_L2(right)
    forward, there = _search(left, right, k)
    backward, back = _search(right, left, k)
    mean_left, mean_right = forward.mean(axis=1), backward.mean(axis=1)
    named: Pairs = []
    for i in range(len(left)):
        scores = [forward[i, n] / ((mean_left[i] + mean_right[there[i, n]]) / 2) for n in range(k)]
        best = int(np.argmax(scores))
        named.append((i, int(there[i, best]), float(scores[best])))
    for j in range(len(right)):
        scores = [backward[j, n] / ((mean_right[j] + mean_left[back[j, n]]) / 2) for n in range(k)]
        best = int(np.argmax(scores))
        named.append((int(back[j, best]), j, float(scores[best])))
    used_left, used_right, pairs = set(), set(), []
    for i, j, score in sorted(named, key=lambda pair: (-pair[2], pair[0], pair[1])):
        if i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            pairs.append((i, j, score))
    return pairs


def _search(queries: Vectors, candidates: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
    import faiss

    index = faiss.IndexFlatIP(candidates.shape[1])
    index.add(candidates)
    similarity, where = index.search(queries, k)
    return similarity, where


def measure_driver(lines: int) -> float:
    """Measure how the memory of mining from files grows, with what workers need left out.

    Args:
        lines: rows of either side; twice as many are mined, too, so that what does not grow
            (blocks, tiles) goes out of the difference. A multiple of 4096 is exact.

    Returns:
        Bytes for a row on either side.
    """
    return (_peak(2 * lines) - _peak(lines)) / lines


class _Alone(Cluster):
    """Does the blocks one by one in this process.

    Attributes:
        peak: bytes that were in use at most while no block was being done.
    """

    def __init__(self) -> None:
        super().__init__("alone")
        self.peak = 0

    def run(self, job: Job, blocks: Sequence[Any]) -> Iterator[dict[str, Any]]:
        for number, block in enumerate(blocks):
            self.look()
            record = job.do(number, block)
            tracemalloc.reset_peak()
            yield record

    def look(self) -> None:
        """Take the peak since the last block into account."""
        self.peak = max(self.peak, tracemalloc.get_traced_memory()[1])


def _peak(lines: int) -> int:
    cluster = _Alone()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{side}.npy") for side in ("source", "target")]
        for path, vectors in zip(paths, make_vectors(lines, 8, seed=lines), strict=True):
            np.save(path, vectors)
        tracemalloc.start()
        try:
            mine_files(*paths, cluster=cluster, k=_K, tile=(_BLOCK, _BLOCK))
            cluster.look()
        finally:
            tracemalloc.stop()
    return cluster.peak


def compare_pairs(record: Record, ours: Pairs, theirs: Pairs) -> None:
    """Same pairs, same scores. Rounding may exchange two candidates that are as good as equal."""
    one, other = ({pair[:2]: pair[2] for pair in pairs} for pairs in (ours, theirs))
    both = one.keys() & other.keys()
    lost = len(one.keys() ^ other.keys()) / max(1, len(one) + len(other))
    record.check("share of pairs that only one side found", lost, 1e-3)
    apart = max(abs(one[pair] - other[pair]) for pair in both)
    record.check("largest difference of a score", apart, 1e-4)


if __name__ == "__main__":
    main()

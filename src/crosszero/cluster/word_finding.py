"""Word pairs of a corpus, found on a cluster: the last and longest stage of ``prepare``.

The driver reads and filters the corpus, holds texts out and trains the finder, as on one machine:
one pass in constant memory. Then it writes the training pairs, without words, to a store beside the
result, and sends the trained finder to the workers. A trained aligner is a few megabytes that load
exactly; training it in every worker would take minutes.

A block is what one machine hands to the finder at a time, and the row groups are the same, so that
the store that the driver puts together is the one that a single machine writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crosszero.bitext.pair import SentencePair
from crosszero.cluster.session import Cluster, Job, name_part, work_folder
from crosszero.files import atomic_file
from crosszero.samples.columns import open_writer, to_table
from crosszero.samples.finder import Finder
from crosszero.samples.preparation import Progress, groups_of_batch
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.samples.tally import Tally, count_samples
from crosszero.samples.writer import SampleWriter


class ClusterFill:
    """Find and write words on a cluster: the argument `fill` of :func:`crosszero.prepare`.

    The folder in which the store is made must be seen by all machines under the same path. Beside
    it, the work takes the room of two more stores until it is done.

    Args:
        cluster: an open one.

    Raises:
        CrosszeroError: (when used) the folder can't be written, or the finder can't be pickled.

    Example:
        >>> with Cluster("auto") as cluster:                                 # doctest: +SKIP
        ...     prepare(pairs, out="samples", fill=ClusterFill(cluster))
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(
        self,
        writer: SampleWriter,
        pairs: Iterator[SentencePair],
        finder: Finder,
        batch: int,
        note: Progress = lambda stage, done: None,
    ) -> None:
        """Write all pairs with their words; see :class:`crosszero.samples.preparation.Fill`."""
        with work_folder(writer.folder.parent) as work:
            texts, found = work / "texts", work / "found"
            texts.mkdir()
            found.mkdir()
            store = _write_texts(texts, pairs, writer)
            groups, each = len(store.row_groups), groups_of_batch(batch, writer.row_group)
            blocks = [[i, min(i + each, groups)] for i in range(0, groups, each)]
            records = self._cluster.run(FindWords(store, finder, found), blocks)
            for number, record in enumerate(records):
                _append(writer, name_part(found, number, ".parquet"), record)
                note("find", writer.rows)


class FindWords(Job):
    """The job of a worker: the words of some row groups of a store, by a finder that has learnt."""

    def __init__(self, store: SampleStore, finder: Finder, folder: Path) -> None:
        self._store, self._finder, self._folder = store, finder, folder

    def do(self, number: int, block: list[int]) -> dict[str, Any]:
        """Find the words of the row groups from ``block[0]`` to before ``block[1]``."""
        groups = [self._store.read_row_group(index) for index in range(*block)]
        pairs = [sample.pair for group in groups for sample in group]
        words = iter(self._finder.find(pairs))
        tallies: list[dict[str, Any]] = []
        part = name_part(self._folder, number, ".parquet")
        with atomic_file(part, "wb") as file, open_writer(file) as writer:
            for group in groups:
                done = [Sample.of(s.pair, next(words), self._finder.name) for s in group]
                writer.write_table(to_table(done), row_group_size=len(done))
                tally = dataclasses.asdict(count_samples(done))
                tallies.append({**tally, "languages": sorted(tally["languages"])})
        return {"tallies": tallies}


def _write_texts(folder: Path, pairs: Iterator[SentencePair], like: SampleWriter) -> SampleStore:
    writer = SampleWriter(folder, row_group=like.row_group, part=like.part)
    try:
        for pair in pairs:
            writer.add(Sample.of(pair))
    except BaseException:
        writer.abort()
        raise
    writer.close()
    return SampleStore.open(folder)


def _append(writer: SampleWriter, path: Path, record: dict[str, Any]) -> None:
    """Copy the row groups of a part; nothing is unpacked to rows."""
    import pyarrow.parquet as pq

    with path.open("rb") as opened, pq.ParquetFile(opened) as file:
        for index, tally in enumerate(record["tallies"]):
            languages = frozenset(tally["languages"])
            table = file.read_row_group(index)
            writer.add_row_group(table, Tally(**{**tally, "languages": languages}))
    path.unlink()

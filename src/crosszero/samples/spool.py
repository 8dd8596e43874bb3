"""Keep a stream of sentence pairs so that it can be read again, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from crosszero.bitext.pair import SentencePair
from crosszero.locks import temporary_folder
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.samples.writer import SampleWriter

_IN_MEMORY = 200_000  # sentence pairs


class Spool:
    """A list of sentence pairs that moves to a temporary Parquet file when it grows.

    Generators can be read once only, and finders that learn need two passes.

    Args:
        beside: folder for the temporary file; the file system that has room for the result.
        in_memory: sentence pairs to keep in memory.

    Example:
        >>> with Spool(Path()) as spool:
        ...     list(spool)
        []
    """

    def __init__(self, beside: Path, *, in_memory: int = _IN_MEMORY) -> None:
        self._beside, self._limit = beside, in_memory
        self._pairs: list[SentencePair] = []
        self._writer: SampleWriter | None = None
        self._stack = ExitStack()
        self._length = 0

    def add(self, pair: SentencePair) -> None:
        """Take one pair."""
        self._pairs.append(pair)
        self._length += 1
        if len(self._pairs) > self._limit:
            self._spill()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[SentencePair]:
        """Read all pairs in order; nothing may be added afterwards."""
        if self._writer is None:
            yield from self._pairs
            return
        if self._pairs:
            self._spill()
        self._writer.close()
        for sample in SampleStore.open(self._writer.folder):
            yield sample.pair

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.abort()
        self._stack.close()

    def _spill(self) -> None:
        if self._writer is None:
            folder = self._stack.enter_context(temporary_folder(self._beside / "spool"))
            self._writer = SampleWriter(folder)
            self._limit = min(self._limit, 10_000)
        for pair in self._pairs:
            self._writer.add(Sample.of(pair))
        self._pairs.clear()

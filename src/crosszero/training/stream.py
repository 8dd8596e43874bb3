"""Random batches from a store of any size, in constant memory, from any position.

Row groups of the store are put in a random order and read a window at a time; inside a window the
units are shuffled and cut into batches. Everything is a function of (seed, epoch, window), so that
a position of three numbers is all that resuming needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from crosszero.errors import DataError
from crosszero.model.options import Level
from crosszero.samples.columns import RowGroup
from crosszero.samples.store import SampleStore
from crosszero.samples.tally import Unit as Unit


class Position(NamedTuple):
    """Where a stream stands: the next batch to give."""

    epoch: int = 0
    window: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Units(Sequence[Unit]):
    """Units of a batch, read when they are asked for: who passes a batch over need not read it.

    Attributes:
        places: row group and rows of each.
    """

    places: list[tuple[RowGroup, list[int]]]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Unit: ...
    @overload
    def __getitem__(self, index: slice) -> Units: ...
    def __getitem__(self, index: int | slice) -> Unit | Units:
        if isinstance(index, slice):
            return Units(self.places[index])
        rows, members = self.places[index]
        return tuple(rows[member] for member in members)


NextBatch = tuple[Sequence[Unit], Position]
"""The units of a batch, and the position that follows it."""
_START = Position()
# Random numbers for different purposes must not be the same ones (3 is the training step's).
_GROUP_SEED, _UNIT_SEED = 1, 2


@dataclass(frozen=True, kw_only=True)
class SampleStream:
    """Batches of units.

    Attributes:
        batch_size: units in a batch. The batches of a window have equal sizes, as near to this as
            can be, so that no small last batch with few negatives is left.
        level: with ``multi``, rows without words are left out.
        seed: of the order.
        window_rows: rows held in memory.
    """

    store: SampleStore
    batch_size: int
    level: Level
    seed: int
    window_rows: int = 32_768

    def batches(self, start: Position = _START) -> Iterator[NextBatch]:
        """Yield batches forever, each with the position that follows it.

        Raises:
            DataError: the store has fewer than two usable rows.
        """
        position = start
        while True:
            windows = self._windows(position.epoch)
            given = position.window > 0 or position.batch > 0
            for window in range(position.window, len(windows)):
                units = self._units(windows[window])
                batches = self._cut(len(units), position.epoch, window)
                for number in range(position.batch, len(batches)):
                    given = True
                    following = position._replace(window=window, batch=number + 1)
                    yield Units([units[i] for i in batches[number]]), following
                position = Position(position.epoch, window + 1, 0)
            if not given:
                raise DataError(
                    self.store.path,
                    "no batch can be made: at least two sentence pairs"
                    + (" with word pairs" if self.level != "sentence" else "")
                    + " are needed; prepare more text, or train with level: sentence",
                )
            position = Position(position.epoch + 1, 0, 0)

    def count_batches(self) -> int:
        """Number of batches of one epoch; what the store counts is enough, no row is read."""
        return sum(self._count_windows(0, self._count_units()))

    def count_until(self, position: Position, *, most: int) -> int | None:
        """Batches until a position; ``None`` if it follows no batch, or more than `most`."""
        units, given = self._count_units(), 0
        for epoch in range(min(position.epoch, most)):
            given += sum(self._count_windows(epoch, units))
        counts = [*self._count_windows(position.epoch, units), 0][: position.window + 1]
        given += sum(counts[:-1]) + position.batch
        inside = len(counts) > position.window and 0 < position.batch <= counts[-1]
        return given if inside and given <= most and position.epoch <= most else None

    def _count_units(self) -> list[int]:
        return self.store.count_units(with_words=self.level != "sentence")

    def _count_windows(self, epoch: int, units: list[int]) -> list[int]:
        """Number of batches of each window."""
        windows = self._windows(epoch)
        return [self._count(sum(units[index] for index in window)) for window in windows]

    def _windows(self, epoch: int) -> list[list[int]]:
        sizes = self.store.row_groups
        random = np.random.default_rng([_GROUP_SEED, self.seed, epoch])
        order = random.permutation(len(sizes))
        windows: list[list[int]] = []
        rows = self.window_rows
        for index in map(int, order):
            if rows + sizes[index] > self.window_rows:
                windows.append([])
                rows = 0
            windows[-1].append(index)
            rows += sizes[index]
        return windows

    def _units(self, window: list[int]) -> list[tuple[RowGroup, list[int]]]:
        """Row group and rows of each unit; they become samples with their batch."""
        groups = [self.store.read_row_group(index) for index in window]
        with_words = self.level != "sentence"
        return [(g, unit) for g in groups for unit in g.cut_units(with_words=with_words)]

    def _count(self, units: int) -> int:
        """Batches of a window: none for a lone unit, which has no negatives."""
        if units < 2:
            return 0
        return max(1, min(round(units / self.batch_size), units // 2))

    def _cut(self, units: int, epoch: int, window: int) -> list[NDArray[np.int64]]:
        if not (batches := self._count(units)):
            return []
        random = np.random.default_rng([_UNIT_SEED, self.seed, epoch, window])
        return np.array_split(random.permutation(units), batches)

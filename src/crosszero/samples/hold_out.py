"""Draw the texts that are held out of training."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator

from crosszero.align.word_boundaries import normalise
from crosszero.bitext.folding import fold_text
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError


class Split:
    """Draw units (groups, or pairs without a group) for the held-out store while reading.

    Every unit gets a random number; the smallest `count` win. One pass, any corpus size: only the
    pairs that are held so far are kept.

    Attributes:
        held: the pairs held out, in the order of the corpus; complete after :meth:`finish`.
        shared: pairs left out of training because a held-out pair has one of their texts; complete
            when :meth:`training` was read to its end.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._draw = random.Random(seed)
        self._heap: list[tuple[float, int]] = []
        self._members: dict[int, list[tuple[int, SentencePair]]] = {}  # unit -> rows and pairs
        self._unit, self._row, self._group = -1, -1, ""
        self._texts: set[str] = set()
        self._left_out: set[int] = set()  # rows
        self._decided = 0  # rows that are known to be in _left_out or not
        self.held: list[SentencePair] = []
        self.shared = 0

    def see(self, pair: SentencePair) -> None:
        """Take the next pair that goes to the spool."""
        if not self._count:
            return
        self._row += 1
        if not (pair.group and pair.group == self._group):
            self._group = pair.group
            self._unit += 1
            self._members[self._unit] = []
            heapq.heappush(self._heap, (-self._draw.random(), self._unit))
            if len(self._heap) > self._count:
                del self._members[heapq.heappop(self._heap)[1]]
        if self._unit in self._members:
            self._members[self._unit].append((self._row, pair))

    def finish(self) -> None:
        """Fix the choice; ConfigError if every unit would be held out."""
        if not self._count:
            return
        if self._count > self._unit:
            raise ConfigError(
                f"hold_out={self._count} leaves nothing to train on: there are {self._unit + 1} "
                "groups or sentence pairs; lower it"
            )
        for members in self._members.values():
            for row, pair in members:
                self._left_out.add(row)
                self.held.append(pair)
                self._texts.update((_same(pair.source), _same(pair.target)))
        self._members.clear()

    def training(self, spool: Iterable[SentencePair]) -> Iterator[SentencePair]:
        """Give the pairs to train on, of all that were seen, in that order.

        Which these are is worked out once for each row.
        """
        if not self._count:
            yield from spool
            return
        for row, pair in enumerate(spool):
            if row >= self._decided:
                self._decided = row + 1
                if row not in self._left_out and not self._texts.isdisjoint(
                    (_same(pair.source), _same(pair.target))
                ):
                    self._left_out.add(row)
                    self.shared += 1
            if row not in self._left_out:
                yield pair


def _same(text: str) -> str:
    """Texts that differ in case, spaces, vowel signs or what can't be seen only count as equal."""
    return " ".join(normalise(fold_text(text)).split())

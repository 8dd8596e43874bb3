"""The entries of a language pair, and which of them mean the same in two texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosszero.align.word_boundaries import Keys
from crosszero.samples.lexicon.occurrences import Occurrences, Side, find_sorted
from crosszero.samples.lexicon.pieces import Numbers, expand
from crosszero.samples.lexicon.tree import NO_ENTRY


class Table:
    """Both sides of a language pair, and the translations of their entries.

    Args:
        entries: texts that mean the same.
        languages: language of the first and of the second.
        keys: a memory of normalised words, shared with others.

    Attributes:
        source, target: the two sides.
    """

    def __init__(
        self, entries: Iterable[tuple[str, str]], languages: tuple[str, str], keys: Keys
    ) -> None:
        self.source, self.target = (Side(language, keys) for language in languages)
        numbers = ((self.source.add(a), self.target.add(b)) for a, b in entries)
        pairs = {pair: None for pair in numbers if NO_ENTRY not in pair}
        rows = np.asarray(list(pairs), dtype=np.int64).reshape(-1, 2)
        self._there = _Translations.of(rows[:, 0], rows[:, 1], len(self.source.tree.names))
        self._back = _Translations.of(rows[:, 1], rows[:, 0], len(self.target.tree.names))

    def link(self, source: Occurrences, target: Occurrences) -> tuple[Numbers, Numbers]:
        """Link entries that occur once, mean each other, and mean nothing else that is there.

        Args:
            source, target: of texts of equal number.

        Returns:
            Indices of linked occurrences, in the order of the source texts, and those of the
            target.
        """
        here = _Distinct.of(source, len(self.source.tree.names))
        there = _Distinct.of(target, len(self.target.tree.names))
        single = np.flatnonzero(here.once)
        asked, present = self._there.find(here, single, there)
        lone = np.bincount(asked, minlength=len(single)) == 1
        keep = lone[asked]
        a, b = single[asked[keep]], present[keep]
        keep = there.once[b]
        a, b = a[keep], b[keep]
        asked, _ = self._back.find(there, b, here)
        keep = np.bincount(asked, minlength=len(b)) == 1
        left, right = here.index[a[keep]], there.index[b[keep]]
        order = np.argsort(left)
        return left[order], right[order]


@dataclass(frozen=True)
class _Distinct:
    """Entries of texts, each once in a text.

    Attributes:
        text, entry: (n,) ascending.
        index: (n,) first occurrence.
        once: (n,) whether it is the only one.
        keys: (n,) text and entry as one number, ascending.
        width: number of entries that there are.
    """

    text: Numbers
    entry: Numbers
    index: Numbers
    once: NDArray[np.bool_]
    keys: Numbers
    width: int

    @classmethod
    def of(cls, found: Occurrences, width: int) -> _Distinct:
        keys, index, counts = np.unique(
            found.text * width + found.entry, return_index=True, return_counts=True
        )
        return cls(found.text[index], found.entry[index], index, counts == 1, keys, width)


@dataclass(frozen=True)
class _Translations:
    """Entries of the other side, for each entry of a side.

    Attributes:
        bounds: (entries + 1,) where the translations of each entry begin.
        others: their entries.
    """

    bounds: Numbers
    others: Numbers

    @classmethod
    def of(cls, entries: Numbers, others: Numbers, count: int) -> _Translations:
        order = np.argsort(entries, kind="stable")
        counts = np.bincount(entries, minlength=count)
        return cls(np.concatenate([[0], np.cumsum(counts)]), others[order])

    def find(self, here: _Distinct, asked: Numbers, there: _Distinct) -> tuple[Numbers, Numbers]:
        """Find the translations that stand in the other text.

        Args:
            here: entries of this side.
            asked: indices into them.
            there: entries of the other side.

        Returns:
            For each translation that is there, which of `asked` it translates, and its index into
            `there`.
        """
        which, rows = expand(self.bounds, here.entry[asked])
        wanted = here.text[asked][which] * there.width + self.others[rows]
        at, known = find_sorted(there.keys, wanted)
        return which[known], at[known]

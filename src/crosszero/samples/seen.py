"""Keys that have been seen, in 16 bytes each; a Python set takes a hundred."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # 'crosszero prepare --help' needs none of it
    import numpy as np
    from numpy.typing import NDArray

_RECENT = 200_000  # kept in a Python set until they are sorted away


class Seen:
    """A set of texts that can only grow, held as 128-bit digests.

    Digests stand in sorted arrays, each at least twice as long as the next; a look-up is a binary
    search in each. 25 million texts take 0.4 GB, twice that for a moment when arrays are joined.

    Args:
        recent: how many are held in a plain set before they are sorted away.

    Example:
        >>> seen = Seen()
        >>> seen.add("a"), seen.add("b"), seen.add("a")
        (True, True, False)
    """

    def __init__(self, recent: int = _RECENT) -> None:
        self._limit = recent
        self._recent: set[bytes] = set()
        self._runs: list[NDArray[np.bytes_]] = []

    def add(self, text: str) -> bool:
        """Take a text; tells whether it is new."""
        key = blake2b(text.encode(), digest_size=16).digest()
        if key in self._recent:
            return False
        wanted = key.rstrip(b"\0")  # NumPy's fixed-width bytes end where the zeros begin
        for run in self._runs:
            place = int(run.searchsorted(key))
            if place < len(run) and run[place] == wanted:
                return False
        self._recent.add(key)
        if len(self._recent) >= self._limit:
            self._sort()
        return True

    def _sort(self) -> None:
        import numpy as np

        run = np.array(list(self._recent), dtype="S16")
        self._recent.clear()
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.concatenate([self._runs.pop(), run])
        run.sort()
        self._runs.append(run)

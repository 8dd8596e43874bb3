"""What is told of the making of samples: while it goes on, and afterwards."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import ClassVar

from crosszero.config import build
from crosszero.errors import ConfigError
from crosszero.samples.store import SampleStore

_log = logging.getLogger("crosszero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of the sentence pairs, as the metadata of a store keep it; ``str`` says it.

    Attributes:
        pairs_read: sentence pairs that came in.
        pairs_written: rows of the store.
        pairs_held_out: rows of the second store.
        pairs_with_words: rows of the store with at least one word pair.
        word_pairs: word pairs of the store.
        skipped: pairs left out, by reason: ``empty``, ``too long``, ``duplicate``, ``held-out
            text`` (one of its texts stands in the held-out store).
    """

    pairs_read: int
    pairs_written: int
    pairs_held_out: int
    pairs_with_words: int
    word_pairs: int
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def words_per_pair(self) -> float:
        """Mean number of word pairs of a row."""
        return self.word_pairs / self.pairs_written if self.pairs_written else 0.0

    def __str__(self) -> str:
        left_out = ", ".join(f"{n} {reason}" for reason, n in self.skipped.items())
        return (
            f"{self.pairs_read} sentence pairs read, {self.pairs_written} stored with "
            f"{self.words_per_pair:.1f} word pairs each ({self.pairs_with_words} have any), "
            f"{self.pairs_held_out} held out" + (f"; left out: {left_out}" if left_out else "")
        )

    @classmethod
    def of(cls, store: SampleStore) -> Summary | None:
        """Give the summary of a store that :func:`prepare` made, else ``None``."""
        try:
            return build(cls, store.metadata.get("summary"))  # type: ignore[arg-type]
        except ConfigError:
            return None


class StageLog:
    """Logs how far the preparation of samples is, now and then: the argument `progress` of it."""

    _WHAT: ClassVar = {"read": "read", "fit": "learnt from", "find": "searched for words"}

    def __init__(self, every: float = 15.0) -> None:
        self._every, self._said = every, time.monotonic()

    def __call__(self, stage: str, done: int) -> None:
        if time.monotonic() - self._said >= self._every:
            self._said = time.monotonic()
            _log.info("%s sentence pairs %s", f"{done:,}", self._WHAT.get(stage, stage))

"""Sources of parallel text read one after another, and what is told of it meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from crosszero.bitext import BitextConfig, SentencePair
from crosszero.bitext.skip import SkipLog
from crosszero.locks import made_folder

_log = logging.getLogger("crosszero")


class StageLog:
    """Logs how far the preparation of samples is, now and then."""

    _WHAT: ClassVar = {"read": "read", "fit": "learnt from", "find": "searched for words"}

    def __init__(self, every: float = 15.0) -> None:
        self._every, self._said = every, time.monotonic()

    def __call__(self, stage: str, done: int) -> None:
        if time.monotonic() - self._said >= self._every:
            self._said = time.monotonic()
            _log.info("%s sentence pairs %s", f"{done:,}", self._WHAT.get(stage, stage))


def describe_summary(summary: Any) -> str:
    """One line on what became of the sentence pairs."""
    left_out = ", ".join(f"{n} {reason}" for reason, n in summary.skipped.items())
    return (
        f"{summary.pairs_read} sentence pairs read, {summary.pairs_written} stored with "
        f"{summary.words_per_pair:.1f} word pairs each ({summary.pairs_with_words} have any), "
        f"{summary.pairs_held_out} held out" + (f"; left out: {left_out}" if left_out else "")
    )


def read_sources(sources: list[BitextConfig], skipped: Path) -> Iterator[SentencePair]:
    """Read all sources one after another; what is left out is listed in the file `skipped`."""
    for number, source in enumerate(sources):
        place = skipped.with_name(f"{skipped.stem}-{number + 1}{skipped.suffix}")
        whole = False
        with made_folder(place.parent):
            try:
                with SkipLog(skip_bad=source.skip_bad, to=place) as log:
                    yield from source.open(log)
                whole = log.total > 0
                if whole:
                    _log.info("%s (all of them: %s)", log.summary(), place)
            finally:
                if not whole:
                    place.unlink(missing_ok=True)

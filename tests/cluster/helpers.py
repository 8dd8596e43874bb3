"""Jobs that kill their process once, and a cluster of one process for what needs no Ray."""

from __future__ import annotations

import json
import os
import pickle
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from crosszero.align.spans import Span, WordPair
from crosszero.bitext.pair import SentencePair
from crosszero.cluster import Cluster, Job
from crosszero.cluster.text_encoding import EncodeTexts
from crosszero.cluster.tile_mining import SearchTile
from crosszero.errors import ConfigError


class FirstWords:
    """Pairs the first words of both texts; the score depends on the batch it came in.

    Args:
        fatal: a file; the process is killed at the text "fatal" as long as the file is missing.
    """

    name = "first"

    def __init__(self, fatal: Path | None = None) -> None:
        self.fatal = fatal

    def fit(self, pairs: Iterable[SentencePair]) -> None:
        pass

    def find(self, pairs: Sequence[SentencePair]) -> list[tuple[WordPair, ...]]:
        found: list[tuple[WordPair, ...]] = []
        for pair in pairs:
            if pair.source.startswith("unknown"):
                raise ConfigError("no such word: unknown")
            if pair.source.startswith("fatal") and self.fatal and not self.fatal.exists():
                self.fatal.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            ends = [len(text.split()[0]) for text in (pair.source, pair.target)]
            score = 1 / len(pairs)
            found.append((WordPair(Span(0, ends[0]), Span(0, ends[1]), score),) * (ends[0] > 3))
        return found


class FatalEncode(EncodeTexts):
    """Kills its process at block 2, as long as the file `fatal` is missing."""

    fatal: Path

    def do(self, number: int, block: int) -> dict[str, Any]:
        die_once(number, self.fatal)
        return super().do(number, block)


class FatalSearch(SearchTile):
    """The same for tiles."""

    fatal: Path

    def do(self, number: int, block: list[int]) -> dict[str, Any]:
        die_once(number, self.fatal)
        return super().do(number, block)


def make_fatal(kind: type[Any], fatal: Path, *args: Any, **options: Any) -> Any:
    """Make a job that dies once."""
    job = kind(*args, **options)
    job.fatal = fatal
    return job


def die_once(number: int, fatal: Path) -> None:
    if number == 2 and not fatal.exists():
        fatal.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)


class Here(Cluster):
    """Does the blocks in this process, last first and each twice, as after a broken run."""

    def __init__(self) -> None:
        super().__init__("here")

    def run(self, job: Job, blocks: Sequence[Any]) -> Iterator[dict[str, Any]]:
        records: dict[int, dict[str, Any]] = {}
        for _ in range(2):
            worker: Job = pickle.loads(pickle.dumps(job))
            worker.start()
            for number in reversed(range(len(blocks))):
                block = json.loads(json.dumps(blocks[number]))
                record = json.loads(json.dumps(worker.do(number, block)))
                assert records.setdefault(number, record) == record
        yield from (records[number] for number in range(len(blocks)))


def corpus(size: int, *, special: str = "") -> list[SentencePair]:
    """Pairs and, after the first half, multi-way lines of three pairs; `special` in the middle."""
    pairs = []
    for number in range(size):
        head = special if special and number == size // 2 else f"wort{number % 7}"[: number % 5 + 2]
        group = f"line {number // 3}" if number > size // 2 else ""
        pairs.append(
            SentencePair(
                source=f"{head} {number}",
                target=f"mot{number % 11} {number}",
                source_language="de",
                target_language="fr" if number % 3 else "ru",
                origin=f"made-up:{number}",
                group=group,
            )
        )
    return pairs

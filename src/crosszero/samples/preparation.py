"""From sentence pairs to a store of samples: the command ``crosszero prepare``."""

from __future__ import annotations

import dataclasses
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError
from crosszero.samples.config import FinderConfig, make_finder
from crosszero.samples.finder import Finder
from crosszero.samples.sample import Sample
from crosszero.samples.spool import Spool
from crosszero.samples.store import SampleStore, SampleWriter, write_store
from crosszero.samples.words import normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of the sentence pairs. Stored in the metadata of the store.

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

    @classmethod
    def of(cls, store: SampleStore) -> Summary | None:
        """Give the summary of a store that :func:`prepare` made, else ``None``."""
        record = store.metadata.get("summary")
        return cls(**record) if record else None


def prepare(
    pairs: Iterable[SentencePair],
    *,
    out: str | Path,
    finder: str | FinderConfig | Finder = "aligner",
    max_length: int = 2_000,
    deduplicate: bool = False,
    hold_out: int = 0,
    held_out: str | Path | None = None,
    seed: int = 1,
    batch: int = 4_096,
    progress: Callable[[str, int], None] | None = None,
) -> SampleStore:
    """Find the word pairs of a corpus and store them.

    The stream is read once; beyond 200,000 pairs it is kept in a temporary file beside `out`, so
    that a corpus may be larger than memory.

    Args:
        pairs: any iterable, generators too. Pairs of one group must follow each other.
        out: folder of the store; replaced in one step when everything has worked.
        finder: ``"aligner"``, ``"lexicon"``, ``"none"``, a configuration, or a finder of your own.
        max_length: longest text in characters; longer pairs are counted and left out.
        deduplicate: leave out pairs of texts and languages that came before (16 bytes of memory
            and some overhead for each pair).
        hold_out: number of groups (or of pairs without a group), drawn at random, to put into a
            second store. Training pairs that share a text with it, on either side and whatever
            the case, are left out and counted.
        held_out: folder of the second store; ``OUT-held-out`` if not given.
        seed: for the draw.
        batch: sentence pairs handed to the finder at a time.
        progress: called with a stage (``read``, ``fit``, ``find``) and pairs done so far.

    Returns:
        The open store. ``Summary.of(store)`` tells what became of the pairs.

    Raises:
        ConfigError: a setting is out of range, or `hold_out` would leave nothing to train on.
        CrosszeroError: `out` can't be written.

    Example:
        >>> store = prepare(read_bitext("corpus.en-fr.tsv"), out="samples")   # doctest: +SKIP
        >>> Summary.of(store).words_per_pair                                  # doctest: +SKIP
        2.4
    """
    if max_length < 1 or batch < 1 or hold_out < 0:
        raise ConfigError("max_length and batch must be at least 1, hold_out at least 0")
    if isinstance(finder, str):
        finder = FinderConfig(kind=finder)
    config: dict[str, Any] = {}
    if isinstance(finder, FinderConfig):
        config, finder = dataclasses.asdict(finder), make_finder(finder)
    out = Path(out)
    second = Path(held_out) if held_out else out.with_name(out.name + "-held-out")
    note = progress or (lambda stage, done: None)
    skipped: Counter[str] = Counter()
    with Spool(out.parent) as spool:
        split = _Split(hold_out, seed)
        seen: set[bytes] = set()
        read = 0
        for read, pair in enumerate(pairs, start=1):
            if read % 10_000 == 0:
                note("read", read)
            if reason := _unusable(pair, max_length, seen if deduplicate else None):
                skipped[reason] += 1
            else:
                split.see(pair)
                spool.add(pair)
        note("read", read)
        split.finish(spool)
        finder.fit(split.training(spool, Counter()))
        note("fit", len(spool))
        record: dict[str, Any] = {"finder": finder.name, "finder_config": config}
        record["options"] = {
            "max_length": max_length,
            "deduplicate": deduplicate,
            "hold_out": hold_out,
            "seed": seed,
        }
        with ExitStack() as stack:
            if hold_out:
                writer = stack.enter_context(write_store(second, metadata=record))
                _fill(writer, split.held(spool), finder, batch)
            summary: dict[str, Any] = {}
            writer = stack.enter_context(write_store(out, metadata={**record, "summary": summary}))
            with_words = _fill(writer, split.training(spool, skipped), finder, batch, note)
            writer.close()
            done = Summary(
                pairs_read=read,
                pairs_written=writer.rows,
                pairs_held_out=split.pairs_held,
                pairs_with_words=with_words,
                word_pairs=writer.words,
                skipped=dict(sorted(skipped.items())),
            )
            summary.update(dataclasses.asdict(done))
    return SampleStore.open(out)


def _unusable(pair: SentencePair, max_length: int, seen: set[bytes] | None) -> str:
    if not pair.source.strip() or not pair.target.strip():
        return "empty"
    if len(pair.source) > max_length or len(pair.target) > max_length:
        return "too long"
    if seen is not None:
        parts = (pair.source_language, pair.target_language, pair.source, pair.target)
        key = blake2b("\0".join(parts).encode(), digest_size=16).digest()
        if key in seen:
            return "duplicate"
        seen.add(key)
    return ""


def _fill(
    writer: SampleWriter,
    pairs: Iterator[SentencePair],
    finder: Finder,
    batch: int,
    note: Callable[[str, int], None] = lambda stage, done: None,
) -> int:
    """Write all pairs with their words; returns how many rows have words."""
    with_words = done = 0
    while members := list(islice(pairs, batch)):
        for pair, words in zip(members, finder.find(members), strict=True):
            with_words += bool(words)
            writer.add(
                Sample(
                    source=pair.source,
                    target=pair.target,
                    source_language=pair.source_language,
                    target_language=pair.target_language,
                    origin=pair.origin,
                    group=pair.group,
                    words=words,
                    finder=finder.name,
                )
            )
        done += len(members)
        note("find", done)
    return with_words


class _Split:
    """Draw units (groups, or pairs without a group) for the held-out store while reading.

    Every unit gets a random number; the smallest `count` win. One pass, any corpus size.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._draw = random.Random(seed)
        self._heap: list[tuple[float, int]] = []
        self._unit = -1
        self._group = ""
        self._held: frozenset[int] = frozenset()
        self._texts: set[str] = set()
        self.pairs_held = 0

    def see(self, pair: SentencePair) -> None:
        if not self._count or (pair.group and pair.group == self._group):
            return
        self._group = pair.group
        self._unit += 1
        heapq.heappush(self._heap, (-self._draw.random(), self._unit))
        if len(self._heap) > self._count:
            heapq.heappop(self._heap)

    def finish(self, spool: Spool) -> None:
        """Fix the choice and learn its texts."""
        if not self._count:
            return
        if self._count > self._unit:
            raise ConfigError(
                f"hold_out={self._count} leaves nothing to train on: there are {self._unit + 1} "
                "groups or sentence pairs"
            )
        self._held = frozenset(unit for _, unit in self._heap)
        for pair in self.held(spool):
            self.pairs_held += 1
            self._texts.update((_same(pair.source), _same(pair.target)))

    def held(self, spool: Spool) -> Iterator[SentencePair]:
        return (pair for unit, pair in self._units(spool) if unit in self._held)

    def training(self, spool: Spool, skipped: Counter[str]) -> Iterator[SentencePair]:
        if not self._count:
            yield from spool
            return
        for unit, pair in self._units(spool):
            if unit in self._held:
                continue
            if _same(pair.source) in self._texts or _same(pair.target) in self._texts:
                skipped["held-out text"] += 1
            else:
                yield pair

    @staticmethod
    def _units(spool: Spool) -> Iterator[tuple[int, SentencePair]]:
        unit, group = -1, ""
        for pair in spool:
            if not (pair.group and pair.group == group):
                unit, group = unit + 1, pair.group
            yield unit, pair


def _same(text: str) -> str:
    """Texts that differ in case, spaces or vowel signs only count as equal."""
    return " ".join(normalise(text).split())

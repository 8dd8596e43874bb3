"""From sentence pairs to a store of samples: the command ``crosszero prepare``."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

from crosszero.align.aligner import sides
from crosszero.align.word_boundaries import word_spans
from crosszero.bitext.decoding import find_control
from crosszero.bitext.folding import fold_text, has_text
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.read import read_bitext
from crosszero.config import require_count
from crosszero.errors import DataError
from crosszero.samples.finder import Finder
from crosszero.samples.hold_out import Split
from crosszero.samples.prepare_config import FinderConfig, Kind, PrepareConfig, make_finder
from crosszero.samples.sample import Sample
from crosszero.samples.seen import Seen
from crosszero.samples.spool import Spool
from crosszero.samples.store import SampleStore
from crosszero.samples.store_places import check_places, default_held_out, remove_stale
from crosszero.samples.summary import Summary
from crosszero.samples.writer import SampleWriter, cut_row_groups, write_stores

Progress = Callable[[str, int], None]
_LONG = 30  # characters: text without spaces that is a single word is none, but a sentence
_log = logging.getLogger("crosszero")


def prepare(
    pairs: str | Path | Sequence[str] | Iterable[SentencePair],
    *,
    out: str | Path,
    words: Kind | FinderConfig | Finder = "aligner",
    encoder: str | Path = "crosszero-mini-aligned",
    max_chars: int = 2_000,
    deduplicate: bool = False,
    hold_out: int = 0,
    held_out: str | Path | None = None,
    seed: int = 1,
    batch: int = 4_096,
    progress: Progress | None = None,
    fill: Fill | None = None,
) -> SampleStore:
    """Find the word pairs of a corpus and store them.

    The stream is read once. Beyond 200,000 pairs it is kept in a temporary file beside `out`, so a
    corpus may be larger than memory.

    Args:
        pairs: any iterable, generators too. Pairs of one group must follow each other. Or the path
            of a file, or several, for :func:`crosszero.read_bitext`.
        out: folder of the store. An older store is replaced in one step when everything has
            succeeded; any other existing folder is refused.
        words: how word pairs are found: ``"aligner"``, ``"encoder"``, ``"none"``, a configuration,
            or a finder of your own.
        encoder: that links the words for ``"encoder"``, by its middle layer.
        max_chars: longest text in characters; longer pairs are counted and left out.
        deduplicate: leave out pairs of texts and languages that came before, also if they differ in
            white space or in what can't be seen (16 bytes of memory for each pair).
        hold_out: number of groups (or of pairs without a group), drawn at random, to put into a
            second store. Training pairs that share a text with it, on either side and whatever
            the case, white space and invisible characters, are left out and counted.
        held_out: folder of the second store; ``OUT-held-out`` if not given. Without `hold_out` an
            older second store is removed, because its texts may be training texts now. Its metadata
            counts under ``not_in_training`` the pairs of languages that only it has (the aligner
            finds no words in them).
        seed: of the draw.
        batch: sentence pairs handed to the finder at a time, rounded up to whole row groups.
        progress: called with a stage (``read``, ``fit``, ``find``) and the pairs done so far.
        fill: finds and writes the words, once the finder is trained; by default in this process.
            :class:`crosszero.cluster.ClusterFill` does it on many machines.

    Returns:
        The open store. ``Summary.of(store)`` says what happened to the pairs.

    Raises:
        ConfigError: a setting is out of range, `hold_out` would leave nothing to train on, the
            finder can't serve a language pair, or `out` or `held_out` is no place for a store.
        DataError: no pair is left to train on.
        CrosszeroError: `out` can't be written.

    Example:
        >>> store = prepare("corpus.en-fr.tsv", out="samples")                # doctest: +SKIP
        >>> Summary.of(store).words_per_pair                                  # doctest: +SKIP
        2.4
    """
    require_count("batch", batch)
    options = PrepareConfig(
        hold_out=hold_out, deduplicate=deduplicate, max_chars=max_chars, seed=seed
    )
    out = Path(out)
    second = Path(held_out) if held_out else default_held_out(out)
    check_places(out, second, hold_out)
    several = isinstance(pairs, list | tuple) and bool(pairs) and isinstance(pairs[0], str | Path)
    if several or isinstance(pairs, str | Path):
        pairs = read_bitext(cast("str | Sequence[str]", pairs))
    corpus = cast("Iterable[SentencePair]", pairs)
    config: dict[str, Any] = {}
    note = progress or (lambda stage, done: None)
    if not isinstance(words, Finder):
        words = FinderConfig(kind=words) if isinstance(words, str) else words
        config, words = dataclasses.asdict(words), make_finder(words, encoder=encoder)
    finder = words
    check = getattr(finder, "check_languages", lambda source, target: None)
    skipped: Counter[str] = Counter()
    with Spool(out.parent) as spool:
        split, uncut = Split(hold_out, seed), _Uncut()
        seen = Seen() if deduplicate else None
        met: set[tuple[str, str]] = set()
        read = 0
        for read, pair in enumerate(corpus, start=1):
            if read % 10_000 == 0:
                note("read", read)
            if reason := _unusable(pair, max_chars, seen):
                skipped[reason] += 1
                continue
            if (languages := (pair.source_language, pair.target_language)) not in met:
                check(*languages)
                met.add(languages)
            split.see(pair)
            spool.add(pair)
            uncut.see(pair)
        note("read", read)
        _check_left(out, len(spool), read, skipped)
        split.finish()
        if finder.name != "none":
            uncut.warn()
        finder.fit(split.training(spool))
        note("fit", len(spool))
        used = {"finder_config": config, "options": dataclasses.asdict(options)}
        record = {"finder": finder.name, **used}
        unknown: dict[str, int] = {}
        summary: dict[str, Any] = {}
        stores = {out: {**record, "summary": summary}}
        if hold_out:  # killed between the two, the old store is refused beside the new texts
            stores = {second: {**record, "not_in_training": unknown}, **stores}
        with write_stores(stores) as writers:
            writer = writers[-1]
            if hold_out:
                fill_here(writers[0], iter(split.held), finder, batch)
            (fill or fill_here)(writer, split.training(spool), finder, batch, note)
            writer.close()
            if split.shared:
                skipped["held-out text"] = split.shared
            _check_left(out, writer.rows, read, skipped)
            for pair in split.held:
                one, other = pair.source_language, pair.target_language
                if not (writer.pairs[f"{one}-{other}"] or writer.pairs[f"{other}-{one}"]):
                    unknown[f"{one}-{other}"] = unknown.get(f"{one}-{other}", 0) + 1
            done = Summary(
                pairs_read=read,
                pairs_written=writer.rows,
                pairs_held_out=len(split.held),
                pairs_with_words=writer.rows_with_words,
                word_pairs=writer.words,
                skipped=dict(sorted(skipped.items())),
            )
            summary.update(dataclasses.asdict(done))
    remove_stale(out, second, hold_out)
    return SampleStore.open(out)


def _check_left(out: Path, left: int, read: int, skipped: Counter[str]) -> None:
    if left:
        return
    if not read:
        raise DataError(out, "not written: no sentence pairs were read; check the input")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items()))
    raise DataError(
        out,
        f"not written: {read:,} sentence pairs were read and none is left to train on ({reasons}); "
        "check the input, or raise max_chars, or lower hold_out",
    )


def _unusable(pair: SentencePair, max_chars: int, seen: Seen | None) -> str:
    # Readers have seen to this; pairs of other makers may hold what can't be written.
    languages = pair.source_language, pair.target_language
    for text in (pair.source, pair.target, *languages, pair.origin, pair.group):
        if bad := find_control(text):
            return bad.reason
    if not has_text(pair.source) or not has_text(pair.target):
        return "empty"
    if len(pair.source) > max_chars or len(pair.target) > max_chars:
        return "too long"
    if seen is not None:
        texts = map(fold_text, (pair.source, pair.target))
        if not seen.add("\0".join((pair.source_language, pair.target_language, *texts))):
            return "duplicate"
    return ""


class _Uncut:
    """Counts texts that are a single word, as long as they are: of scripts that nobody cuts."""

    def __init__(self) -> None:
        self.texts: Counter[str] = Counter()
        self.uncut: Counter[str] = Counter()

    def see(self, pair: SentencePair) -> None:
        for language, text in sides(pair):
            self.texts[language] += 1
            if len(text) >= _LONG and len(text.split(None, 1)) == 1:
                self.uncut[language] += len(word_spans(text, language)) == 1

    def warn(self) -> None:
        for language, count in self.uncut.items():
            if 2 * count > self.texts[language]:
                found = f"{count:,} of {self.texts[language]:,} texts are a single word"
                _log.warning("%s: %s: put spaces between their words first", language, found)


class Fill(Protocol):
    """Write all pairs with their words, in their order: :func:`fill_here`, or on a cluster.

    The finder has learnt already. It is handed the fewest whole row groups that hold `batch` pairs,
    so that every way to fill a store hands over the same. `note` is told of ``find`` and the pairs
    done so far.
    """

    def __call__(
        self,
        writer: SampleWriter,
        pairs: Iterator[SentencePair],
        finder: Finder,
        batch: int,
        note: Progress,
    ) -> None: ...


def fill_here(
    writer: SampleWriter,
    pairs: Iterator[SentencePair],
    finder: Finder,
    batch: int,
    note: Progress = lambda stage, done: None,
) -> None:
    """Find the words of all pairs in this process; see :class:`Fill`."""
    done = 0
    groups = cut_row_groups(pairs, writer.row_group)
    each = groups_of_batch(batch, writer.row_group)
    while members := [pair for group in islice(groups, each) for pair in group]:
        for pair, words in zip(members, finder.find(members), strict=True):
            writer.add(Sample.of(pair, words, finder.name))
        done += len(members)
        note("find", done)


def groups_of_batch(batch: int, row_group: int) -> int:
    """Row groups handed to the finder at a time."""
    return -(-batch // row_group)

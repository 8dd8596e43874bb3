"""Gold word alignments as samples: links that people made, to be trained on.

Whoever measures an encoder must not measure it on sentences that it has seen the links of. An
encoder's folder therefore tells them: ``gold.json`` holds hashes of the sentences of all trainings
that led to it. It goes wherever the encoder goes, also to the hub, where the sentences themselves
may not. ``gold/`` is a store of those of the last training. Folders from before gold.json have that
alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from crosszero.align.gold import GOLD, GOLD_HASHES, read_alignment_set, split_base
from crosszero.align.spans import WordPair, join_words
from crosszero.bitext.folding import fold_text
from crosszero.bitext.languages import languages_in_name
from crosszero.bitext.pair import SentencePair
from crosszero.config import read_json
from crosszero.errors import ConfigError, DataError
from crosszero.files import atomic_file
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore, collect

_KEY = "sentences"


def read_gold_samples(stems: Sequence[str | Path]) -> Iterator[Sample]:
    """Read gold alignments as samples; a sure link is a word pair, a possible one is not.

    Args:
        stems: paths such as ``gold/de-en``, without .src, .tgt and .gold; ``gold/de-en:1`` says
            that the gold file counts words from 1. The names tell the languages.

    Raises:
        ConfigError: a name is given twice, tells no two languages, or a file not what it counts
            from.
        DataError: a file is missing or damaged.

    Example:
        >>> next(read_gold_samples(["gold/de-en"])).words[0]          # doctest: +SKIP
        WordPair(source=Span(start=0, end=3), target=Span(start=0, end=3), score=1.0)
    """
    places = [Path(split_base(stem)[0]).resolve() for stem in stems]
    for stem, place in zip(stems, places, strict=True):
        path, _ = split_base(stem)
        if places.count(place) > 1:
            raise ConfigError(f"gold: {path} is given {places.count(place)} times; name it once")
        languages = languages_in_name(path)
        if languages is None:
            raise ConfigError(
                f"{path}: the languages are not clear from the name; name it like de-en"
            )
        found = read_alignment_set(stem)
        (sources, lefts), (targets, rights) = join_words(found.source), join_words(found.target)
        rows = zip(sources, lefts, targets, rights, found.gold, strict=True)
        for number, (source, left, target, right, gold) in enumerate(rows, start=1):
            pair = SentencePair(
                source=source,
                target=target,
                source_language=languages[0],
                target_language=languages[1],
                origin=f"{path}.src:{number}",
            )
            words = (WordPair(left[i], right[j], 1.0) for i, j in sorted(gold.sure))
            yield Sample.of(pair, tuple(words), GOLD)


def collect_gold(stems: Sequence[str | Path], folder: Path) -> SampleStore:
    """Write gold alignments to a store; those without a sure link are left out."""
    rows = [row for row in read_gold_samples(stems) if row.words]
    if not rows:
        raise DataError(stems[0], "has no sure link, so nothing can be learnt from it")
    return collect(rows, folder)


def hash_texts(samples: Iterable[Sample]) -> frozenset[str]:
    """Hash both texts of each sample, as :func:`find_known` knows them again."""
    return frozenset(_hash(text) for row in samples for text in (row.source, row.target))


def read_hashes(encoder: str | Path) -> frozenset[str]:
    """Read the hashes of the gold sentences that an encoder was trained on, of old folders, too.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.

    Raises:
        DataError: they are there, but damaged.
        CheckpointError: the hub can't be asked for them.
    """
    from crosszero.model.loading import find_file, find_folder  # which loads torch

    folder = find_folder(encoder)
    if not folder.is_dir() and str(encoder).count("/") != 1:
        return frozenset()  # made in memory; nobody has put it on the hub
    path, store = find_file(encoder, GOLD_HASHES), folder / GOLD
    known = read_json(path, dict[str, list[str]]).get(_KEY, []) if path else []
    return hash_texts(SampleStore.open(store) if store.is_dir() else ()).union(known)


def show_hashes(hashes: Collection[str]) -> str:
    """Give the content of ``gold.json``."""
    return json.dumps({_KEY: sorted(hashes)}, indent=0)


def write_hashes(hashes: Collection[str], folder: Path) -> None:
    """Write ``gold.json`` into the folder of an encoder, if there are any."""
    if hashes:
        with atomic_file(folder / GOLD_HASHES) as file:
            file.write(show_hashes(hashes))


def find_known(encoder: str | Path, sources: Sequence[str], targets: Sequence[str]) -> list[int]:
    """Find the sentence pairs whose gold links an encoder was trained on.

    Args:
        encoder: its folder or hub id, trained here or not.
        sources, targets: n sentences and their translations.

    Returns:
        The numbers of the pairs of which either text is known from there.

    Raises:
        DataError, CheckpointError: see :func:`read_hashes`.
    """
    known = read_hashes(encoder)
    both = zip(sources, targets, strict=True)
    return [n for n, texts in enumerate(both) if not known.isdisjoint(map(_hash, texts))]


def _hash(text: str) -> str:
    folded = fold_text(text).encode(errors="replace")
    return hashlib.blake2b(folded, digest_size=12).hexdigest()

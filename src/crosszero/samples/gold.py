"""Gold word alignments as samples: links that people made, to be trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.align.gold import read_alignment_set, split_base
from crosszero.align.spans import WordPair, join_words
from crosszero.bitext.folding import fold_text
from crosszero.bitext.languages import languages_in_name
from crosszero.bitext.pair import SentencePair
from crosszero.errors import ConfigError, DataError
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore, collect

GOLD = "gold"  # the store in the folder of a run


def read_gold_samples(stems: Sequence[str | Path]) -> Iterator[Sample]:
    """Read gold alignments as samples; a sure link is a word pair, a possible one is not.

    Args:
        stems: paths such as ``gold/de-en``, without .src, .tgt and .gold; ``gold/de-en:1`` says
            that the gold file counts words from 1. The names tell the languages.

    Raises:
        ConfigError: a name tells no two languages, or a file not what it counts from.
        DataError: a file is missing or damaged.

    Example:
        >>> next(read_gold_samples(["gold/de-en"])).words[0]          # doctest: +SKIP
        WordPair(source=Span(start=0, end=3), target=Span(start=0, end=3), score=1.0)
    """
    for stem in stems:
        path, _ = split_base(stem)
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
            yield Sample.of(pair, tuple(words), "gold")


def collect_gold(stems: Sequence[str | Path], folder: Path) -> SampleStore:
    """Write gold alignments to a store; those without a sure link are left out."""
    rows = [row for row in read_gold_samples(stems) if row.words]
    if not rows:
        raise DataError(stems[0], "has no sure link, so nothing can be learnt from it")
    return collect(rows, folder)


def find_known(run: str | Path, sources: Sequence[str], targets: Sequence[str]) -> list[int]:
    """Find the sentence pairs whose gold links a run was trained on.

    Args:
        run: folder of an encoder, trained here or not.
        sources, targets: n sentences and their translations.

    Returns:
        The numbers of the pairs of which either text is known from there.
    """
    folder = Path(run) / GOLD
    if not folder.is_dir():
        return []
    store = SampleStore.open(folder)
    known = {fold_text(text) for row in store for text in (row.source, row.target)}
    both = zip(sources, targets, strict=True)
    return [n for n, texts in enumerate(both) if known.intersection(map(fold_text, texts))]

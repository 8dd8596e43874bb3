"""Sentence retrieval: find the translation of a sentence among all of the other language.

The store of samples (:mod:`crosszero.tasks.retrieval`) is ``<data>/sentence-retrieval``, or the one
of words, or `data` itself. An answer is right if its TEXT is a translation of the query's text,
because texts repeat, interface strings most of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from crosszero.errors import DataError
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.search.mining import SentenceEncoder
from crosszero.tasks.retrieval import RetrievalTask, find_nearest
from crosszero.tasks.task import Folder, Items, Languages, count_hits


class Sides(NamedTuple):
    """Sentences that ask, and their translations row by row; each pair of them once."""

    queries: list[str]
    candidates: list[str]


class SentenceRetrieval(RetrievalTask):
    """The task ``sentence-retrieval``.

    Args:
        name: folder of its predictions, and name of its scores; another one tells what is asked of
            a further text from what is asked of the held-out samples.

    Example:
        >>> task = SentenceRetrieval()
        >>> encoder = Encoder.load("crosszero-mini")                          # doctest: +SKIP
        >>> task.predict(encoder, "samples-held-out", "out", ["en-fr"])       # doctest: +SKIP
        [PosixPath('out/sentence-retrieval/test-en-fr.tsv')]
    """

    name = "sentence-retrieval"
    title = "sentences"
    metric = "text-accuracy"
    unit = "sentences"
    needs = "sentences"
    rank = 75

    def __init__(self, name: str = "sentence-retrieval") -> None:
        if name != type(self).name:
            self.name, self.title, self.rank = name, name, 1000

    def list_languages(self, data: Folder) -> list[str]:
        """List the directions, sorted; DataError if there is no text."""
        return list(self._read(data))

    def ask(self, data: Folder, languages: Languages) -> Iterator[dict[str, Sides]]:
        """All directions at once."""
        found = self._read(data)
        yield {name: found[name] for name in self.pick_languages(list(found), languages)}

    def answer(
        self, encoder: SentenceEncoder, asked: Mapping[str, Sides]
    ) -> Iterator[tuple[str, list[int]]]:
        """Encode each text once for all directions."""
        texts = list(dict.fromkeys(t for sides in asked.values() for side in sides for t in side))
        vectors = encoder.encode(texts)
        rows = {text: row for row, text in enumerate(texts)}
        for name, sides in asked.items():
            yield name, find_nearest(*(vectors[[rows[text] for text in side]] for side in sides))

    def count(self, found: Sequence[int], gold: Sides) -> Items:
        """Items are the queries."""
        return count_hits(compare_texts(found, *gold))

    def _read(self, data: Folder) -> dict[str, Sides]:
        store = self.locate(data)
        if not store.is_dir():
            raise DataError(store, "holds no samples for sentence retrieval")
        return list_directions(SampleStore.open(store))


def list_directions(samples: Iterable[Sample]) -> dict[str, Sides]:
    """Sort sentence pairs by direction, both ways, by names such as ``en-fr``."""
    rows: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for sample in samples:
        languages = sample.source_language, sample.target_language
        texts = sample.source, sample.target
        rows.setdefault(languages, {}).setdefault(texts)
        rows.setdefault(languages[::-1], {}).setdefault(texts[::-1])
    return {
        "-".join(languages): Sides([a for a, _ in found], [b for _, b in found])
        for languages, found in sorted(rows.items())
    }


def compare_texts(
    found: Sequence[int], queries: Sequence[str], candidates: Sequence[str]
) -> list[bool]:
    """Tell which queries found a right TEXT, where candidate i translates query i; -1 is none.

    Where two candidates have the same text, no encoder can tell them apart, and a query that shares
    its text with others may find the translation of any of them.

    Example:
        >>> compare_texts([0, 0, 1], ["Open", "Open", "Shut"], ["Ouvrir", "Ouvert", "Fermer"])
        [True, True, False]
    """
    right: dict[str, set[str]] = {}
    for query, candidate in zip(queries, candidates, strict=True):
        right.setdefault(query, set()).add(candidate)
    rows = zip(queries, found, strict=True)
    return [row >= 0 and candidates[row] in right[query] for query, row in rows]


TASKS = (SentenceRetrieval(),)

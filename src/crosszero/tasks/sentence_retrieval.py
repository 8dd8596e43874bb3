"""Sentence retrieval: a sentence of one language looks for its translation in the other.

The data are a store of samples: of sentences that no training has seen, as ``crosszero prepare
--hold-out`` writes it, or of any text in several languages. Texts repeat themselves, so what has to
be found is the gold TEXT, not its row: where several rows of a text have the same translation, any
of them is right. A prediction file has a line for each query, in the order of the store, with the
0-based number of the other side's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from crosszero.bitext.numbered import read_numbers
from crosszero.errors import DataError
from crosszero.samples.columns import METADATA
from crosszero.samples.store import SampleStore
from crosszero.search.mining import SentenceEncoder
from crosszero.search.neighbours import check_some, find_neighbours
from crosszero.tasks.outputs import find_output, name_output, write_output
from crosszero.tasks.task import Items, Score, Task, count_hits
from crosszero.tasks.word_retrieval import WordRetrieval

Sides = tuple[list[str], list[str]]  # (queries, candidates): row i translates row i


class SentenceRetrieval(Task):
    """The task ``sentence-retrieval``; a "language" is a direction such as ``en-fr``.

    Args:
        name: folder of its predictions, and name of its scores; that of a text in several languages
            tells apart what was asked of it from what was asked of the held-out samples.

    Example:
        >>> task = SentenceRetrieval()
        >>> encoder = Encoder.load("crosszero-mini")                          # doctest: +SKIP
        >>> task.predict(encoder, "samples-held-out", "out", ["en-fr"])       # doctest: +SKIP
        [PosixPath('out/sentence-retrieval/test-en-fr.tsv')]
        >>> task.score("out", "samples-held-out", ["en-fr"])[0]               # doctest: +SKIP
        Score(task='sentence-retrieval', metric='text-accuracy', language='en-fr', ...)
    """

    name = "sentence-retrieval"
    title = "sentences"
    metric = "text-accuracy"
    unit = "sentences"
    needs = "sentences"
    data_setting = "held_out"
    pairs_of_languages = True
    rank = 75

    def __init__(self, name: str = "sentence-retrieval") -> None:
        if name != type(self).name:
            self.name, self.title, self.rank = name, name, 1000

    def locate(self, data: str | Path) -> Path:
        """The store: `data` itself, or the one that it holds by the task's or the words' name."""
        for name in (self.name, WordRetrieval.name):
            if (Path(data) / name).exists():
                return Path(data) / name
        return Path(data) if (Path(data) / METADATA).is_file() else Path(data) / self.name

    def list_languages(self, data: str | Path) -> list[str]:
        """List both directions of every pair of languages, sorted; DataError for no store."""
        return sorted(self._read(data))

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Sides]]:
        """Read queries and candidates of each direction; raises as :meth:`Task.load`."""
        sides = self._read(data)
        for direction in self.choose_languages(data, languages):
            yield direction, sides[direction]

    def predict(
        self,
        encoder: SentenceEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Search the nearest sentence of every query; see :meth:`Task.predict`.

        -1 stands for a sentence with a vector of zeros.
        """
        asked = dict(self.load(data, languages))
        texts = list(dict.fromkeys(t for sides in asked.values() for side in sides for t in side))
        vectors = encoder.encode(texts)
        rows = {text: row for row, text in enumerate(texts)}
        written = []
        for direction, sides in asked.items():
            queries, candidates = (vectors[[rows[text] for text in side]] for side in sides)
            check_some(queries, candidates)
            found = find_neighbours(queries, candidates).index[:, 0]
            answers = np.where(np.asarray(queries).any(axis=1), found, -1)
            path = name_output(predictions, self.name, direction)
            written.append(write_output(path, answers.tolist()))
        return written

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the prediction files: ``text-accuracy`` of each direction."""
        return [
            Score(
                task=self.name,
                metric=self.metric,
                language=direction,
                value=sum(hits) / len(hits),
                count=len(hits),
            )
            for direction, sides in self.load(data, languages)
            for hits in [self._compare(predictions, direction, sides)]
        ]

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Right or not, sentence by sentence."""
        ((direction, sides),) = self.load(data, [language])
        return count_hits(self._compare(predictions, direction, sides))

    def _compare(self, predictions: str | Path, direction: str, sides: Sides) -> list[bool]:
        queries, candidates = sides
        path = find_output(name_output(predictions, self.name, direction))
        found = read_numbers(
            path, len(queries), len(candidates), lines_of="sentences", unanswered=True
        )
        right: dict[str, set[str]] = {}
        for query, candidate in zip(queries, candidates, strict=True):
            right.setdefault(query, set()).add(candidate)
        pairs = zip(queries, found, strict=True)
        return [row >= 0 and candidates[row] in right[query] for query, row in pairs]

    def _read(self, data: str | Path) -> dict[str, Sides]:
        """Each pair of texts once, both ways, pairs of languages in order."""
        store = self.locate(data)
        if not store.is_dir():
            raise DataError(store, "holds no samples for sentence retrieval")
        pairs: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        for sample in SampleStore.open(store):
            languages = (sample.source_language, sample.target_language)
            texts = (sample.source, sample.target)
            if languages[::-1] in pairs:
                languages, texts = languages[::-1], texts[::-1]
            pairs.setdefault(languages, {})[texts] = None
        found: dict[str, Sides] = {}
        for (source, target), rows in sorted(pairs.items()):
            left, right = ([row[side] for row in rows] for side in (0, 1))
            found[f"{source}-{target}"] = left, right
            found[f"{target}-{source}"] = right, left
        return found

    def list_files(self, data: str | Path) -> list[Path]:
        """The store."""
        store = self.locate(data)
        return [store] if store.exists() else []


TASKS = (SentenceRetrieval(),)

"""Sentence retrieval: a sentence looks for its translation among all of the other language.

The data are parallel texts that no training has seen, in ``<data>/sentence-retrieval`` or in `data`
itself: a store of samples, as ``crosszero prepare --hold-out`` writes it, or multi-way text,
``multi.<xx>`` with a line for each meaning. What is found is right if its TEXT is a translation of
the query's text: text repeats itself, interface strings most of all. A prediction file has the
0-based number of a pair for each pair, in the order in which they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crosszero.bitext import SentencePair, read_bitext
from crosszero.errors import DataError
from crosszero.samples.columns import METADATA
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.search.mining import SentenceEncoder
from crosszero.tasks.prediction_files import find_predictions, name_file, read_numbers, write_lines
from crosszero.tasks.retrieval import compare_texts, find_nearest
from crosszero.tasks.task import Folder, Items, Languages, Task, count_hits
from crosszero.tasks.word_retrieval import WordRetrieval


@dataclass(frozen=True)
class Direction:
    """What one language asks another.

    Attributes:
        source, target: the languages that ask and are asked.
        queries, candidates: their sentences, aligned row by row; each pair of them once.
    """

    source: str
    target: str
    queries: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)


def list_directions(pairs: Iterable[Sample | SentencePair]) -> dict[str, Direction]:
    """Sort sentence pairs by direction, both ways, by names such as ``en-fr``."""
    rows: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for pair in pairs:
        one, other = pair.source_language, pair.target_language
        rows.setdefault((one, other), {}).setdefault((pair.source, pair.target))
        rows.setdefault((other, one), {}).setdefault((pair.target, pair.source))
    return {
        f"{one}-{other}": Direction(one, other, [a for a, _ in found], [b for _, b in found])
        for (one, other), found in sorted(rows.items())
    }


def answer(
    encoder: SentenceEncoder, directions: Mapping[str, Direction]
) -> Iterator[tuple[str, list[int]]]:
    """Find the nearest candidate of every query; each text is encoded once for all directions.

    Yields:
        For each direction the row numbers; -1 for a sentence with a vector of zeros.
    """
    asked = directions.values()
    texts = list(dict.fromkeys(text for d in asked for text in (*d.queries, *d.candidates)))
    vectors = encoder.encode(texts)
    rows = {text: row for row, text in enumerate(texts)}
    for name, one in directions.items():
        queries, candidates = (
            vectors[[rows[text] for text in side]] for side in (one.queries, one.candidates)
        )
        yield name, find_nearest(queries, candidates)


class SentenceRetrieval(Task):
    """The task ``sentence-retrieval``; a "language" is a direction such as ``en-fr``.

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
    data_setting = "held_out"
    pairs_of_languages = True
    rank = 75

    def __init__(self, name: str = "sentence-retrieval") -> None:
        if name != type(self).name:
            self.name, self.title, self.rank = name, name, 1000

    def locate(self, data: Folder) -> Path:
        """The texts: in `data` by the task's or the words' name, or `data` itself."""
        for name in (self.name, WordRetrieval.name):
            if (Path(data) / name).exists():
                return Path(data) / name
        return Path(data) if _list_files(Path(data)) else Path(data) / self.name

    def list_files(self, data: Folder) -> list[Path]:
        """The store, or the files of multi-way text."""
        return _list_files(self.locate(data))

    def list_languages(self, data: Folder) -> list[str]:
        """List the directions, sorted; DataError if there is no text."""
        return list(self._read(data))

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, Direction]]:
        """Read what is asked in each direction."""
        yield from self._choose(data, languages).items()

    def predict(
        self,
        encoder: SentenceEncoder,
        data: Folder,
        predictions: Folder,
        languages: Languages = None,
    ) -> list[Path]:
        """Search the nearest sentence of every query; -1 stands for a vector of zeros."""
        return [
            write_lines(name_file(predictions, self.name, direction), found)
            for direction, found in answer(encoder, self._choose(data, languages))
        ]

    def read_predictions(self, predictions: Folder, language: str, gold: Direction) -> list[int]:
        """Read a number for each query."""
        path, size = find_predictions(predictions, self.name, language), len(gold.queries)
        return read_numbers(path, size, size, unit=self.unit, unanswered=True)

    def count(self, found: Sequence[int], gold: Direction) -> Items:
        """Items are the queries."""
        return count_hits(compare_texts(found, gold.queries, gold.candidates))

    def _choose(self, data: Folder, languages: Languages) -> dict[str, Direction]:
        found = self._read(data)
        return {name: found[name] for name in self.pick_languages(list(found), languages)}

    def _read(self, data: Folder) -> dict[str, Direction]:
        place = self.locate(data)
        if not _list_files(place):
            raise DataError(place, "holds no parallel text: a store of samples, or multi.<xx>")
        if (place / METADATA).is_file():
            return list_directions(SampleStore.open(place))
        return list_directions(read_bitext(place / "multi"))


def _list_files(place: Path) -> list[Path]:
    return [place] if (place / METADATA).is_file() else sorted(place.glob("multi.*"))


TASKS = (SentenceRetrieval(),)

"""Word retrieval: a word in its sentence looks for its translation among all words.

The data is a store of word positioned samples in ``<data>/word-retrieval``, or `data` itself, as
``crosszero prepare --hold-out`` writes it: of sentences that no training has seen. What is asked
and what is right is told in :mod:`crosszero.tasks.word_questions`. A prediction file has a line for
each query, in the order of :func:`~crosszero.tasks.word_questions.list_questions`, with the 0-based
number of a candidate of that list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crosszero.align.word_encoder import WordEncoder
from crosszero.errors import DataError
from crosszero.samples.columns import METADATA
from crosszero.samples.store import SampleStore
from crosszero.tasks.prediction_files import (
    find_predictions,
    name_file,
    read_numbers,
    write_lines,
)
from crosszero.tasks.task import Folder, Items, Languages, Measures, Task, count_hits
from crosszero.tasks.word_questions import WordQuestions, answer, compare, list_questions

_AT_ONCE = 20_000  # samples; encoding a text once for all its language pairs takes memory


class WordRetrieval(Task):
    """The task ``word-retrieval``; a "language" is a direction such as ``en-fr``.

    Example:
        >>> task = WordRetrieval()
        >>> encoder = Encoder.load("crosszero-mini")                       # doctest: +SKIP
        >>> task.predict(encoder, "data", "out", ["en-fr"])                 # doctest: +SKIP
        [PosixPath('out/word-retrieval/test-en-fr.tsv')]
        >>> task.score("out", "data", ["en-fr"])[0]                          # doctest: +SKIP
        Score(task='word-retrieval', metric='accuracy', language='en-fr', ...)
    """

    name = "word-retrieval"
    title = "words"
    metric = "accuracy"
    unit = "words"
    needs = "words"
    data_setting = "held_out"
    pairs_of_languages = True
    rank = 80

    def locate(self, data: Folder) -> Path:
        """The store: ``<data>/word-retrieval``, or `data` itself where that is a store."""
        inside = Path(data) / self.name
        return Path(data) if not inside.exists() and (Path(data) / METADATA).is_file() else inside

    def list_files(self, data: Folder) -> list[Path]:
        """The store."""
        store = self.locate(data)
        return [store] if store.exists() else []

    def list_languages(self, data: Folder) -> list[str]:
        """List the directions that have word pairs, sorted.

        Raises:
            DataError: there is no store, or it has no word pairs.
        """
        return sorted(self._list_pairs(data))

    def load(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, WordQuestions]]:
        """Read what is asked, and what is right, in each direction."""
        for asked in self._ask(data, languages):
            yield from asked.items()

    def predict(
        self, encoder: WordEncoder, data: Folder, predictions: Folder, languages: Languages = None
    ) -> list[Path]:
        """Search the nearest word of every query, write ``word-retrieval/test-<xx>-<yy>.tsv``.

        Args:
            encoder: gives the word vectors. A store of more than 20,000 samples is done one
                language pair at a time, whose samples and word vectors are held in memory.
            data: the store, or a folder that holds it as ``word-retrieval/``.
            predictions: folder of the predictions.
            languages: directions such as ``en-fr``; None for all.

        Returns:
            The files; -1 stands for a word of which the model saw nothing.
        """
        return [
            write_lines(name_file(predictions, self.name, direction), found)
            for asked in self._ask(data, languages)
            for direction, found in answer(encoder, asked)
        ]

    def read_predictions(
        self, predictions: Folder, language: str, gold: WordQuestions
    ) -> list[int]:
        """Read a number for each query."""
        path = find_predictions(predictions, self.name, language)
        sizes = len(gold.queries), len(gold.candidates)
        return read_numbers(path, *sizes, unit="words that ask", unanswered=True)

    def measure(self, found: Sequence[int], gold: WordQuestions) -> Measures:
        """Give ``accuracy`` (the right word in the right sentence) and ``type-accuracy`` (the right
        word in any sentence).
        """
        names = ("accuracy", "type-accuracy")
        sides = zip(names, compare(gold, found), strict=True)
        return {name: (sum(hits) / len(hits), len(hits)) for name, hits in sides}

    def count(self, found: Sequence[int], gold: WordQuestions) -> Items:
        """Items are the words that ask."""
        return count_hits(compare(gold, found)[0])

    def _list_pairs(self, data: Folder) -> dict[str, frozenset[str]]:
        """Directions that have word pairs, and their two languages."""
        found: dict[str, frozenset[str]] = {}
        for sample in SampleStore.open(self.locate(data)):
            if sample.words:
                one, other = sample.source_language, sample.target_language
                found[f"{one}-{other}"] = found[f"{other}-{one}"] = frozenset((one, other))
        if not found:
            raise DataError(self.locate(data), "holds no sample with a word pair")
        return found

    def _ask(
        self, data: Folder, languages: Sequence[str] | None
    ) -> Iterator[dict[str, WordQuestions]]:
        """What is asked: all at once, or one language pair after the other."""
        found = self._list_pairs(data)
        pairs = {name: found[name] for name in self.pick_languages(sorted(found), languages)}
        store = SampleStore.open(self.locate(data))
        wanted = list(dict.fromkeys(pairs.values()))
        groups = [wanted] if len(store) <= _AT_ONCE else [[pair] for pair in wanted]
        for group in groups:
            samples = [s for s in store if {s.source_language, s.target_language} in group]
            asked = list_questions(samples)
            yield {name: asked[name] for name, pair in pairs.items() if pair in group}


TASKS = (WordRetrieval(),)

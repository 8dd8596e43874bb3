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
from crosszero.bitext.numbered import read_numbers
from crosszero.errors import DataError
from crosszero.samples.columns import METADATA
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.tasks.outputs import choose_languages, find_output, name_output, write_output
from crosszero.tasks.task import Items, Score, Task, count_hits
from crosszero.tasks.word_lookup import WordLookup
from crosszero.tasks.word_questions import (
    WordQuestions,
    WordScore,
    answer,
    list_questions,
    score_answers,
)

_AT_ONCE = 20_000  # samples; encoding a text once for all its language pairs takes memory


def find_store(data: str | Path) -> Path:
    """The store of the task: ``<data>/word-retrieval``, or `data` itself where that is a store."""
    inside = Path(data) / WordRetrieval.name
    return Path(data) if not inside.exists() and (Path(data) / METADATA).is_file() else inside


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

    def list_languages(self, data: str | Path) -> list[str]:
        """List the directions that have word pairs, sorted.

        Raises:
            DataError: there is no store, or it has no word pairs.
        """
        return sorted(self._list_pairs(data))

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, WordQuestions]]:
        """Read what is asked, and what is right, in each direction.

        Args:
            data: the store, or a folder that holds it as ``word-retrieval/``.
            languages: directions such as ``en-fr``; None for all.

        Raises:
            ConfigError: a direction is unknown.
            DataError: the store is missing or can't be used.
        """
        for _, asked in self._ask(data, languages):
            yield from asked.items()

    def predict(
        self,
        encoder: WordEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
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

        Raises:
            ConfigError: a direction is unknown.
            DataError: the store is missing or can't be used.
        """
        written = []
        for samples, asked in self._ask(data, languages):
            lookup = WordLookup(encoder, samples)
            for direction, questions in asked.items():
                path = name_output(predictions, self.name, direction)
                written.append(write_output(path, answer(lookup, questions)))
        return written

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the prediction files.

        Args:
            predictions, data, languages: as in :meth:`predict`.

        Returns:
            For each direction ``accuracy`` (the right word in the right sentence) and
            ``type-accuracy`` (the right word in any sentence).

        Raises:
            ConfigError: a direction is unknown.
            DataError: a file is missing, of another length, or a line is no number of a candidate.
        """
        scores = []
        for direction, result in self._score(predictions, data, languages):
            values = {"accuracy": result.accuracy, "type-accuracy": result.type_accuracy}
            for metric, value in values.items():
                scores.append(
                    Score(
                        task=self.name,
                        metric=metric,
                        language=direction,
                        value=value,
                        count=len(result.hits),
                    )
                )
        return scores

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Items are the words that ask."""
        ((_, result),) = self._score(predictions, data, [language])
        return count_hits(result.hits)

    def locate(self, data: str | Path) -> Path:
        """The store: ``<data>/word-retrieval``, or `data` itself where that is a store."""
        return find_store(data)

    def list_files(self, data: str | Path) -> list[Path]:
        """The store."""
        store = find_store(data)
        return [store] if store.exists() else []

    def _score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None
    ) -> Iterator[tuple[str, WordScore]]:
        for direction, questions in self.load(data, languages):
            found = read_numbers(
                find_output(name_output(predictions, self.name, direction)),
                len(questions.queries),
                len(questions.candidates),
                lines_of="words that ask",
                unanswered=True,
            )
            yield direction, score_answers(questions, found)

    def _list_pairs(self, data: str | Path) -> dict[str, frozenset[str]]:
        """Directions that have word pairs, and their two languages."""
        found: dict[str, frozenset[str]] = {}
        for sample in SampleStore.open(find_store(data)):
            if sample.words:
                one, other = sample.source_language, sample.target_language
                found[f"{one}-{other}"] = found[f"{other}-{one}"] = frozenset((one, other))
        if not found:
            raise DataError(find_store(data), "holds no sample with a word pair")
        return found

    def _ask(
        self, data: str | Path, languages: Sequence[str] | None
    ) -> Iterator[tuple[list[Sample], dict[str, WordQuestions]]]:
        """Samples and what they ask: all at once, or one language pair after the other."""
        found = self._list_pairs(data)
        pairs = {
            direction: found[direction]
            for direction in choose_languages(self.name, languages, sorted(found))
        }
        store = SampleStore.open(find_store(data))
        wanted = list(dict.fromkeys(pairs.values()))
        groups = [wanted] if len(store) <= _AT_ONCE else [[pair] for pair in wanted]
        for group in groups:
            samples = [s for s in store if {s.source_language, s.target_language} in group]
            asked = {
                f"{questions.query_language}-{questions.candidate_language}": questions
                for questions in list_questions(samples)
            }
            yield samples, {name: asked[name] for name, pair in pairs.items() if pair in group}


TASKS = (WordRetrieval(),)

"""Word retrieval: a word in its sentence looks for its translation among all words.

The data is a store of word positioned samples in ``<data>/word-retrieval``, as ``crosszero
prepare`` writes it, of sentences that no training has seen. What is asked and what is right is told
in :mod:`crosszero.evaluation.words`. A prediction file has a line for each query, in the order of
:func:`~crosszero.evaluation.words.list_questions`, with the 0-based number of a candidate of that
list.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.embed.embedder import Embedder
from crosszero.embed.lookup import WordLookup
from crosszero.errors import DataError
from crosszero.evaluation.encoder import Encoder
from crosszero.evaluation.lines import read_numbers
from crosszero.evaluation.words import WordQuestions, answer, list_questions, score_answers
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.tasks.outputs import choose_languages, find_output, name_output, write_output
from crosszero.tasks.task import TaskScore


class WordRetrieval:
    """The task ``word-retrieval``; a "language" is a direction such as ``en-fr``.

    Example:
        >>> task = WordRetrieval()
        >>> embedder = Embedder.load("crosszero-mini")                       # doctest: +SKIP
        >>> task.predict(embedder, "data", "out", ["en-fr"])                 # doctest: +SKIP
        [PosixPath('out/word-retrieval/test-en-fr.tsv')]
        >>> task.score("out", "data", ["en-fr"])[0]                          # doctest: +SKIP
        TaskScore(metric='crosszero/word-retrieval/accuracy', language='en-fr', ...)
    """

    name = "word-retrieval"
    fine_tuned = False

    def list_languages(self, data: str | Path) -> list[str]:
        """List the directions that have word pairs, sorted.

        Raises:
            DataError: there is no store, or it has no word pairs.
        """
        directions = set()
        for sample in self._read(data):
            if sample.words:
                directions.add(f"{sample.source_language}-{sample.target_language}")
                directions.add(f"{sample.target_language}-{sample.source_language}")
        if not directions:
            raise DataError(Path(data) / self.name, "holds no sample with a word pair")
        return sorted(directions)

    def predict(
        self,
        embedder: Encoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Search the nearest word of every query, write ``word-retrieval/test-<xx>-<yy>.tsv``.

        Args:
            embedder: gives the word vectors. The samples and the vectors of all words of their
                texts are held in memory.
            data: folder that holds the store ``word-retrieval/``.
            predictions: folder of the predictions.
            languages: directions such as ``en-fr``; None for all.

        Returns:
            The files; -1 stands for a word of which the model saw nothing.

        Raises:
            ConfigError: a direction is unknown.
            DataError: the store is missing or can't be used.
        """
        chosen, samples = self._choose(data, languages)
        encoder = WordLookup(embedder, samples) if isinstance(embedder, Embedder) else embedder
        return [
            write_output(name_output(predictions, self.name, direction), answer(encoder, questions))
            for direction, questions in chosen.items()
        ]

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[TaskScore]:
        """Score the prediction files.

        Args:
            predictions, data, languages: as in :meth:`predict`.

        Returns:
            For each direction ``crosszero/word-retrieval/accuracy`` (the right word in the right
            sentence) and ``.../type-accuracy`` (the right word in any sentence).

        Raises:
            ConfigError: a direction is unknown.
            DataError: a file is missing, of another length, or a line is no number of a candidate.
        """
        scores = []
        for direction, questions in self._choose(data, languages)[0].items():
            found = read_numbers(
                find_output(name_output(predictions, self.name, direction)),
                len(questions.queries),
                len(questions.candidates),
                lines_of="words that ask",
                unanswered=True,
            )
            result = score_answers(questions, found)
            for measure in ("accuracy", "type_accuracy"):
                metric = f"crosszero/{self.name}/{measure.replace('_', '-')}"
                scores.append(
                    TaskScore(metric, direction, getattr(result, measure), len(result.hits))
                )
        return scores

    def _read(self, data: str | Path) -> SampleStore:
        return SampleStore.open(Path(data) / self.name)

    def _choose(
        self, data: str | Path, languages: Sequence[str] | None
    ) -> tuple[dict[str, WordQuestions], list[Sample]]:
        chosen = choose_languages(self.name, languages, self.list_languages(data))
        samples = [
            sample
            for sample in self._read(data)
            if f"{sample.source_language}-{sample.target_language}" in chosen
            or f"{sample.target_language}-{sample.source_language}" in chosen
        ]
        asked = {
            f"{questions.query_language}-{questions.candidate_language}": questions
            for questions in list_questions(samples)
        }
        return {direction: asked[direction] for direction in chosen}, samples

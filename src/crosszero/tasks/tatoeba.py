"""Tatoeba: find the translation of each sentence, as XTREME runs it, and the other way round.

XTREME lets English lines look for foreign ones: plain cosine, no margin. The other direction is
no part of XTREME and has a name and files of its own; it is the one that mteb measures. Both
layouts of the data are read (:mod:`crosszero.tasks.tatoeba_data`); languages are always named by
XTREME's two letters, because its prediction files are. A number in a file counts lines of the data
that lies there, so predictions made from LASER's files can't be scored against XTREME's sorted
ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from crosszero.bitext.numbered import read_numbers
from crosszero.search.mining import SentenceEncoder
from crosszero.search.neighbours import AnyFloats, check_some, find_neighbours
from crosszero.tasks.mteb import score_as_mteb
from crosszero.tasks.outputs import choose_languages, find_output, name_output, write_output
from crosszero.tasks.predictions import check_lines, read_places
from crosszero.tasks.task import Items, Score, Task, count_hits
from crosszero.tasks.tatoeba_data import (
    LASER_CODES,
    TatoebaSet,
    list_languages,
    list_laser_files,
    read_tatoeba,
)

_SHORT = {long: short for short, long in LASER_CODES.items()}


class Tatoeba(Task):
    """The task ``tatoeba``: sentence retrieval with an encoder.

    Example:
        >>> task = Tatoeba()
        >>> task.predict(Encoder.load("crosszero-mini"), "xtreme", "out", ["fr"])  # doctest: +SKIP
        [PosixPath('out/tatoeba/test-fr.tsv'), PosixPath('out/tatoeba/reversed-fr.tsv')]
        >>> task.score("out", "xtreme", ["fr"])[0]                                  # doctest: +SKIP
        Score(task='tatoeba', metric='accuracy', language='fr', value=0.058, count=1000, layer=None)
    """

    name = "tatoeba"
    title = "Tatoeba"
    metric = "accuracy"
    unit = "sentences"
    needs = "sentences"
    protocol = "xtreme"
    gold_files = True
    rank = 60

    def list_languages(self, data: str | Path) -> list[str]:
        """List the languages in `data` by two letters where they have such; DataError if none."""
        return sorted(_name_languages(data))

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, TatoebaSet]]:
        """Read the sentences and the gold of each language.

        Args:
            data: folder that holds ``tatoeba/``, or LASER's files.
            languages: which, such as ``fr``; None for all.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing or can't be used.
        """
        for language, files in self._choose(data, languages).items():
            yield language, read_tatoeba(data, files)

    def predict(
        self,
        encoder: SentenceEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
    ) -> list[Path]:
        """Search both ways, write ``tatoeba/test-<xx>.tsv`` and ``tatoeba/reversed-<xx>.tsv``.

        Args:
            encoder: gives the sentence vectors.
            data: folder that holds ``tatoeba/``, or LASER's files.
            predictions: folder of the predictions.
            languages: which, such as ``fr``; None for all.

        Returns:
            Two files for each language. ``test``: for each English line the 0-based number of a
            foreign line; ``reversed``: for each foreign line that of an English line. -1 stands for
            a sentence with a vector of zeros.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing or can't be used.
        """
        written = []
        for language, sentences in self.load(data, languages):
            check_some(sentences.english, sentences.foreign)
            english = encoder.encode(list(sentences.english))
            foreign = encoder.encode(list(sentences.foreign))
            for kind, queries, candidates in (
                ("test", english, foreign),
                ("reversed", foreign, english),
            ):
                path = name_output(predictions, self.name, language, kind=kind)
                written.append(write_output(path, _find_nearest(queries, candidates)))
        return written

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the prediction files: share of lines that name the gold line.

        Args:
            predictions, data: as in :meth:`predict`.
            languages: which; None for all of the data.

        Returns:
            ``accuracy`` for each language, and after it ``reversed-accuracy`` where the file of
            that direction is there, and then ``mteb-f1`` where the package ``mteb`` is installed.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing, of another length, or a line is no number of a line.
        """
        scores = []
        for language, sentences in self.load(data, languages):
            hits = self._compare(predictions, language, sentences)
            scores.append(_average("accuracy", language, hits))
            path = name_output(predictions, self.name, language, kind="reversed")
            if path.is_file():
                found = _read(path, sentences, "foreign")
                hits = _compare_reversed(found, sentences.gold)
                scores.append(_average("reversed-accuracy", language, hits))
                f1 = score_as_mteb(found, sentences.gold)
                if f1 is not None:
                    scores.append(_make_score("mteb-f1", language, f1, len(found)))
        return scores

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Items are the English lines."""
        ((name, sentences),) = self.load(data, [language])
        return count_hits(self._compare(predictions, name, sentences))

    def score_labels(
        self, predictions: Path, labels: Path, languages: Sequence[str]
    ) -> list[Score]:
        """Score the file of XTREME's direction against its gold file."""
        scores = []
        for language in languages:
            gold = read_places(labels, language, gold=True)
            found = read_places(predictions, language)
            check_lines(predictions, labels, self.name, language, found, gold)
            hits = [one == other for one, other in zip(found, gold, strict=True)]
            scores.append(_average("accuracy", language, hits))
        return scores

    def list_files(self, data: str | Path) -> list[Path]:
        """Its folders, and LASER's files beside them."""
        return super().list_files(data) + list_laser_files(data)

    def _compare(self, predictions: str | Path, language: str, sentences: TatoebaSet) -> list[bool]:
        path = find_output(name_output(predictions, self.name, language))
        found = _read(path, sentences, "English")
        return [number == gold for number, gold in zip(found, sentences.gold, strict=True)]

    def _choose(self, data: str | Path, languages: Sequence[str] | None) -> dict[str, str]:
        """Two-letter codes, and how the files call them."""
        found = _name_languages(data)
        asked = None if languages is None else [_SHORT.get(code, code) for code in languages]
        return {code: found[code] for code in choose_languages(self.name, asked, sorted(found))}


def _name_languages(data: str | Path) -> dict[str, str]:
    return {_SHORT.get(code, code): code for code in list_languages(data)}


def _find_nearest(queries: AnyFloats, candidates: AnyFloats) -> list[int]:
    found = find_neighbours(queries, candidates).index[:, 0]
    return [int(row) for row in np.where(np.asarray(queries).any(axis=1), found, -1)]


def _read(path: Path, sentences: TatoebaSet, side: str) -> list[int]:
    size = len(sentences.english)
    return read_numbers(path, size, size, lines_of=f"{side} sentences", unanswered=True)


def _compare_reversed(found: Sequence[int], gold: Sequence[int]) -> list[bool]:
    """For each foreign line: did it find the English line whose gold it is?"""
    return [number >= 0 and gold[number] == line for line, number in enumerate(found)]


def _average(metric: str, language: str, hits: Sequence[bool]) -> Score:
    return _make_score(metric, language, sum(hits) / len(hits), len(hits))


def _make_score(metric: str, language: str, value: float, count: int) -> Score:
    return Score(task=Tatoeba.name, metric=metric, language=language, value=value, count=count)


TASKS = (Tatoeba(),)

"""Tatoeba: find the translation of each sentence, as XTREME runs it, and the other way round.

XTREME lets English lines look for foreign ones: plain cosine, no margin. The other direction is
no part of XTREME and has a name and files of its own; it is the one that mteb measures. Both
layouts of the data are read (:mod:`crosszero.tasks.tatoeba_data`); languages are always named by
XTREME's two letters, because its prediction files are. A number in a file counts lines of the data
that lies there, so predictions made from LASER's files can't be scored against XTREME's sorted
ones.

The hub has aligned lines, which are written as XTREME's script leaves them, the English side sorted
and the permutation as gold.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crosszero.search.mining import SentenceEncoder
from crosszero.search.neighbours import check_some
from crosszero.tasks.hub import HubTask, open_rows, take_text
from crosszero.tasks.prediction_files import (
    check_once,
    find_file,
    name_file,
    read_numbers,
    write_lines,
)
from crosszero.tasks.retrieval import find_nearest
from crosszero.tasks.task import Folder, Items, Languages, Measures, count_hits
from crosszero.tasks.tatoeba_data import (
    LASER_CODES,
    TatoebaSet,
    list_languages,
    list_laser_files,
    read_tatoeba,
)

_SHORT = {long: short for short, long in LASER_CODES.items()}


class Answers(NamedTuple):
    """What was found: for each English line a foreign one, and the reverse where it was asked."""

    forward: list[int]
    backward: list[int] | None


class Tatoeba(HubTask):
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
    hub_languages = (
        "af", "ar", "bg", "bn", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu",
        "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "nl", "pt", "ru", "sw", "ta", "te",
        "th", "tl", "tr", "ur", "vi", "zh",
    )  # fmt: skip
    rank = 60

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages in `data` by two letters where they have such; DataError if none."""
        return sorted(_name_languages(data))

    def choose_languages(self, data: Folder, languages: Languages = None) -> list[str]:
        """Give languages by two letters; LASER's three are understood, too."""
        asked = None if languages is None else [_SHORT.get(code, code) for code in languages]
        return super().choose_languages(data, asked)

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, TatoebaSet]]:
        """Read sentences and gold from the folder that holds ``tatoeba/``, or LASER's files."""
        files = _name_languages(data)
        for language in self.choose_languages(data, languages):
            yield language, read_tatoeba(data, files[language])

    def load_gold(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, Sequence[int]]]:
        """For each English line the number of its foreign line."""
        for language, sentences in self.load(data, languages):
            yield language, sentences.gold

    def read_labels(self, labels: Folder, language: str) -> list[int]:
        """Read XTREME's gold file."""
        path = find_file(labels, self.name, language)
        gold = read_numbers(path, None, None, unit="English sentences")
        check_once(path, gold)
        return gold

    def predict(
        self,
        encoder: SentenceEncoder,
        data: Folder,
        predictions: Folder,
        languages: Languages = None,
    ) -> list[Path]:
        """Search both ways, write ``tatoeba/test-<xx>.tsv`` and ``tatoeba/reversed-<xx>.tsv``.

        Returns:
            Two files for each language. ``test``: for each English line the 0-based number of a
            foreign line; ``reversed``: for each foreign line that of an English line. -1 stands for
            a sentence with a vector of zeros.
        """
        written = []
        for language, sentences in self.load(data, languages):
            check_some(sentences.english, sentences.foreign)
            english = encoder.encode(list(sentences.english))
            foreign = encoder.encode(list(sentences.foreign))
            for kind, *sides in (("test", english, foreign), ("reversed", foreign, english)):
                path = name_file(predictions, self.name, language, kind)
                written.append(write_lines(path, find_nearest(*sides)))
        return written

    def read_predictions(self, predictions: Folder, language: str, gold: Sequence[int]) -> Answers:
        """Read XTREME's direction, and the other one where its file is there."""

        def read(path: Path, unit: str) -> list[int]:
            return read_numbers(path, len(gold), len(gold), unit=unit, unanswered=True)

        forward = read(find_file(predictions, self.name, language), "English sentences")
        path = name_file(predictions, self.name, language, "reversed")
        return Answers(forward, read(path, "foreign sentences") if path.is_file() else None)

    def count(self, found: Answers, gold: Sequence[int]) -> Items:
        """Items are the English lines."""
        return count_hits(one == other for one, other in zip(found.forward, gold, strict=True))

    def measure(self, found: Answers, gold: Sequence[int]) -> Measures:
        """Give ``accuracy``; then, where the other direction was asked, ``reversed-accuracy``, and
        ``mteb-f1`` where the package ``mteb`` is installed.
        """
        measures = dict(super().measure(found, gold))
        if found.backward is not None:
            # did a foreign line find the English line whose gold it is?
            hits = [n >= 0 and gold[n] == line for line, n in enumerate(found.backward)]
            measures["reversed-accuracy"] = (sum(hits) / len(hits), len(hits))
            f1 = score_as_mteb(found.backward, gold)
            if f1 is not None:
                measures["mteb-f1"] = (f1, len(hits))
        return measures

    def list_files(self, data: Folder) -> list[Path]:
        """Its folders, and LASER's files beside them."""
        return super().list_files(data) + list_laser_files(data)

    def fetch_language(
        self, language: str, texts: Path, labels: Path, revision: str | None
    ) -> None:
        """Write both sides and the gold."""
        place, rows = open_rows(f"tatoeba.{LASER_CODES[language]}", "dev", revision)
        columns = ("source_sentence", "target_sentence")
        pairs = [[take_text(row, column, place).strip() for column in columns] for row in rows]
        order = sorted(range(len(pairs)), key=lambda line: pairs[line][1])
        write_lines(texts / f"{language}-en.{language}", (a for a, _ in pairs), source=place)
        write_lines(texts / f"{language}-en.en", (pairs[i][1] for i in order), source=place)
        write_lines(labels / f"test-{language}.tsv", order, source=place)


def score_as_mteb(found: Sequence[int], gold: Sequence[int]) -> float | None:
    """Give mteb's main score of its task Tatoeba, by mteb's own function.

    In mteb foreign lines look for English ones, and the score is an F1: each line is a class of its
    own, and the mean over classes is weighted by how often a class is right. It is a little below
    the accuracy of that direction, as a line that is named by many has a low precision.

    Args:
        found: for each foreign line the number of an English line, -1 for none.
        gold: for each English line the number of its foreign line.

    Returns:
        A share; ``None`` where mteb is not installed, or lines are not translated one by one.
    """
    if importlib.util.find_spec("mteb") is None or sorted(gold) != list(range(len(found))):
        return None
    import mteb

    english = {foreign: line for line, foreign in enumerate(gold)}
    pairs = [(line, english[line]) for line in range(len(found))]
    answers = [{"corpus_id": line, "score": 1.0} for line in found]
    return float(mteb.get_task("Tatoeba")._compute_metrics(answers, pairs)["f1"])


def _name_languages(data: Folder) -> dict[str, str]:
    """Two-letter codes, and how the files call them."""
    return {_SHORT.get(code, code): code for code in list_languages(data)}


TASKS = (Tatoeba(),)

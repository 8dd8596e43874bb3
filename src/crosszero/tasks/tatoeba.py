"""Tatoeba: find the translation of each sentence, as XTREME runs it, and the other way round.

XTREME lets English lines look for foreign ones: plain cosine, no margin. The other direction is
no part of XTREME and has a name and files of its own; it is the one that mteb measures. The data
are read in the two layouts in which they travel:

- XTREME: ``<root>/tatoeba/<xx>-en.<xx>`` beside ``<xx>-en.en``. The English side is SORTED, which
  hides the alignment; ``<root>/labels/tatoeba/test-<xx>.tsv`` holds, for each English line, the
  0-based line number of its foreign sentence.
- LASER: ``tatoeba.<xxx>-eng.<xxx>`` beside ``tatoeba.<xxx>-eng.eng``, in ``<root>`` or in
  ``<root>/tatoeba``. The lines are aligned; labels of XTREME say nothing about them and are not
  read, even where they stand beside them.

Languages are always named by XTREME's two letters, because its prediction files are. A number in a
file counts lines of the data that lies there, so predictions made from LASER's files can't be
scored against XTREME's sorted ones. The hub has aligned lines; they are written in XTREME's layout.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.bitext.lines import require_lines
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.search.mining import SentenceEncoder
from crosszero.search.neighbours import check_some
from crosszero.tasks import prediction_files
from crosszero.tasks.hub import HubTask, open_rows, take_text
from crosszero.tasks.prediction_files import CODE, find_file, name_file, read_numbers, write_lines
from crosszero.tasks.retrieval import find_nearest
from crosszero.tasks.task import Folder, Items, Languages, Measures, count_hits

# ISO 639-3 codes of LASER's file names for the two-letter codes of XTREME and XTREME-R
LASER_CODES = {
    "af": "afr", "ar": "ara", "az": "aze", "bg": "bul", "bn": "ben", "de": "deu", "el": "ell",
    "es": "spa", "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb",
    "hi": "hin", "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat",
    "kk": "kaz", "ko": "kor", "lt": "lit", "ml": "mal", "mr": "mar", "nl": "nld", "pl": "pol",
    "pt": "por", "ro": "ron", "ru": "rus", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha",
    "tl": "tgl", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip
_XTREME_R = ("az", "lt", "pl", "ro", "uk")  # not in XTREME
SHORT_CODES = {long: short for short, long in LASER_CODES.items()}
_XTREME = re.compile(rf"({CODE})-en\.(?:\1|en)")
_LASER = re.compile(rf"tatoeba\.({CODE})-eng\.(?:\1|eng)")
_SORTED_BY_CHANCE = 10  # below this many lines an aligned file may well be in order


@dataclass(frozen=True, slots=True, kw_only=True)
class TatoebaSet:
    """Queries and candidates of one language, `gold` the 0-based candidate of each query."""

    language: str
    english: tuple[str, ...]
    foreign: tuple[str, ...]
    gold: tuple[int, ...]


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
    hub_languages = tuple(code for code in LASER_CODES if code not in _XTREME_R)
    rank = 60

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages in `data` by two letters where they have such; DataError if none."""
        return sorted(SHORT_CODES.get(code, code) for code in list_languages(data))

    def choose_languages(self, data: Folder, languages: Languages = None) -> list[str]:
        """Give languages by two letters; LASER's three are understood, too."""
        asked = None if languages is None else [SHORT_CODES.get(code, code) for code in languages]
        return super().choose_languages(data, asked)

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, TatoebaSet]]:
        """Read sentences and gold from the folder that holds ``tatoeba/``, or LASER's files."""
        names = {SHORT_CODES.get(code, code): code for code in list_languages(data)}
        for language in self.choose_languages(data, languages):
            yield language, read_tatoeba(data, names[language])

    def load_gold(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, Sequence[int]]]:
        """For each English line the number of its foreign line."""
        for language, sentences in self.load(data, languages):
            yield language, sentences.gold

    def read_labels(self, labels: Folder, language: str) -> list[int]:
        """Read XTREME's gold file."""
        return _read_gold(find_file(labels, self.name, language), None)

    def predict(
        self,
        encoder: SentenceEncoder,
        data: Folder,
        predictions: Folder,
        languages: Languages = None,
    ) -> list[Path]:
        """Search both ways, write ``tatoeba/test-<xx>.tsv`` and ``tatoeba/reversed-<xx>.tsv``.

        ``test`` has for each English line the 0-based number of a foreign line, ``reversed`` for
        each foreign line that of an English line. -1 stands for a vector of zeros.
        """
        written = []
        for language, sentences in self.load(data, languages):
            check_some(sentences.english, sentences.foreign)
            english = encoder.encode(list(sentences.english))
            foreign = encoder.encode(list(sentences.foreign))
            prediction_files.remove_files(predictions, self.name, language)
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
        beside = (p for p in Path(data).glob("tatoeba.*-eng.*") if _LASER.fullmatch(p.name))
        return super().list_files(data) + sorted(beside)

    def fetch_language(
        self, language: str, texts: Path, labels: Path, revision: str | None
    ) -> None:
        """Write both sides, the English one sorted, and the permutation as gold."""
        place, rows = open_rows(f"tatoeba.{LASER_CODES[language]}", "dev", revision)
        columns = ("source_sentence", "target_sentence")
        pairs = [[take_text(row, column, place).strip() for column in columns] for row in rows]
        order = sorted(range(len(pairs)), key=lambda line: pairs[line][1])
        write_lines(texts / f"{language}-en.{language}", (a for a, _ in pairs), source=place)
        write_lines(texts / f"{language}-en.en", (pairs[i][1] for i in order), source=place)
        write_lines(labels / f"test-{language}.tsv", order, source=place)


def score_as_mteb(found: Sequence[int], gold: Sequence[int]) -> float | None:
    """Give mteb's main score of its task Tatoeba, by mteb's own function.

    In mteb foreign lines look for English ones (`found`), and the score is an F1: each line is a
    class of its own, and the mean over classes is weighted by how often a class is right. It is a
    little below the accuracy of that direction, as a line that is named by many has a low
    precision. ``None`` where mteb is not installed, or lines are not translated one by one.
    """
    if importlib.util.find_spec("mteb") is None or sorted(gold) != list(range(len(found))):
        return None
    import mteb

    english = {foreign: line for line, foreign in enumerate(gold)}
    pairs = [(line, english[line]) for line in range(len(found))]
    answers = [{"corpus_id": line, "score": 1.0} for line in found]
    task: Any = mteb.get_task("Tatoeba")
    return float(task._compute_metrics(answers, pairs)["f1"])


def list_languages(root: Folder) -> list[str]:
    """List the languages of which a file is under `root`, in either layout, sorted; each once.

    A language that lacks one of its files is listed, too, and :func:`read_tatoeba` names the file:
    left out, it would change the mean over languages unseen. DataError if there is no file at all.
    """
    found = set()
    inner = Path(root) / "tatoeba"
    for folder, form in ((inner, _XTREME), (inner, _LASER), (Path(root), _LASER)):
        found |= {name[1] for p in folder.glob("*-en*") if (name := form.fullmatch(p.name))}
    if not found:
        raise DataError(
            root, "holds no Tatoeba files (tatoeba/<xx>-en.<xx> or tatoeba.<xxx>-eng.<xxx>)"
        )
    labels = prediction_files.list_languages(Path(root) / "labels", "tatoeba")
    found |= {code for code in labels if LASER_CODES.get(code) not in found}
    # both layouts may lie there: fr and fra are one language, and XTREME's name is the first
    return sorted(found - {LASER_CODES[code] for code in found if code in LASER_CODES})


def read_tatoeba(root: Folder, language: str) -> TatoebaSet:
    """Read one language, by two letters or LASER's three, from whichever layout is there.

    Raises:
        ConfigError: there are no files for this language.
        DataError: one of the files is missing, empty, of another length than its partner; the
            gold file holds something else than the number of each foreign line, once; or files
            with LASER's names are not aligned.

    """
    labels = name_file(Path(root) / "labels", "tatoeba", language)
    foreign_path, english_path = _find_files(Path(root), language, labels)
    foreign, english = list(require_lines(foreign_path)), list(require_lines(english_path))
    if len(foreign) != len(english):
        raise DataError(
            english_path,
            f"{len(english)} lines, but {foreign_path} has {len(foreign)}; "
            "every sentence needs exactly one translation",
            min(len(foreign), len(english)),
        )
    gold = list(range(len(english)))
    if english_path.suffix == ".en":
        if not labels.is_file():
            raise DataError(
                labels,
                f"is missing. The English side ({english_path}) is sorted in XTREME's layout, so "
                "the translations can't be found without this file",
            )
        gold = _read_gold(labels, len(english))
    elif len(english) >= _SORTED_BY_CHANCE and english == sorted(english):
        name = f"tatoeba/{language}-en"
        raise DataError(
            english_path,
            "has a name as in LASER's layout, whose lines are aligned, but is sorted, as in "
            f"XTREME's. If it is XTREME's, name it {name}.en, its partner {name}.{language}, and "
            f"put the gold file at labels/tatoeba/test-{language}.tsv",
        )
    sides = {"english": tuple(english), "foreign": tuple(foreign)}
    return TatoebaSet(language=language, gold=tuple(gold), **sides)


def _find_files(root: Path, language: str, labels: Path) -> tuple[Path, Path]:
    """The foreign and the English file."""
    codes = dict.fromkeys((language, LASER_CODES.get(language, language)))
    pairs = [(root / "tatoeba" / f"{language}-en.{language}", "en")]
    for folder in (root / "tatoeba", root):
        pairs += [(folder / f"tatoeba.{code}-eng.{code}", "eng") for code in codes]
    for foreign, suffix in pairs:
        english = foreign.with_suffix(f".{suffix}")
        if foreign.is_file() != english.is_file():
            missing, other = (english, foreign) if foreign.is_file() else (foreign, english)
            raise DataError(missing, f"is missing, but {other} exists")
        if foreign.is_file():
            return foreign, english
    if labels.is_file():
        raise DataError(pairs[0][0], f"is missing, but {labels} exists")
    raise ConfigError(
        f"no Tatoeba files for {language!r} in {root}; " + suggest(language, list_languages(root))
    )


def _read_gold(path: Path, size: int | None) -> list[int]:
    gold = read_numbers(path, size, size, unit="English sentences")
    first: dict[int, int] = {}
    for line, number in enumerate(gold, start=1):
        if first.setdefault(number, line) != line:
            message = f"{number} is already on line {first[number]}; a foreign sentence is the "
            raise DataError(path, f"{message}translation of one English sentence", line)
    return gold


TASKS = (Tatoeba(),)

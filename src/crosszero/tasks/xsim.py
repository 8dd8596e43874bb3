"""xsim and xsim++: the share of sentences whose translation a search by margin does not find.

The data are files of one text in many languages, line by line, English among them, as FLORES and
NTREX have them: ``eng_Latn.devtest`` beside ``fra_Latn.devtest``, or ``multi.en`` beside
``multi.fr``; in ``<data>/<task>`` or in `data` itself. Every line of a language looks for its
English line: of its k nearest the one with the best margin. An answer is right if its TEXT is.

xsim++ adds English sentences to the candidates that are nearly right but wrong: a number, a name or
the sense is changed. LASER has made them for FLORES: ``eng_Latn_augmented.devtest``, a sentence a
line, and ``eng_Latn_errtype.devtest.json``, which has for each of them its original (``src``) and
what was changed (``errtype``). They stand beside the texts or in ``../devtest_augmented``. For
other texts xsim-negatives makes simple ones (:mod:`crosszero.tasks.hard_negatives`): its error is a
number of its own, not to be compared with xsim++.

Source: LASER's ``source/xsim.py`` and ``source/eval.py``; Chen et al. 2023, arXiv 2306.12907.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from crosszero.bitext.languages import is_known
from crosszero.bitext.lines import require_lines
from crosszero.errors import DataError
from crosszero.search.margin import Margin
from crosszero.search.mining import SentenceEncoder
from crosszero.search.vector_mining import mine_vectors
from crosszero.tasks.hard_negatives import make_negatives
from crosszero.tasks.prediction_files import (
    CODE,
    check_count,
    find_file,
    name_file,
    read_numbers,
    write_lines,
)
from crosszero.tasks.task import Folder, Items, Languages, Measures, Task, count_hits

_ENGLISH = ("en", "eng_Latn", "eng")
MISALIGNED = "misaligned"
_EDGES = " \t\r\n"  # what a reader of lines drops there: no more, or a text would not be found


class Negative(NamedTuple):
    """A sentence that is nearly right: of which line, and what was changed."""

    original: str
    change: str


@dataclass(frozen=True, kw_only=True)
class XsimSet:
    """Lines of a language, and the English lines with the negatives behind them.

    `changed` names the negatives by their texts.
    """

    queries: list[str]
    candidates: list[str]
    changed: Mapping[str, Negative] = field(default_factory=dict)


class _Files(NamedTuple):
    """Where the English lines are, the others by language, and the negatives if there are any."""

    english: Path
    others: Mapping[str, Path]
    negatives: Path
    changes: Path


class Xsim(Task):
    """The tasks ``xsim``, ``xsim++`` and ``xsim-negatives``; the metric is ``error``.

    Where there are negatives, further metrics part the error by what it is: ``error-number`` and
    the like where the changed sentence of the own line was taken, ``error-misaligned`` elsewhere.

    Example:
        >>> task = Xsim()
        >>> encoder = Encoder.load("crosszero-mini-aligned")                   # doctest: +SKIP
        >>> task.predict(encoder, "flores200/devtest", "out", ["fra_Latn"])     # doctest: +SKIP
        [PosixPath('out/xsim/test-fra_Latn.tsv')]
    """

    metric = "error"
    unit = "lines"
    needs = "sentences"
    lower_is_better = True
    options = MappingProxyType({"k": 4, "margin": "ratio"})

    def __init__(self, name: str = "xsim", title: str = "xsim", rank: int = 77) -> None:
        self.name, self.title, self.rank = name, title, rank

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages that have a file beside the English one, sorted; DataError if none."""
        return sorted(self._find(data).others)

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, XsimSet]]:
        """Read the lines; where the task has negatives, they stand behind the English ones."""
        files = self._find(data)
        chosen = self.choose_languages(data, languages)
        english = list(require_lines(files.english))
        changed: dict[str, Negative] = {}
        if self.name == "xsim++":
            changed = _read_negatives(files, english)
        elif self.name != "xsim":
            changed = {text: Negative(*made) for text, made in make_negatives(english).items()}
        for language in chosen:
            queries = list(require_lines(files.others[language]))
            check_count(files.others[language], len(queries), len(english), "English lines")
            yield (
                language,
                XsimSet(queries=queries, candidates=[*english, *changed], changed=changed),
            )

    def predict(
        self,
        encoder: SentenceEncoder,
        data: Folder,
        predictions: Folder,
        languages: Languages = None,
        *,
        k: int = 4,
        margin: Margin = "ratio",
    ) -> list[Path]:
        """Find an English line, or a negative, for each line; -1 stands for none.

        A line has no answer if no cosine is above 0, as for a vector of zeros.
        """
        written = []
        for language, lines in self.load(data, languages):
            sides = encoder.encode(lines.queries), encoder.encode(lines.candidates)
            found = mine_vectors(*sides, k=k, margin=margin, retrieval="fwd")
            answers = np.full(len(lines.queries), -1)
            answers[found.source] = found.target
            written.append(write_lines(name_file(predictions, self.name, language), answers))
        return written

    def read_predictions(self, predictions: Folder, language: str, gold: XsimSet) -> list[int]:
        """Read a number for each line."""
        path = find_file(predictions, self.name, language)
        sizes = len(gold.queries), len(gold.candidates)
        return read_numbers(path, *sizes, unit=f"lines of {language}", unanswered=True)

    def count(self, found: list[int], gold: XsimSet) -> Items:
        """Items are the lines of the language."""
        return count_hits(error is not None for error in _name_errors(found, gold))

    def measure(self, found: list[int], gold: XsimSet) -> Measures:
        """Give the error, and its parts where there are negatives."""
        errors = _name_errors(found, gold)
        parts = Counter(error for error in errors if error is not None)
        measures = {self.metric: (parts.total() / len(errors), len(errors))}
        kinds = {_spell(negative.change) for negative in gold.changed.values()}
        for kind in sorted(kinds) + [MISALIGNED] * bool(kinds):
            measures[f"{self.metric}-{kind}"] = parts[kind] / len(errors), len(errors)
        return measures

    def locate(self, data: Folder) -> Path:
        """The folder of the task or, for xsim-negatives, of xsim; or `data` itself."""
        folder = Path(data)
        named = [folder / self.name, *([folder / "xsim"] if self.name == "xsim-negatives" else [])]
        for place in named:
            if place.is_dir():
                return place
        files = _list_files(folder)
        usable = files is not None and (self.name != "xsim++" or files.changes.is_file())
        return folder if usable else named[0]

    def list_files(self, data: Folder) -> list[Path]:
        """The texts, and the negatives that are read."""
        files = _list_files(self.locate(data))
        if files is None:
            return []
        more = [files.negatives, files.changes] if self.name == "xsim++" else []
        return [path for path in (files.english, *files.others.values(), *more) if path.exists()]

    def _find(self, data: Folder) -> _Files:
        place = self.locate(data)
        files = _list_files(place)
        if files is None or not files.others:
            needed = (
                "multi.en and multi.<xx>, or eng_Latn.<part> and <xxx_Xxxx>.<part>, line by line"
            )
            if self.name == "xsim++":
                needed += ", and LASER's eng_Latn_augmented.<part> and eng_Latn_errtype.<part>.json"
            raise DataError(place, f"holds no texts for {self.name}: {needed} are needed")
        return files


def _is_language(code: str) -> bool:
    """Tell languages from other endings of files, such as txt and ids."""
    return is_known(code) or re.fullmatch(r"[a-z]{2,3}_[A-Z][a-z]{3}", code) is not None


def _list_files(folder: Path) -> _Files | None:
    """Find the files of a folder; DataError if there are several English ones."""
    names = [path.name for path in folder.glob("*.*") if path.is_file()]
    last = [tuple(name.rsplit(".", 1)) for name in names if name.rpartition(".")[2] in _ENGLISH]
    first = [
        tuple(reversed(name.split("."))) for name in names
        if name.count(".") == 1 and name.partition(".")[0] in _ENGLISH
    ]  # fmt: skip
    if not (found := last or first):
        return None
    if len(found) > 1:
        parts = ", ".join(sorted(f"{part} ({code})" for part, code in found))
        raise DataError(folder, f"holds several English texts: {parts}; keep one of them there")
    ((part, english),) = found
    form = rf"{re.escape(part)}\.({CODE})" if last else rf"({CODE})\.{re.escape(part)}"
    matches = [match for name in names if (match := re.fullmatch(form, name))]
    codes = {match[1]: folder / match[0] for match in matches if _is_language(match[1])}
    own = codes.pop(english)
    others = {code: path for code, path in codes.items() if not code.endswith("_augmented")}
    negatives = f"{english}_augmented.{part}"
    more = folder.resolve().parent / f"{part}_augmented"
    beside = folder if (folder / negatives).is_file() else more
    return _Files(
        english=own,
        others=others,
        negatives=beside / negatives,
        changes=beside / f"{english}_errtype.{part}.json",
    )


def _read_negatives(files: _Files, english: list[str]) -> dict[str, Negative]:
    """Read LASER's two files; a negative that is one of the lines would be no error."""
    texts = list(require_lines(files.negatives))
    try:
        rows = json.loads(files.changes.read_text("utf-8"))
        known = {
            text.strip(_EDGES): Negative(row["src"].strip(_EDGES), row["errtype"].strip())
            for text, row in rows.items()
        }
    except OSError as error:
        raise DataError(files.changes, f"can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = 'is not {"sentence": {"src": ..., "errtype": ...}, ...}, as LASER has it'
        raise DataError(files.changes, message) from error
    lines = set(english)
    unknown = Negative("", MISALIGNED)
    found = {text: known.get(text, unknown) for text in texts if text not in lines}
    if found and all(negative.original not in lines for negative in found.values()):
        message = f"names no line of {files.english} as one that {files.negatives} has changed; "
        raise DataError(files.changes, f"{message}files of one text are needed")
    return found


def _name_errors(found: list[int], gold: XsimSet) -> list[str | None]:
    """Name what is wrong with each answer; ``None`` where it is right."""
    errors: list[str | None] = []
    for row, answer in enumerate(found):
        wanted, text = gold.candidates[row], gold.candidates[answer] if answer >= 0 else None
        negative = gold.changed.get(text or "")
        own = negative is not None and negative.original == wanted
        error = _spell(negative.change) if negative is not None and own else MISALIGNED
        errors.append(None if text == wanted else error)
    return errors


def _spell(change: str) -> str:
    """Write what was changed as a name of a metric: ``Number change`` is ``number-change``."""
    return re.sub(r"[^a-z0-9]+", "-", change.lower()).strip("-") or "other"


TASKS = (
    Xsim(),
    Xsim("xsim++", "xsim++", 78),
    Xsim("xsim-negatives", "xsim, own negatives", 79),
)

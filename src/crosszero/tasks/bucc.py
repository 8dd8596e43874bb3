"""BUCC 2018: find the translations among sentences of two languages, as XTREME runs it.

Sentence vectors, margin over the 4 nearest neighbours, best candidates of both directions
one-to-one, threshold tuned on dev and applied to test. Equal sentences take part once and are left
out of the result (:mod:`crosszero.search.mining`). Source: Hu et al. 2020, section 3 and appendix.

The data are in the layout that XTREME's download script leaves:
``<root>/bucc2018/<xx>-en.<part>.<xx>`` and ``....en`` hold ``id TAB sentence``, in no order that
would help; `part` is ``dev`` or ``test``. Gold pairs of ids are in
``<root>/bucc2018/<xx>-en.dev.gold`` and in ``<root>/labels/bucc2018/test-<xx>.tsv``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from crosszero.bitext.lines import require_lines
from crosszero.config import read_json, to_dict
from crosszero.errors import DataError
from crosszero.search.gold_threshold import score_pairs, tune_threshold
from crosszero.search.margin import Margin
from crosszero.search.mining import SentenceEncoder, mine_texts
from crosszero.tasks import prediction_files
from crosszero.tasks.prediction_files import find_file, name_file, remove_files, write_lines
from crosszero.tasks.task import Folder, Items, Languages, Measures, Task

_TEXT = re.compile(r"(.+)-en\.(?:dev\.gold|(?:dev|test)\.(?:\1|en))")
Part = Literal["dev", "test"]
_PARTS: tuple[Part, Part] = ("dev", "test")
IdPairs = frozenset[tuple[str, str]]  # (foreign id, English id)
ScoredIds = list[tuple[str, str, float]]  # foreign id, English id, margin score


@dataclass(frozen=True, slots=True, kw_only=True)
class BuccSet:
    """The sentences of one language and of English by their ids; no id is on both sides."""

    language: str
    foreign: Mapping[str, str]
    english: Mapping[str, str]


class BuccGold(NamedTuple):
    """Gold pairs of a part, and its sentences where they are at hand."""

    pairs: IdPairs
    sentences: BuccSet | None


class Bucc(Task):
    """The task ``bucc2018``: sentence pairs mined with an encoder.

    Example:
        >>> task = Bucc()
        >>> task.predict(Encoder.load("run"), "xtreme", "out")                # doctest: +SKIP
        [PosixPath('out/bucc2018/test-zh.tsv')]
        >>> task.score("out", "xtreme")[0]                                     # doctest: +SKIP
        Score(task='bucc2018', metric='f1', language='zh', value=..., count=138, layer=None)
    """

    name = "bucc2018"
    title = "BUCC"
    metric = "f1"
    unit = "gold pairs"
    needs = "sentences"
    protocol = "xtreme"
    options = MappingProxyType({"k": 4, "margin": "ratio"})
    gold_files = True
    hub_lacks = (
        "the hub has only the gold pairs, not the sentences among which they are hidden; get it "
        "with scripts/download_data.sh of google-research/xtreme"
    )
    rank = 50

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages of which any file is in `data`, sorted; DataError if none."""
        folder = Path(data) / self.name
        names = [_TEXT.fullmatch(path.name) for path in folder.glob("*-en.*")]
        if not any(names):
            raise DataError(data, "holds no BUCC files (bucc2018/<xx>-en.test.<xx>)")
        golds = prediction_files.list_languages(Path(data) / "labels", self.name)
        return sorted({name[1] for name in names if name} | set(golds))

    def load(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, list[BuccGold]]]:
        """Read sentences and gold of dev and test."""
        for language in self.choose_languages(data, languages):
            sets = [read_bucc(data, language, part) for part in _PARTS]
            golds = [read_gold(data, one, part) for one, part in zip(sets, _PARTS, strict=True)]
            yield language, list(map(BuccGold, golds, sets))

    def load_gold(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, BuccGold]]:
        """Read sentences and gold of test alone."""
        for language in self.choose_languages(data, languages):
            sentences = read_bucc(data, language, "test")
            yield language, BuccGold(read_gold(data, sentences, "test"), sentences)

    def read_labels(self, labels: Folder, language: str) -> BuccGold:
        """Read the gold pairs; ids are told apart by the language that they begin with."""
        return BuccGold(read_pairs(find_file(labels, self.name, language), language), None)

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
        """Tune a threshold on dev, mine test with it, write ``bucc2018/test-<xx>.tsv``.

        It has a pair a line (``<xx> id TAB English id``), best first, and is empty where none
        reaches the threshold. Beside it stand ``mined-<xx>.tsv``, all pairs with their margin
        scores, and ``threshold-<xx>.json``.
        """
        written = []
        for language in self.choose_languages(data, languages):
            dev, test = (read_bucc(data, language, part) for part in _PARTS)
            gold = read_gold(data, dev, "dev")  # before the hours that mining may take
            tuned = mine_ids(encoder, dev, k=k, margin=margin)
            threshold = tune_threshold(tuned, gold)
            found = mine_ids(encoder, test, k=k, margin=margin)
            f1 = score_pairs([row[:2] for row in tuned if row[2] >= threshold], gold).f1
            settings = Tuned(threshold=threshold, dev_f1=f1, k=k, margin=margin)
            kept = name_file(predictions, self.name, language, "threshold").with_suffix(".json")
            remove_files(predictions, self.name, language)
            mined = [f"{a}\t{b}\t{score!r}" for a, b, score in found]
            write_lines(name_file(predictions, self.name, language, "mined"), mined)
            write_lines(kept, [json.dumps(to_dict(settings))])
            path = name_file(predictions, self.name, language)
            written.append(write_lines(path, _keep(found, threshold)))
        return written

    def read_predictions(self, predictions: Folder, language: str, gold: BuccGold) -> IdPairs:
        """Read the pairs; where the file is missing, cut the mined pairs at their threshold."""
        path = name_file(predictions, self.name, language)
        if not path.is_file():
            mined = name_file(predictions, self.name, language, "mined")
            kept = name_file(predictions, self.name, language, "threshold").with_suffix(".json")
            if mined.is_file() and kept.is_file():
                threshold = read_json(kept, Tuned, "predict again").threshold
                write_lines(path, _keep(_read_mined(mined), threshold))
        path = find_file(predictions, self.name, language)
        return read_pairs(path, gold.sentences or language, empty=True)

    def measure(self, found: IdPairs, gold: BuccGold) -> Measures:
        """Give F1, precision and recall over the set of pairs, 0 where no pair is right."""
        result = score_pairs(found, gold.pairs)
        return {m: (getattr(result, m), result.gold) for m in ("f1", "precision", "recall")}

    def count(self, found: IdPairs, gold: BuccGold) -> Items:
        """Items are the foreign sentences: twice the right pairs, predicted and gold pairs."""
        named = sorted({name for name, _ in found | gold.pairs})
        names = gold.sentences.foreign if gold.sentences else named
        rows = {name: row for row, name in enumerate(names)}

        def count(pairs: IdPairs) -> Items:
            places = np.array([rows[name] for name, _ in pairs], dtype=np.int64)
            return np.bincount(places, minlength=len(rows)).astype(np.int64)

        return np.stack([2 * count(found & gold.pairs), count(found) + count(gold.pairs)], axis=1)


def _keep(found: ScoredIds, threshold: float) -> list[str]:
    return [f"{one}\t{other}" for one, other, score in found if score >= threshold]


def _read_mined(path: Path) -> ScoredIds:
    mined: ScoredIds = []
    for number, line in enumerate(require_lines(path) if path.stat().st_size else (), start=1):
        try:
            one, other, score = line.split("\t")
            mined.append((one, other, float(score)))
        except ValueError as error:
            message = "two ids and a number, separated by tabs, are needed"
            raise DataError(path, message, number) from error
    return mined


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What ``threshold-<xx>.json`` holds: the threshold that was tuned on dev, its F1 there."""

    threshold: float
    dev_f1: float | None = None
    k: int = 4
    margin: Margin = "ratio"


def mine_ids(
    encoder: SentenceEncoder, data: BuccSet, *, k: int = 4, margin: Margin = "ratio"
) -> ScoredIds:
    """Mine one part and name the pairs by their ids: foreign, English and score, best first."""
    foreign, english = list(data.foreign), list(data.english)
    sides = list(data.foreign.values()), list(data.english.values())
    found = mine_texts(encoder, *sides, k=k, margin=margin, drop_repeated=True)
    return [(foreign[i], english[j], score) for i, j, score in found]


def read_bucc(root: str | Path, language: str, part: Part) -> BuccSet:
    """Read the sentences of one part of a foreign language.

    Raises:
        DataError: a file is missing or damaged, or an id stands twice, on one side or on both.
    """
    stem = Path(root) / "bucc2018" / f"{language}-en.{part}"
    paths = [Path(f"{stem}.{code}") for code in (language, "en")]
    foreign = _read_sentences(paths[0], {}, paths[0])
    english = _read_sentences(paths[1], foreign, paths[0])
    return BuccSet(language=language, foreign=foreign, english=english)


def read_gold(root: str | Path, data: BuccSet, part: Part) -> IdPairs:
    """Read the gold pairs of one part; raises as :func:`read_pairs`."""
    dev, test = f"bucc2018/{data.language}-en.dev.gold", f"labels/bucc2018/test-{data.language}.tsv"
    return read_pairs(Path(root, dev if part == "dev" else test), data)


def read_pairs(path: str | Path, data: BuccSet | str, *, empty: bool = False) -> IdPairs:
    """Read pairs of ids, ``<xx> id TAB English id`` or the other way round.

    A pair that stands twice counts once, as in XTREME.

    Args:
        path: the file.
        data: the sentences that the ids name; they tell which column is which. Or, where they are
            not at hand, the foreign language: ids begin with their language, ``fr-`` or ``en-``.
        empty: whether the file may be empty: predictions may, gold may not.

    Raises:
        DataError: missing, empty or damaged, a line is not two ids, an id names no sentence, or
            both name sentences of the same side.
    """
    if empty and Path(path).is_file() and not Path(path).stat().st_size:
        return frozenset()
    pairs = set()
    for number, line in enumerate(require_lines(path), start=1):
        ids = [part.strip() for part in line.split("\t")]
        try:
            if len(ids) != 2:
                raise ValueError(f"two ids with a tab between them are needed, not {line[:80]!r}")
            sides = [_tell_side(name, data) for name in ids]
            if sides[0] == sides[1]:
                raise ValueError(f"{ids[0]!r} and {ids[1]!r} are both ids of {sides[0]} sentences")
        except ValueError as error:
            raise DataError(path, str(error), number) from None
        one, other = reversed(ids) if sides[0] == "English" else ids
        pairs.add((one, other))
    return frozenset(pairs)


def _tell_side(name: str, data: BuccSet | str) -> str:
    """Name the side that an id is of, or raise ValueError."""
    if isinstance(data, str):
        if found := re.fullmatch(rf"({re.escape(data)}|en)-\S+", name):
            return "English" if found[1] == "en" else data
        raise ValueError(f"{name!r} is not the id of a sentence: {data}-... or en-... is needed")
    if name in data.foreign:
        return data.language
    if name in data.english:
        return "English"
    raise ValueError(f"{name!r} is not the id of any sentence, in {data.language} or in English")


def _read_sentences(path: Path, taken: Mapping[str, str], where: Path) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for number, line in enumerate(require_lines(path), start=1):
        name, tab, sentence = line.partition("\t")
        name = name.strip()
        message = ""
        if not tab or not name or not sentence.strip():
            message = f"an id, a tab and a sentence are needed, not {line[:80]!r}"
        elif name in sentences:
            message = f"the id {name!r} occurs twice"
        elif name in taken:
            message = f"the id {name!r} is also in {where}, so gold pairs would be ambiguous; "
            message += "put the language before it"
        if message:
            raise DataError(path, message, number)
        sentences[name] = sentence.strip(" \t\r")
    return sentences


TASKS = (Bucc(),)

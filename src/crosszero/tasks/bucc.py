"""BUCC 2018: find the translations among sentences of two languages, as XTREME runs it.

Sentence vectors, margin over the 4 nearest neighbours, best candidates of both directions
one-to-one, threshold tuned on dev and applied to test. Equal sentences take part once and are left
out of the result (see :mod:`crosszero.search.mining`); XTREME's mBERT reads layer 8, mean over all
tokens, which is the setting of the encoder here. Source: Hu et al. 2020, section 3 and appendix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from crosszero.bitext.lines import require_lines
from crosszero.config import read_json, to_dict
from crosszero.errors import ConfigError, DataError
from crosszero.search.margin import Margin
from crosszero.search.mining import SentenceEncoder, mine_texts
from crosszero.search.threshold import score_pairs, tune_threshold
from crosszero.tasks.bucc_data import (
    BuccSet,
    IdPairs,
    Part,
    list_languages,
    read_bucc,
    read_gold,
    read_pairs,
)
from crosszero.tasks.prediction_files import find_file, name_file, write_lines
from crosszero.tasks.task import Folder, Items, Languages, Measures, Task

ScoredIds = list[tuple[str, str, float]]  # foreign id, English id, margin score
_PARTS: tuple[Part, Part] = ("dev", "test")


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
    rank = 50

    def list_languages(self, data: Folder) -> list[str]:
        """List the languages of which any file is in `data`, sorted; DataError if none."""
        return list_languages(data)

    def load(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, list[BuccGold]]]:
        """Read sentences and gold of dev and test, from ``bucc2018/`` and ``labels/bucc2018/``."""
        for language in self.choose_languages(data, languages):
            yield language, [self._read(data, language, part) for part in _PARTS]

    def load_gold(
        self, data: Folder, languages: Languages = None
    ) -> Iterator[tuple[str, BuccGold]]:
        """Read sentences and gold of test alone."""
        for language in self.choose_languages(data, languages):
            yield language, self._read(data, language, "test")

    def _read(self, data: Folder, language: str, part: Part) -> BuccGold:
        sentences = read_bucc(data, language, part)
        return BuccGold(read_gold(data, sentences, part), sentences)

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

        Beside it stand ``mined-<xx>.tsv``, all pairs with their margin scores, and
        ``threshold-<xx>.json``: the threshold, its F1 on dev, `k` and `margin`.

        `k` and `margin` are those of :func:`crosszero.search.vector_mining.mine_vectors`.

        Returns:
            The files, a pair a line (``<xx> id TAB English id``), best first; a file is empty where
            no pair reaches the threshold.
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
            kept.unlink(missing_ok=True)  # must not meet the pairs of another encoder
            mined = name_file(predictions, self.name, language, "mined")
            write_lines(mined, [f"{a}\t{b}\t{score!r}" for a, b, score in found])
            write_lines(kept, [json.dumps(to_dict(settings))])
            path = name_file(predictions, self.name, language)
            written.append(write_lines(path, _keep(found, threshold)))
        return written

    def read_predictions(self, predictions: Folder, language: str, gold: BuccGold) -> IdPairs:
        """Read the pairs; the file may be empty: nothing was found.

        Where it is missing, but the mined pairs and the threshold that was tuned on dev are there,
        it is cut again with that threshold: no encoder is needed to score with another one.
        """
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
        named = {name for name, _ in found | gold.pairs}
        names = gold.sentences.foreign if gold.sentences else sorted(named)
        rows = {name: row for row, name in enumerate(names)}

        def count(pairs: Iterable[tuple[str, str]]) -> Items:
            places = np.array([rows[name] for name, _ in pairs], dtype=np.int64)
            return np.bincount(places, minlength=len(rows)).astype(np.int64)

        return np.stack([2 * count(found & gold.pairs), count(found) + count(gold.pairs)], axis=1)

    def fetch(self, out: Folder, languages: Sequence[str], revision: str | None = None) -> Path:
        """Say where the data are to be had."""
        raise ConfigError(
            f"{self.name}: the hub has only the gold pairs, not the sentences that they hide "
            "among; take it from scripts/download_data.sh of google-research/xtreme"
        )


def _keep(found: ScoredIds, threshold: float) -> list[str]:
    return [f"{one}\t{other}" for one, other, score in found if score >= threshold]


def _read_mined(path: Path) -> ScoredIds:
    mined: ScoredIds = []
    lines = list(require_lines(path)) if path.stat().st_size else []
    for number, line in enumerate(lines, start=1):
        try:
            one, other, score = line.split("\t")
            mined.append((one, other, float(score)))
        except ValueError as error:
            message = "two ids and a number, parted by tabs, are needed"
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


TASKS = (Bucc(),)

"""BUCC 2018: find the translations among sentences of two languages, as XTREME runs it.

Sentence vectors, margin over the 4 nearest neighbours, best candidates of both directions
one-to-one, threshold tuned on dev and applied to test. Equal sentences take part once and are left
out of the result (see :mod:`crosszero.search.mining`); XTREME's mBERT reads layer 8, mean over
all tokens, which is the setting of the encoder here. Source: Hu et al. 2020, section 3, appendix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from crosszero.bitext.numbered import read_lines
from crosszero.errors import DataError
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
from crosszero.tasks.outputs import choose_languages, find_output, name_output, write_output
from crosszero.tasks.predictions import read_links
from crosszero.tasks.task import Items, Score, Task

ScoredIds = list[tuple[str, str, float]]  # foreign id, English id, margin score


class BuccData(NamedTuple):
    """All that a language is measured with: sentences of two parts, and their gold pairs."""

    dev: BuccSet
    test: BuccSet
    dev_gold: IdPairs
    test_gold: IdPairs


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

    def list_languages(self, data: str | Path) -> list[str]:
        """List the languages of which any file is in `data`, sorted; DataError if none."""
        return list_languages(data)

    def load(
        self, data: str | Path, languages: Sequence[str] | None = None
    ) -> Iterator[tuple[str, BuccData]]:
        """Read sentences and gold of dev and test of each language.

        Args:
            data: folder that holds ``bucc2018/`` and ``labels/bucc2018/``.
            languages: which; None for all.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing or can't be used.
        """
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            dev, test = (read_bucc(data, language, part) for part in _PARTS)
            golds = (read_gold(data, dev, "dev"), read_gold(data, test, "test"))
            yield language, BuccData(dev, test, *golds)

    def predict(
        self,
        encoder: SentenceEncoder,
        data: str | Path,
        predictions: str | Path,
        languages: Sequence[str] | None = None,
        *,
        k: int = 4,
        margin: Margin = "ratio",
    ) -> list[Path]:
        """Tune a threshold on dev, mine test with it, write ``bucc2018/test-<xx>.tsv``.

        Beside it stand ``mined-<xx>.tsv``, all pairs with their margin scores, and
        ``threshold-<xx>.json``: the threshold, its F1 on dev, `k` and `margin`.

        Args:
            encoder: gives the sentence vectors.
            data: folder that holds ``bucc2018/``, dev gold included.
            predictions: folder of the predictions.
            languages: which; None for all.
            k, margin: see :func:`crosszero.search.vector_mining.mine_vectors`.

        Returns:
            The files, a pair a line (``<xx> id TAB English id``), best first; a file is empty where
            no pair reaches the threshold.

        Raises:
            ConfigError: a language, `k` or `margin` is unknown.
            DataError: a file is missing or can't be used.
        """
        written = []
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            parts = {part: read_bucc(data, language, part) for part in _PARTS}
            gold = read_gold(data, parts["dev"], "dev")  # before the hours that mining may take
            tuned = mine_ids(encoder, parts["dev"], k=k, margin=margin)
            threshold = tune_threshold(tuned, gold)
            found = mine_ids(encoder, parts["test"], k=k, margin=margin)
            path = name_output(predictions, self.name, language)
            dev = score_pairs([row[:2] for row in tuned if row[2] >= threshold], gold).f1
            settings = {"threshold": threshold, "dev_f1": dev, "k": k, "margin": margin}
            paths = _name_mined(path)
            paths.threshold.unlink(missing_ok=True)  # must not meet the pairs of another encoder
            write_output(paths.mined, [f"{a}\t{b}\t{score!r}" for a, b, score in found])
            write_output(paths.threshold, [json.dumps(settings)])
            written.append(write_output(path, _keep(found, threshold)))
        return written

    def score(
        self, predictions: str | Path, data: str | Path, languages: Sequence[str] | None = None
    ) -> list[Score]:
        """Score the prediction files: F1, precision and recall over the set of pairs.

        Where a file is missing, but the mined pairs and the threshold that was tuned on dev are
        there, it is cut again with that threshold: no encoder is needed to score with another one.

        Args:
            predictions, data: as in :meth:`predict`; gold is in ``<data>/labels/bucc2018``.
            languages: which; None for all of the data.

        Returns:
            ``f1``, ``precision`` and ``recall`` for each language, 0 where no pair is right;
            `count` is the number of gold pairs.

        Raises:
            ConfigError: a language is unknown.
            DataError: a file is missing or damaged, or a line is not two ids of the test sentences.
        """
        scores = []
        for language in choose_languages(self.name, languages, self.list_languages(data)):
            path = name_output(predictions, self.name, language)
            if not path.is_file():
                _cut_again(path)
            sentences = read_bucc(data, language, "test")
            found = read_pairs(find_output(path), sentences, empty=True)
            scores += _score(language, found, read_gold(data, sentences, "test"))
        return scores

    def score_labels(
        self, predictions: Path, labels: Path, languages: Sequence[str]
    ) -> list[Score]:
        """Score the pairs of ids against the gold pairs."""
        return [
            score
            for language in languages
            for score in _score(
                language,
                read_links(predictions, language, empty=True),
                read_links(labels, language),
            )
        ]

    def count_items(self, predictions: str | Path, data: str | Path, language: str) -> Items:
        """Items are the foreign sentences: twice the right pairs, predicted and gold pairs."""
        sentences = read_bucc(data, language, "test")
        gold = read_gold(data, sentences, "test")
        path = find_output(name_output(predictions, self.name, language))
        found = read_pairs(path, sentences, empty=True)
        rows = {name: row for row, name in enumerate(sentences.foreign)}

        def count(pairs: Iterable[tuple[str, str]]) -> Items:
            places = np.array([rows[name] for name, _ in pairs], dtype=np.int64)
            return np.bincount(places, minlength=len(rows)).astype(np.int64)

        return np.stack([2 * count(found & gold), count(found) + count(gold)], axis=1)


_PARTS: tuple[Part, Part] = ("dev", "test")
TASKS = (Bucc(),)


def _score(language: str, found: Set[tuple[str, str]], gold: Set[tuple[str, str]]) -> list[Score]:
    result = score_pairs(found, gold)
    return [
        Score(
            task=Bucc.name,
            metric=metric,
            language=language,
            value=getattr(result, metric),
            count=result.gold,
        )
        for metric in ("f1", "precision", "recall")
    ]


class _Mined(NamedTuple):
    mined: Path
    threshold: Path


def _name_mined(path: Path) -> _Mined:
    language = path.stem.removeprefix("test-")
    return _Mined(
        path.with_name(f"mined-{language}.tsv"), path.with_name(f"threshold-{language}.json")
    )


def _keep(found: ScoredIds, threshold: float) -> list[str]:
    return [f"{one}\t{other}" for one, other, score in found if score >= threshold]


def _cut_again(path: Path) -> None:
    """Write the prediction file anew from the mined pairs and the threshold, if they are there."""
    paths = _name_mined(path)
    if not all(other.is_file() for other in paths):
        return
    mined: ScoredIds = []
    lines = read_lines(paths.mined) if paths.mined.stat().st_size else []
    for number, line in enumerate(lines, start=1):
        try:
            one, other, score = line.split("\t")
            mined.append((one, other, float(score)))
        except ValueError as error:
            raise DataError(
                paths.mined, "two ids and a number, parted by tabs, are needed", number
            ) from error
    write_output(path, _keep(mined, read_threshold(paths.threshold)))


def read_threshold(path: str | Path) -> float:
    """Read the threshold that :meth:`Bucc.predict` tuned on dev, ``threshold-<xx>.json``.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return float(json.loads(Path(path).read_text(encoding="utf-8"))["threshold"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(path, "no threshold can be read there; predict again") from error


def mine_ids(
    encoder: SentenceEncoder, data: BuccSet, *, k: int = 4, margin: Margin = "ratio"
) -> ScoredIds:
    """Mine one part and name the pairs by their ids.

    Args:
        encoder: gives the sentence vectors.
        data: the sentences.
        k, margin: see :func:`crosszero.search.vector_mining.mine_vectors`.

    Returns:
        (foreign id, English id, score), best first.
    """
    foreign, english = list(data.foreign), list(data.english)
    found = mine_texts(
        encoder, list(data.foreign.values()), list(data.english.values()), k=k, margin=margin
    )
    return [(foreign[i], english[j], score) for i, j, score in found]

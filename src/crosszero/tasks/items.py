"""What each item of a test set adds to the score, read from the files of predictions.

The score of every task is a sum over items divided by another sum. An item is what is drawn when
two systems are compared (:func:`crosszero.experiment.paired.compare_corpora`):

| task | item | numerator | denominator |
|---|---|---|---|
| xnli, pawsx | pair of sentences | right or not | 1 |
| tatoeba | English sentence | right or not | 1 |
| word-retrieval | word that asks | right or not | 1 |
| udpos, panx (span F1) | sentence | 2 x right spans | predicted + gold spans |
| bucc2018 (F1) | foreign sentence | 2 x right pairs | predicted + gold pairs |
| word-alignment (AER) | pair of sentences | links - right ones | predicted + sure links |

A span belongs to the sentence that it ends in (:mod:`crosszero.tasks.spans`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crosszero.align.aer import score_alignment
from crosszero.align.gold import read_alignment_set, split_base
from crosszero.errors import DataError
from crosszero.tasks.blocks import check_counts
from crosszero.tasks.bucc_data import read_bucc, read_gold, read_pairs
from crosszero.tasks.labels import locate_file
from crosszero.tasks.outputs import find_output, name_output
from crosszero.tasks.predictions import read_labels, read_tags
from crosszero.tasks.spans import find_spans
from crosszero.tasks.tatoeba import Tatoeba
from crosszero.tasks.word_alignment import read_links
from crosszero.tasks.word_retrieval import WordRetrieval

Items = npt.NDArray[np.int64]  # (items, 2): numerator, denominator

METRICS = {
    "xnli": "xtreme/xnli/accuracy",
    "pawsx": "xtreme/pawsx/accuracy",
    "udpos": "xtreme/udpos/f1",
    "panx": "xtreme/panx/f1",
    "bucc2018": "xtreme/bucc2018/f1",
    "tatoeba": "xtreme/tatoeba/accuracy",
    "word-alignment": "crosszero/word-alignment/aer",
    "word-retrieval": "crosszero/word-retrieval/accuracy",
}


def count_items(task: str, predictions: str | Path, data: str | Path, language: str) -> Items:
    """Read what each item adds to the score of :data:`METRICS`.

    Args:
        task: one of :data:`METRICS`.
        predictions: folder of the predictions, ``<predictions>/<task>/test-<xx>.tsv``.
        data: folder of the data, gold in ``labels``.
        language: as the prediction files name it.

    Returns:
        (items, 2): numerator and denominator; the sums of both, divided, are the score.

    Raises:
        CrosszeroError: predictions or data are missing or can't be used.

    Example:
        >>> count_items("tatoeba", "out/predictions", "xtreme", "fr").mean(axis=0)  # doctest: +SKIP
        array([0.058, 1.   ])
    """
    return _COUNTERS[task](task, Path(predictions), Path(data), language)


def _count_labels(task: str, predictions: Path, data: Path, language: str) -> Items:
    gold = read_labels(data / "labels", task, language)
    found = read_labels(predictions, task, language)
    if len(found) != len(gold):
        path = locate_file(predictions, task, language)
        raise DataError(
            path,
            f"{len(found)} labels for {len(gold)} pairs of sentences",
            min(len(found), len(gold)),
        )
    return _count_hits(one == other for one, other in zip(found, gold, strict=True))


def _count_tags(task: str, predictions: Path, data: Path, language: str) -> Items:
    folders = (predictions, data / "labels")
    found, gold = (read_tags(folder, task, language) for folder in folders)
    paths = [locate_file(folder, task, language) for folder in folders]
    check_counts(paths[0], found, paths[1], gold)
    one, other = find_spans(found), find_spans(gold)
    ends = np.cumsum([len(tags) + 1 for tags in gold])  # one empty place after each sentence

    def count(spans: Iterable[tuple[str, int, int]]) -> Items:
        places = np.searchsorted(ends, [last for _, _, last in spans], side="right")
        return np.bincount(places, minlength=len(gold)).astype(np.int64)

    return np.stack([2 * count(one & other), count(one) + count(other)], axis=1)


def _count_links(task: str, predictions: Path, data: Path, language: str) -> Items:
    sentences = read_bucc(data, language, "test")
    gold = read_gold(data, sentences, "test")
    path = find_output(name_output(predictions, task, language))
    found = read_pairs(path, sentences, empty=True)
    rows = {name: row for row, name in enumerate(sentences.foreign)}

    def count(pairs: Iterable[tuple[str, str]]) -> Items:
        places = np.array([rows[name] for name, _ in pairs], dtype=np.int64)
        return np.bincount(places, minlength=len(rows)).astype(np.int64)

    return np.stack([2 * count(found & gold), count(found) + count(gold)], axis=1)


def _count_tatoeba(task: str, predictions: Path, data: Path, language: str) -> Items:
    return _count_hits(Tatoeba().list_hits(predictions, data, language))


def _count_alignment(task: str, predictions: Path, data: Path, language: str) -> Items:
    sentences = read_alignment_set(data / task / language)
    path = name_output(predictions, task, split_base(language)[0])
    found = read_links(find_output(path), sentences)
    rows = []
    for links, gold in zip(found, sentences.gold, strict=True):
        score = score_alignment([links], [gold])
        whole = score.predicted + score.sure
        rows.append((whole - score.sure_hits - score.possible_hits, whole))
    return np.array(rows, dtype=np.int64)


def _count_words(task: str, predictions: Path, data: Path, language: str) -> Items:
    return _count_hits(WordRetrieval().list_hits(predictions, data, language))


def _count_hits(hits: Iterable[bool]) -> Items:
    found = np.fromiter(hits, dtype=np.int64)
    return np.stack([found, np.ones_like(found)], axis=1)


_COUNTERS: dict[str, Callable[[str, Path, Path, str], Items]] = {
    "xnli": _count_labels,
    "pawsx": _count_labels,
    "udpos": _count_tags,
    "panx": _count_tags,
    "bucc2018": _count_links,
    "tatoeba": _count_tatoeba,
    "word-alignment": _count_alignment,
    "word-retrieval": _count_words,
}

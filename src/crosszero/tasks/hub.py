"""XTREME's data from the hub's ``google/xtreme``, written once in the layout of XTREME's script.

What the hub has, and what it does not (as of its Parquet files of 2024):

- **xnli**: dev and test with their labels, in one configuration. No training data: the English
  part of ``facebook/xnli``, which is MultiNLI's training set, takes its place.
- **pawsx**, **panx**: everything, test labels included.
- **udpos**: everything but the dev sets of ``kk tl th yo``. Contractions are cut into their parts
  (French *du* into *de le*), where XTREME keeps them as one word: scores differ a little from
  those on the data of XTREME's script where a language has contractions.
- **tatoeba**: aligned lines, which are written as XTREME's script leaves them, the English side
  sorted and the permutation as gold.
- **bucc2018**: only the gold pairs, without the sentences that they hide among. The task can't be
  made of them: use XTREME's own download script.

Source: https://huggingface.co/datasets/google/xtreme and its loading script in
https://github.com/huggingface/datasets (datasets/xtreme/xtreme.py).
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from crosszero.errors import ConfigError, DataError, suggest
from crosszero.files import atomic_file, atomic_folder
from crosszero.tasks.hub_rows import (
    TREEBANKS,
    list_pairs,
    list_words,
    open_pairs,
    open_tatoeba,
    open_words,
    take_text,
)

_log = logging.getLogger("crosszero")
_CODES = {
    "tatoeba": "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru "
    "sw ta te th tl tr ur vi zh",
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "pawsx": "de en es fr ja ko zh",
    "udpos": " ".join(TREEBANKS),
    "panx": "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl "
    "pt ru sw ta te th tl tr ur vi yo zh",
}
LANGUAGES = {task: tuple(codes.split()) for task, codes in _CODES.items()}
_WITHOUT_DEV = {"udpos": ("kk", "th", "tl", "yo")}


def fetch_xtreme(
    out: str | Path,
    tasks: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    *,
    revision: str | None = None,
) -> list[Path]:
    """Download tasks and write them as ``crosszero evaluate`` and ``crosszero run`` read them.

    Args:
        out: gets ``<task>/`` and ``labels/<task>/``; what stood there of these tasks is replaced
            when all of a task has arrived.
        tasks: some of tatoeba, xnli, pawsx, udpos, panx; by default all of them.
        languages: to test; by default all that a task has. Those that a task does not have are
            left out of it. English training and development data are always fetched.
        revision: commit or tag of ``google/xtreme``; name one to be able to repeat a run.

    Returns:
        The folders of the tasks.

    Raises:
        ConfigError: an unknown task, a task that the hub does not have, or a language that none of
            the tasks has.
        DataError: the hub can't be reached, or holds something else than expected.
        MissingExtraError: the package ``datasets`` is not installed.

    Example:
        >>> fetch_xtreme("xtreme", ["pawsx"], ["fr"])                 # doctest: +SKIP
        [PosixPath('xtreme/pawsx')]
    """
    chosen = list(dict.fromkeys(tasks or LANGUAGES))
    for task in chosen:
        if task == "bucc2018":
            raise ConfigError(
                "bucc2018: the hub has only the gold pairs, not the sentences that they hide "
                "among; take it from scripts/download_data.sh of google-research/xtreme"
            )
        if task not in LANGUAGES:
            raise ConfigError(f"unknown task {task!r}: {suggest(task, LANGUAGES)}")
    for language in languages or ():
        known = {code for task in chosen for code in LANGUAGES[task]}
        if language not in known:
            raise ConfigError(f"no task has {language!r}: {suggest(language, known)}")
    written = []
    for task in chosen:
        some = [code for code in LANGUAGES[task] if languages is None or code in languages]
        if not some:
            _log.info("%s: has none of the languages, left out", task)
            continue
        folder = Path(out) / task
        gold = Path(out) / "labels" / task
        with atomic_folder(folder) as texts, atomic_folder(gold) as labels:
            for language in some:
                _log.info("%s: %s", task, language)
                _WRITERS[task](task, language, texts, labels, revision)
            if task != "tatoeba" and "en" not in some:
                _write_training(task, texts, revision)
        written.append(folder)
    return written


def _write_pairs(task: str, language: str, texts: Path, labels: Path, revision: str | None) -> None:
    if language == "en":
        _write_training(task, texts, revision)
    else:
        _write_labelled_pairs(task, "dev", language, texts, revision)
    source = open_pairs(task, "test", language, revision)
    rows = list(list_pairs(task, source))
    _write_csv(texts / f"test-{language}.tsv", [row[:2] for row in rows], source.place)
    _write_lines(labels / f"test-{language}.tsv", [row[2] for row in rows], source.place)


def _write_words(task: str, language: str, texts: Path, labels: Path, revision: str | None) -> None:
    if language == "en":
        _write_training(task, texts, revision)
    elif language not in _WITHOUT_DEV.get(task, ()):
        _write_tagged(task, "dev", language, texts, revision)
    source = open_words(task, "test", language, revision)
    rows = list(list_words(task, source))
    words = [line for sentence in rows for line in (*(word for word, _ in sentence), "")]
    tags = [line for sentence in rows for line in (*(tag for _, tag in sentence), "")]
    _write_lines(texts / f"test-{language}.tsv", words, source.place)
    _write_lines(labels / f"test-{language}.tsv", tags, source.place)


def _write_tatoeba(
    task: str, language: str, texts: Path, labels: Path, revision: str | None
) -> None:
    source = open_tatoeba(language, revision)
    pairs = [
        (
            take_text(row, "source_sentence", source).strip(),
            take_text(row, "target_sentence", source).strip(),
        )
        for row in source.rows
    ]
    order = sorted(range(len(pairs)), key=lambda line: pairs[line][1])
    _write_lines(texts / f"{language}-en.{language}", [a for a, _ in pairs], source.place)
    _write_lines(texts / f"{language}-en.en", [pairs[i][1] for i in order], source.place)
    _write_lines(labels / f"test-{language}.tsv", map(str, order), source.place)


def _write_training(task: str, texts: Path, revision: str | None) -> None:
    write = _write_labelled_pairs if task in ("xnli", "pawsx") else _write_tagged
    for split in ("train", "dev"):
        write(task, split, "en", texts, revision)


def _write_labelled_pairs(
    task: str, split: str, language: str, texts: Path, revision: str | None
) -> None:
    source = open_pairs(task, split, language, revision)
    _write_csv(texts / f"{split}-{language}.tsv", list_pairs(task, source), source.place)


def _write_tagged(task: str, split: str, language: str, texts: Path, revision: str | None) -> None:
    source = open_words(task, split, language, revision)
    lines = (
        line
        for sentence in list_words(task, source)
        for line in (*(f"{word}\t{tag}" for word, tag in sentence), "")
    )
    _write_lines(texts / f"{split}-{language}.tsv", lines, source.place)


def _write_csv(path: Path, rows: Iterable[Sequence[str]], place: str) -> None:
    """Tabs, CRLF, fields with quotation marks in quotation marks: as XTREME's script writes them.

    Models are measured on what stands in the files, doubled marks included; see
    :mod:`crosszero.tasks.rows`.
    """
    lines = []
    for row in rows:
        line = io.StringIO()
        csv.writer(line, delimiter="\t").writerow(row)
        lines.append(line.getvalue().removesuffix("\n"))  # leaves the carriage return
    _write_lines(path, lines, place)


def _write_lines(path: Path, lines: Iterable[str], place: str) -> None:
    count = 0
    with atomic_file(path) as file:
        for line in lines:
            file.write(f"{line}\n")
            count += 1
    if not count:
        raise DataError(place, "holds no rows")


_WRITERS: dict[str, Callable[[str, str, Path, Path, str | None], None]] = {
    "tatoeba": _write_tatoeba,
    "xnli": _write_pairs,
    "pawsx": _write_pairs,
    "udpos": _write_words,
    "panx": _write_words,
}

"""Predictions in the format in which XTREME takes them, which is also that of its gold files.

One file for each task and language, ``<folder>/<task>/test-<xx>.tsv``, in the order of the test
file:

- xnli, pawsx: a label a line;
- udpos, panx: a tag a line, an empty line between sentences;
- tatoeba: for each English line the number, from 0, of the foreign line (predictions: or -1);
- bucc2018: two sentence ids a line, foreign TAB English, in any order.

What can't be right is refused when it is written and when it is read. Files are whole or absent.

Source: ``evaluate.py`` of https://github.com/google-research/xtreme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from crosszero.bitext import lines as text_lines
from crosszero.bitext.numbered import PLAIN_NUMBER, check_once, read_lines
from crosszero.errors import DataError
from crosszero.files import atomic_file
from crosszero.tasks.blocks import read_blocks
from crosszero.tasks.labels import check_label, check_task, locate_file, require_file

Link = tuple[str, str]


def write_labels(folder: str | Path, task: str, language: str, labels: Sequence[str]) -> Path:
    """Write the label of each pair of sentences.

    Args:
        folder: of all predictions.
        task: ``xnli`` or ``pawsx``.
        language: such as ``fr``.
        labels: one for each row of the test file.

    Returns:
        The file that was written.

    Raises:
        DataError: no label at all, or one that the task does not have.
        ConfigError: another task, or not a language code.
        CrosszeroError: the file can't be written.

    Example:
        >>> write_labels("predictions", "pawsx", "fr", ["0", "1"])      # doctest: +SKIP
        PosixPath('predictions/pawsx/test-fr.tsv')
    """
    check_task(task, ("xnli", "pawsx"))
    path = locate_file(folder, task, language)
    for number, label in enumerate(labels, start=1):
        check_label(label, task, path, number)
    return _write(path, labels)


def read_labels(folder: str | Path, task: str, language: str) -> list[str]:
    """Read what :func:`write_labels` wrote, or gold labels.

    Raises:
        DataError: missing, empty, an empty line, or an unknown label; names file and line.
        ConfigError: another task, or not a language code.
    """
    check_task(task, ("xnli", "pawsx"))
    path = require_file(folder, task, language)
    labels = read_lines(path)
    for number, label in enumerate(labels, start=1):
        check_label(label, task, path, number)
    return labels


def write_tags(folder: str | Path, task: str, language: str, tags: Sequence[Sequence[str]]) -> Path:
    """Write the tags of each sentence.

    Args:
        folder: of all predictions.
        task: ``udpos`` or ``panx``.
        language: such as ``fr``.
        tags: of each sentence of the test file, one for each word.

    Returns:
        The file that was written.

    Raises:
        DataError: no sentence at all, one without words, or a tag that the task does not have.
        ConfigError: another task, or not a language code.
        CrosszeroError: the file can't be written.
    """
    check_task(task, ("udpos", "panx"))
    path = locate_file(folder, task, language)
    _check_tags(path, task, tags)
    return _write(path, [line for sentence in tags for line in (*sentence, "")])


def read_tags(folder: str | Path, task: str, language: str) -> list[tuple[str, ...]]:
    """Read what :func:`write_tags` wrote, or gold tags. The last empty line may be missing.

    Raises:
        DataError: missing, empty, a sentence without words, or an unknown tag; names file and line.
        ConfigError: another task, or not a language code.
    """
    check_task(task, ("udpos", "panx"))
    path = require_file(folder, task, language)
    tags = read_blocks(path)
    _check_tags(path, task, tags)
    return tags


def write_places(folder: str | Path, language: str, places: Sequence[int]) -> Path:
    """Write the retrieved sentences of Tatoeba.

    Args:
        folder: of all predictions.
        language: such as ``fr``.
        places: for each English line the number of the foreign line, counted from 0; -1 where
            nothing was found.

    Returns:
        The file that was written.

    Raises:
        DataError: no line at all, or a number that is none of theirs.
        ConfigError: not a language code.
        CrosszeroError: the file can't be written.
    """
    path = locate_file(folder, "tatoeba", language)
    written = [str(int(place)) for place in places]
    _check_places(path, written)
    return _write(path, written)


def read_places(folder: str | Path, language: str, *, gold: bool = False) -> list[int]:
    """Read what :func:`write_places` wrote, or the gold file of Tatoeba.

    Args:
        folder: of all predictions, or of all gold files.
        language: such as ``fr``.
        gold: whether it is a gold file, which names each foreign line once.

    Raises:
        DataError: missing, empty, something else than a number, a number beyond the lines, or, in a
            gold file, -1 or a number that stands twice.
        ConfigError: not a language code.
    """
    path = require_file(folder, "tatoeba", language)
    lines = read_lines(path)
    _check_places(path, lines, gold=gold)
    places = [int(line) for line in lines]
    if gold:
        check_once(path, places)
    return places


def write_links(folder: str | Path, language: str, links: Iterable[Link]) -> Path:
    """Write the pairs of sentences that were found in BUCC 2018.

    Args:
        folder: of all predictions.
        language: such as ``fr``.
        links: ids of the foreign and of the English sentence, ``("fr-000000001",
            "en-000000007")``. There may be none: then the file is empty.

    Returns:
        The file that was written.

    Raises:
        DataError: an id is not of its language.
        ConfigError: not a language code.
        CrosszeroError: the file can't be written.
    """
    path = locate_file(folder, "bucc2018", language)
    written = sorted(set(links))
    for number, link in enumerate(written, start=1):
        _check_link(path, number, link, language)
    return _write(path, ["\t".join(link) for link in written], empty=True)


def read_links(folder: str | Path, language: str, *, empty: bool = False) -> set[Link]:
    """Read what :func:`write_links` wrote, or gold pairs. A pair that stands twice counts once.

    Args:
        folder: of all predictions, or of all gold files.
        language: such as ``fr``.
        empty: whether the file may be empty: nothing was found.

    Raises:
        DataError: missing, empty, not two columns, or an id that is not of its language.
        ConfigError: not a language code.
    """
    path = require_file(folder, "bucc2018", language)
    if empty and path.stat().st_size == 0:
        return set()
    links = set()
    for number, line in enumerate(text_lines.read_lines(path), start=1):
        if isinstance(line, text_lines.BadText):
            raise DataError(path, line.message, number)
        columns = tuple(column.strip(" \r") for column in line.split("\t"))
        if len(columns) != 2:
            raise DataError(
                path, f"two ids parted by a tab are needed, {len(columns)} columns found", number
            )
        links.add(_check_link(path, number, columns, language))
    return links


def check_lines(
    predictions: Path,
    labels: Path,
    task: str,
    language: str,
    found: Sequence[object],
    gold: Sequence[object],
) -> None:
    """See that a file of predictions has a line for each line of the gold file.

    Raises:
        DataError: it has not.
    """
    if len(found) != len(gold):
        raise DataError(
            locate_file(predictions, task, language),
            f"{len(found)} lines, but {locate_file(labels, task, language)} has {len(gold)}",
            min(len(found), len(gold)),
        )


def _check_tags(path: Path, task: str, tags: Sequence[Sequence[str]]) -> None:
    line = 0
    for sentence in tags:
        if not sentence:
            raise DataError(path, "a sentence without words can't be told from none", line + 1)
        for tag in sentence:
            line += 1
            check_label(tag, task, path, line)
        line += 1


def _check_places(path: Path, lines: Sequence[str], *, gold: bool = False) -> None:
    for number, line in enumerate(lines, start=1):
        if line == "-1" and not gold:
            continue
        if not PLAIN_NUMBER.fullmatch(line):
            raise DataError(path, f"a line number is needed, not {line[:80]!r}", number)
        if int(line) >= len(lines):
            raise DataError(
                path,
                f"{line} is out of range: with {len(lines)} lines, numbers go from 0 to "
                f"{len(lines) - 1}",
                number,
            )


def _check_link(path: Path, number: int, link: Link, language: str) -> Link:
    # columns in the wrong order would be a score of 0 without any error
    for sentence, code in zip(link, (language, "en"), strict=True):
        if not re.fullmatch(rf"{code}-[^\s]+", sentence):
            raise DataError(
                path, f"{sentence!r} is not the id of a sentence: {code}-... is needed", number
            )
    return link


def _write(path: Path, lines: Sequence[str], *, empty: bool = False) -> Path:
    if not lines and not empty:
        raise DataError(path, "there is nothing to write: a prediction for each item is needed")
    with atomic_file(path) as file:
        file.writelines(f"{line}\n" for line in lines)
    return path

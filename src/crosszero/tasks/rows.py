"""Readers of the data of XNLI and PAWS-X (pairs of sentences), UDPOS and PANX (tagged sentences).

``<data>/<task>/<split>-<xx>.tsv`` with the splits train, dev and test, as XTREME's download script
leaves them. The test files have no labels; these stand in ``<data>/labels/<task>/test-<xx>.tsv``.

Sentences are given as the file has them. XTREME wrote XNLI and PAWS-X as csv: a field that holds a
quotation mark stands in quotation marks, with those inside doubled. Its reader does NOT undo that,
so the models that it measures see the doubled marks, and so do those that are measured here.

Source: ``utils_preprocess.py`` and ``third_party/processors`` of
https://github.com/google-research/xtreme.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from crosszero.bitext.lines import BadText, read_lines
from crosszero.errors import ConfigError, DataError, suggest
from crosszero.tasks.blocks import check_counts, find_line, read_blocks
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.labels import check_label, check_task, locate_file, require_file
from crosszero.tasks.predictions import read_labels, read_tags

Split = Literal["train", "dev", "test"]
_SPLITS = ("train", "dev", "test")


def read_pairs(
    data: str | Path, task: str, split: Split, language: str, *, gold: bool = False
) -> list[SentencePairExample]:
    """Read pairs of sentences.

    Args:
        data: the folder that holds ``xnli/``, ``pawsx/`` and ``labels/``.
        task: ``xnli`` or ``pawsx``.
        split: train and dev have three columns (two sentences and their label), test has two.
        language: such as ``fr``.
        gold: give the examples of the test split their labels. Train and dev always have them.

    Returns:
        One for each line. A sentence may be empty, as XTREME allows; a line may not.

    Raises:
        DataError: a file is missing, damaged, not UTF-8 or empty, a line has another number of
            columns, a label is unknown, or there are not as many labels as test rows.
        ConfigError: another task or split, or not a language code.

    Example:
        >>> read_pairs("xtreme", "pawsx", "dev", "en")[0].label      # doctest: +SKIP
        '0'
    """
    check_task(task, ("xnli", "pawsx"))
    path = _find(data, task, split, language)
    needed = 2 if split == "test" else 3
    examples = []
    for number, line in enumerate(read_lines(path), start=1):
        if isinstance(line, BadText):
            raise DataError(path, line.message, number)
        columns = line.split("\t")
        if len(columns) != needed:
            raise DataError(
                path, f"{needed} columns parted by tabs are needed, {len(columns)} found", number
            )
        if needed == 3:
            check_label(columns[2], task, path, number)
        examples.append(SentencePairExample(*columns))
    if gold and split == "test":
        return _add_labels(Path(data) / "labels", task, language, path, examples)
    return examples


def read_tagged(
    data: str | Path, task: str, split: Split, language: str, *, gold: bool = False
) -> list[TaggedSentence]:
    """Read tagged sentences.

    Args:
        data: the folder that holds ``udpos/``, ``panx/`` and ``labels/``.
        task: ``udpos`` or ``panx``.
        split: a line of train and dev is a word, a tab and its tag; one of test is a word.
        language: such as ``fr``.
        gold: give the sentences of the test split their tags. Train and dev always have them.

    Returns:
        One for each sentence. Spaces within a word stay, those around it go.

    Raises:
        DataError: a file is missing, damaged, not UTF-8 or empty, a line has another number of
            columns, a tag is unknown, a sentence is empty, or words and tags of the test split
            differ in number.
        ConfigError: another task or split, or not a language code.

    Example:
        >>> read_tagged("xtreme", "udpos", "dev", "en")[0].tags[:2]      # doctest: +SKIP
        ('ADP', 'DET')
    """
    check_task(task, ("udpos", "panx"))
    path = _find(data, task, split, language)
    blocks = read_blocks(path)
    if split == "test":
        _check_words(path, blocks)
        if not gold:
            return [TaggedSentence(words) for words in blocks]
        labels = Path(data) / "labels"
        tags = read_tags(labels, task, language)
        check_counts(locate_file(labels, task, language), tags, path, blocks)
        return [TaggedSentence(words, found) for words, found in zip(blocks, tags, strict=True)]
    sentences = []
    number = 0
    for block in blocks:
        words, found = [], []
        for line in block:
            number += 1
            word, tag = _split_word(path, line, number)
            check_label(tag, task, path, number)
            words.append(word)
            found.append(tag)
        number += 1  # the empty line
        sentences.append(TaggedSentence(tuple(words), tuple(found)))
    return sentences


def _find(data: str | Path, task: str, split: str, language: str) -> Path:
    if split not in _SPLITS:
        raise ConfigError(f"{split!r} is not a split; {suggest(split, _SPLITS)}")
    return require_file(data, task, language, split)


def _add_labels(
    folder: Path, task: str, language: str, path: Path, examples: list[SentencePairExample]
) -> list[SentencePairExample]:
    labels = read_labels(folder, task, language)
    if len(labels) != len(examples):
        raise DataError(
            locate_file(folder, task, language),
            f"{len(labels)} labels, but {path} has {len(examples)} rows",
            min(len(labels), len(examples)),
        )
    return [
        SentencePairExample(example.first, example.second, label)
        for example, label in zip(examples, labels, strict=True)
    ]


def _check_words(path: Path, blocks: list[tuple[str, ...]]) -> None:
    for sentence, block in enumerate(blocks):
        for place, word in enumerate(block):
            if "\t" in word:
                raise DataError(
                    path,
                    f"a word alone is needed, {word.count(chr(9)) + 1} columns found; tags of the "
                    "test split belong to labels/",
                    find_line(blocks, sentence, place),
                )


def _split_word(path: Path, line: str, number: int) -> tuple[str, str]:
    columns = [column.strip(" ") for column in line.split("\t")]
    if len(columns) != 2 or not all(columns):
        raise DataError(
            path,
            "a word, a tab and its tag are needed; "
            f"{sum(map(bool, columns))} of {len(columns)} columns hold something",
            number,
        )
    return columns[0], columns[1]

"""Files with one word or tag a line and an empty line between sentences (UDPOS, PANX).

A line is cleared of spaces and tabs around it, and of them alone: a no-break space is a word to
those who made the data. XTREME counts an empty line after an empty line as a sentence without
words. Such a sentence can't be meant, so it is refused, but for empty lines at the end of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.bitext.numbered import read_lines
from crosszero.errors import DataError


def read_blocks(path: str | Path) -> list[tuple[str, ...]]:
    """Read the lines of each sentence.

    Args:
        path: the file, UTF-8, plain or gzip-compressed.

    Returns:
        At least one sentence of at least one line each.

    Raises:
        DataError: the file is missing, damaged, not UTF-8 or without any word, or a sentence is
            empty.

    Example:
        >>> read_blocks("labels/udpos/test-en.tsv")[0][:3]      # doctest: +SKIP
        ('PROPN', 'ADV', 'VERB')
    """
    lines = read_lines(path, empty_lines=True)
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError(path, "holds nothing but empty lines: words or tags are needed", 1)
    blocks: list[list[str]] = [[]]
    for number, line in enumerate(lines, start=1):
        if line:
            blocks[-1].append(line)
        elif not blocks[-1]:
            raise DataError(
                path,
                "the line is empty where a sentence begins; one empty line parts two sentences",
                number,
            )
        else:
            blocks.append([])
    return [tuple(block) for block in blocks]


def find_line(blocks: Sequence[Sequence[str]], sentence: int, word: int = 0) -> int:
    """Tell on which line of its file a word stands.

    Args:
        blocks: what :func:`read_blocks` gave.
        sentence, word: counted from 0.

    Returns:
        The line number, from 1.

    Example:
        >>> find_line([("a", "b"), ("c",)], sentence=1)
        4
    """
    return 1 + sum(len(block) + 1 for block in blocks[:sentence]) + word


def check_counts(
    path: str | Path,
    blocks: Sequence[Sequence[str]],
    other_path: str | Path,
    other: Sequence[Sequence[str]],
) -> None:
    """See that two files have the same sentences, by their numbers of words.

    Args:
        path, blocks: the file that is in doubt, and its sentences.
        other_path, other: the file that it must agree with, and its sentences.

    Raises:
        DataError: a sentence has another number of words, or the file has more or fewer sentences;
            names the sentence that differs, is too many, or is the last.
    """
    for sentence, (one, two) in enumerate(zip(blocks, other, strict=False)):
        if len(one) != len(two):
            raise DataError(
                path,
                f"the sentence that begins here has {len(one)} lines, but {len(two)} in "
                f"{other_path}:{find_line(other, sentence)}",
                find_line(blocks, sentence),
            )
    if len(blocks) != len(other):
        raise DataError(
            path,
            f"{len(blocks)} sentences, but {other_path} has {len(other)}",
            find_line(blocks, min(len(blocks) - 1, len(other))),
        )

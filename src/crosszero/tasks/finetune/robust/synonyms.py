"""Copies of sentence pairs in which words are replaced by synonyms (RS-DA, arXiv 2104.08645)."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from crosszero.config import read_json
from crosszero.errors import DataError
from crosszero.tasks.finetune.examples import SentencePairExample

_SPACES = re.compile(r"(\s+)")


def read_synonyms(path: str | Path) -> dict[str, list[str]]:
    """Read a table of synonyms: a JSON object of words, each with a list of its synonyms.

    Raises:
        DataError: it is missing, or something else.
    """
    table = read_json(path, dict[str, list[str]])
    if not any(table.values()):
        raise DataError(path, 'has no synonyms; an object like {"good": ["fine"]} is needed')
    return table


def replace_words(text: str, table: Mapping[str, Sequence[str]], draw: random.Random) -> str:
    """Replace each word that has synonyms by one of them, or by itself, all equally likely.

    A word is what stands between white space, in the very letters of the table.

    Example:
        >>> replace_words("a good day", {"day": ["day"]}, random.Random(1))
        'a good day'
    """
    parts = _SPACES.split(text)
    return "".join(draw.choice((part, *table.get(part, ()))) if part else "" for part in parts)


def copy_pairs(
    examples: Sequence[SentencePairExample],
    table: Mapping[str, Sequence[str]],
    *,
    copies: int,
    seed: int,
) -> list[SentencePairExample]:
    """Make copies of each pair with other words and the same label.

    Args:
        examples: n pairs.
        table: synonyms of words.
        copies: of each pair.
        seed: of the choices.

    Returns:
        n x copies pairs, those of a pair one after the other.
    """
    draw = random.Random(seed)
    return [
        SentencePairExample(
            replace_words(example.first, table, draw),
            replace_words(example.second, table, draw),
            example.label,
        )
        for example in examples
        for _ in range(copies)
    ]

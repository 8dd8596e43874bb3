"""The text of crosszero-mini: six monolingual corpora, each with a held-out part.

The sources are parallel, the encoder must not know it: each side is read as text of its own,
exact repeats are dropped, and every language is shuffled with its own seed. So no line number, no
batch and no order says which sentences are translations of each other.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

LANGUAGES = ("en", "ar", "es", "fr", "ru", "zh")

# Vowel signs, tatweel, direction marks: spellings that differ in nothing else are one sentence.
INVISIBLE = re.compile("[\u0640\u064b-\u0655\u0670\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Source(NamedTuple):
    """One data set, and what the model card has to say about it.

    Attributes:
        folder: below ``bitext/``; its files end in the language code: ``multi.en``, ``en-fr.fr``.
        licence: as the origin states it.
        what: one phrase.
    """

    folder: str
    licence: str
    what: str


SOURCES = (
    Source("bible", "public-domain translations", "verses: KJV, SVD, RVR, LSG, Synodal, CUV"),
    Source("manythings", "CC-BY-2.0-FR", "short sentences of Tatoeba, as ManyThings hands them on"),
    Source(
        "chromium",
        "BSD-3-Clause",
        "interface strings of Chromium, as shipped in PyQt6-WebEngine-Qt6 6.11.2",
    ),
    Source("libreoffice", "MPL-2.0", "interface strings of LibreOffice 7.4"),
    Source("superset", "Apache-2.0", "interface strings of apache-superset 6.1"),
)


class Split(NamedTuple):
    """The lines of one language, shuffled; those held out are never trained on."""

    train: list[str]
    heldout: list[str]


def same_line(text: str) -> str:
    """The key under which two lines count as one: without marks that the tokeniser drops anyway."""
    return " ".join(INVISIBLE.sub("", text).split())


def clean_lines(lines: Iterable[str]) -> Iterator[str]:
    """NFC, one space between words, no empty line, no repeat."""
    seen: set[str] = set()
    for line in lines:
        text = " ".join(unicodedata.normalize("NFC", line).split())
        key = same_line(text)
        if key and key not in seen:
            seen.add(key)
            yield text


def read_language(data: Path, language: str, sources: Sequence[Source] = SOURCES) -> list[str]:
    """All different lines of one language, in file order."""
    lines: list[str] = []
    for source in sources:
        folder = data / "bitext" / source.folder
        files = sorted(folder.glob(f"*.{language}"))
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}: --data must hold bitext/{source.folder}")
        for file in files:
            lines += file.read_text(encoding="utf-8").split("\n")
    return list(clean_lines(lines))


def split_lines(lines: Sequence[str], *, seed: str) -> Split:
    """Shuffle, then hold out the first hundredth, at most 1,500 lines: a random sample."""
    shuffled = list(lines)
    random.Random(seed).shuffle(shuffled)
    count = min(1500, max(1, round(len(shuffled) / 100)))
    return Split(train=shuffled[count:], heldout=shuffled[:count])


def read_corpus(
    data: Path, *, seed: int = 0, sources: Sequence[Source] = SOURCES
) -> dict[str, Split]:
    """The six languages. The seed of a shuffle holds the language, so parallel lines part ways."""
    return {
        language: split_lines(read_language(data, language, sources), seed=f"{seed}:{language}")
        for language in LANGUAGES
    }


def smoothed_shares(sizes: dict[str, int], exponent: float) -> dict[str, float]:
    """Sampling shares, proportional to size ** exponent (1: as the text is; 0: all alike)."""
    weights = {name: size**exponent for name, size in sizes.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}

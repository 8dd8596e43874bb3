"""A small corpus with words, made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.samples.sample import Sample
from crosszero.samples.store import collect

DICTIONARY = [
    ("weather", "temps", "погода"),
    ("king", "roi", "король"),
    ("house", "maison", "дом"),
    ("cat", "chat", "猫"),
    ("dog", "chien", "狗"),
    ("today", "aujourd", "сегодня"),
    ("red", "rouge", "红"),
    ("sea", "mer", "今"),
]
CODES = ("en", "fr", "ru")


def make_samples(lines: int, *, multiway: bool = False, seed: int = 0) -> list[Sample]:
    """Lines of three dictionary words in a row, in two or three languages."""
    random = np.random.default_rng(seed)
    samples = []
    for line in range(lines):
        concepts = random.choice(len(DICTIONARY), 3, replace=False)
        texts, spans = [], []
        for language in range(3):
            words = [DICTIONARY[c][language] for c in concepts]
            texts.append(f"{' '.join(words)} {line % 7}")
            starts = np.cumsum([0, *(len(w) + 1 for w in words)])
            spans.append(
                [Span(int(s), int(s) + len(w)) for s, w in zip(starts, words, strict=False)]
            )
        pairs = [(0, 1), (0, 2), (1, 2)] if multiway else [(0, 1)]
        for a, b in pairs:
            samples.append(
                Sample(
                    source=texts[a],
                    target=texts[b],
                    source_language=CODES[a],
                    target_language=CODES[b],
                    origin=f"made:{line + 1}",
                    group=f"made:{line + 1}" if multiway else "",
                    words=tuple(map(WordPair, spans[a], spans[b])),
                    finder="lexicon",
                )
            )
    return samples


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write (once) and give the folder of a small store."""
    made: dict[tuple[int, bool], Path] = {}

    def make(lines: int = 60, *, multiway: bool = False) -> Path:
        if (lines, multiway) not in made:
            folder = tmp_path_factory.mktemp("store") / "samples"
            collect(make_samples(lines, multiway=multiway), folder)
            made[lines, multiway] = folder
        return made[lines, multiway]

    return make

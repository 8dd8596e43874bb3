"""Lines to look at: texts that mean the same, in all languages of a store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crosszero.align.word_boundaries import word_spans
from crosszero.samples.sample import Sample

MOST_MEANINGS = 12  # more colours than that can't be told apart
_LEAST_WORDS, _MOST_WORDS = 3, 24
_SEED = 1


def choose_meanings(samples: Sequence[Sample], count: int = MOST_MEANINGS) -> list[dict[str, str]]:
    """Choose lines that stand in all languages and are neither very short nor long.

    Args:
        samples: of one store.
        count: most meanings; which ones is drawn, always alike.

    Returns:
        For each meaning its texts by language.
    """
    lines: dict[str, dict[str, str]] = {}
    for number, sample in enumerate(samples):
        texts = lines.setdefault(sample.group or str(number), {})
        texts[sample.source_language] = sample.source
        texts[sample.target_language] = sample.target
    most = max((len(texts) for texts in lines.values()), default=0)
    usable = [
        texts
        for texts in lines.values()
        if len(texts) == most
        and all(
            _LEAST_WORDS <= len(word_spans(text, language)) <= _MOST_WORDS
            for language, text in texts.items()
        )
    ]
    order = np.random.default_rng(_SEED).permutation(len(usable))[:count]
    return [usable[i] for i in order]

"""Small makers shared by the tests of samples."""

from __future__ import annotations

import random

from crosszero.align.spans import WordPair
from crosszero.bitext.pair import SentencePair
from crosszero.samples import Sample


def pair(source: str, target: str, languages: str = "xx-yy", group: str = "") -> SentencePair:
    """A sentence pair of two languages named by one string."""
    first, second = languages.split("-")
    return SentencePair(
        source=source,
        target=target,
        source_language=first,
        target_language=second,
        origin="test:1",
        group=group,
    )


def sample(source: str, target: str, words: tuple[WordPair, ...] = (), group: str = "") -> Sample:
    """A sample of two languages."""
    return Sample(
        source=source,
        target=target,
        source_language="en",
        target_language="zh-CN",
        origin="test:1",
        group=group,
        words=words,
        finder="lexicon",
    )


def cipher(
    count: int, *, seed: int, spaced: bool = True
) -> tuple[list[SentencePair], dict[str, str]]:
    """Made-up parallel text: every word has one translation; word order is turned in part."""
    draw = random.Random(seed)
    sounds = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    heads = draw.sample([a + b + c for a in sounds for b in sounds for c in "nrsl"], 60)
    if spaced:
        others = draw.sample([a + b + c for a in "вгджз" for b in sounds for c in "ыэюя"], 60)
    else:
        signs = [chr(0x4E00 + number) for number in range(40, 160)]
        draw.shuffle(signs)
        others = [signs[2 * number] + signs[2 * number + 1] for number in range(60)]
    dictionary = dict(zip(heads, others, strict=True))
    pairs = []
    for _ in range(count):
        words = draw.sample(heads, draw.randint(3, 7))
        turned = [dictionary[word] for word in words]
        turned[:2] = turned[1::-1]
        pairs.append(pair(" ".join(words), (" " if spaced else "").join(turned), "xx-yy"))
    return pairs, dictionary

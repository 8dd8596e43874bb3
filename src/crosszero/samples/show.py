"""Print samples for people to look at: ``crosszero show``."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence

from crosszero.align.spans import Span
from crosszero.config import require_seed
from crosszero.errors import ConfigError, suggest, visible
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore

_COLOURS = (32, 33, 35, 36, 34, 31)  # ANSI: green, yellow, magenta, cyan, blue, red
_ISOLATE, _RELEASE = "\u2068", "\u2069"


def format_sample(sample: Sample, *, color: bool = True) -> str:
    """Write both texts of a sample with their word pairs marked by numbers, and by ANSI colours.

    Control characters, escape sequences and characters that change the direction of text are
    written as ``\\u001b``: a corpus must not command the terminal. Right-to-left text is isolated.

    Returns:
        Two lines: language code, then the text. Equal numbers belong together; a word that is in
        several pairs has the numbers of all, ``[1,2:not]``.

    Example:
        >>> sample = Sample(source="The weather", target="La météo", source_language="en",
        ...     target_language="fr", origin="", group="", finder="lexicon",
        ...     words=(WordPair(Span(4, 11), Span(3, 8)),))             # doctest: +SKIP
        >>> print(format_sample(sample, color=False))                   # doctest: +SKIP
        en  The [1:weather]
        fr  La [1:météo]
    """
    codes = [visible(code) for code in (sample.source_language, sample.target_language)]
    width = max(map(len, codes))
    texts = [
        _mark(sample.source, [word.source for word in sample.words], color),
        _mark(sample.target, [word.target for word in sample.words], color),
    ]
    return "\n".join(f"{code:<{width}}  {text}" for code, text in zip(codes, texts, strict=True))


def choose_samples(
    store: SampleStore, count: int = 10, *, language: str | None = None, seed: int = 1
) -> list[Sample]:
    """Draw samples at random, from a few row groups only, so that a large store opens at once.

    Args:
        store: the store.
        count: how many to draw at most.
        language: a language pair as the store names it (``en-fr``), or one language (``fr``).
        seed: the same seed draws the same samples.

    Raises:
        ConfigError: `language` is not in the store, or `count` is below 1.
    """
    if count < 1:
        raise ConfigError(f"count must be at least 1, not {count}")
    if language is not None and language not in (known := store.language_pairs + store.languages):
        raise ConfigError(f"no language {language!r} in the store: {suggest(language, known)}")
    require_seed(seed)
    draw = random.Random(seed)
    order = list(range(len(store.row_groups)))
    draw.shuffle(order)
    pool: list[Sample] = []
    for number, index in enumerate(order, start=1):
        for sample in store.read_row_group(index):
            one, other = sample.source_language, sample.target_language
            if language in (None, one, other, f"{one}-{other}"):
                pool.append(sample)
        if len(pool) >= 4 * count and number >= min(4, len(order)):
            break
    return draw.sample(pool, min(count, len(pool)))


def _mark(text: str, spans: Sequence[Span], color: bool) -> str:
    parts: list[str] = []
    end = 0
    numbers: dict[Span, list[int]] = {}  # a word may be in several pairs
    for number, span in enumerate(spans, start=1):
        numbers.setdefault(span, []).append(number)
    for span, own in sorted(numbers.items()):
        start = max(end, span.start)
        word = f"[{','.join(map(str, own))}:{visible(text[start : span.end])}]"
        if color:
            word = f"\x1b[1;{_COLOURS[(own[0] - 1) % len(_COLOURS)]}m{word}\x1b[0m"
        parts += [visible(text[end:start]), word]
        end = max(end, span.end)
    line = "".join([*parts, visible(text[end:])])
    turned = any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
    return f"{_ISOLATE}{line}{_RELEASE}" if turned else line

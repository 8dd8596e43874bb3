"""English sentences that are nearly right but wrong, made of right ones by simple rules.

xsim++ (Chen et al. 2023) changes what a sentence says in three ways: causality (negation and
antonyms), entities and numbers, with taggers and word lists. The rules here need neither:

    number    a number, in figures or a word, becomes another one of the same length
    entity    capitalised words within the sentence become those of another sentence
    negation  "not" is put behind an auxiliary verb, or taken away
    antonym   one word of a pair such as more/less becomes the other

They make mistakes: a changed sentence may be odd English, and once in a while still true.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

_MOST = 3  # negatives of each kind of one sentence
_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?![\w]|[.,]\d)")
_NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twenty")
_WORD = re.compile(r"[^\W\d_]+")
_ENTITY = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|may|might)\b( not\b)?"
)
_PAIRS = """
more less, most least, first last, before after, above below, increase decrease,
increased decreased, high low, higher lower, large small, larger smaller, long short,
longer shorter, early late, earlier later, old new, older younger, good bad, better worse,
best worst, always never, many few, up down, open closed, inside outside, north south,
east west, win lose, won lost, begin end, began ended, with without, rich poor, strong weak,
hot cold, men women, man woman, buy sell, bought sold, rise fall, rose fell, support oppose
"""
_OPPOSITE = {
    word: other
    for pair in _PAIRS.replace("\n", " ").split(",")
    for one, two in [pair.split()]
    for word, other in ((one, two), (two, one))
}


def make_negatives(sentences: Sequence[str], seed: int = 1) -> dict[str, tuple[str, str]]:
    """Make up to three negatives of each kind of every sentence, the same at every call.

    Returns:
        For each negative its sentence and what was changed: ``number``, ``entity``, ``negation`` or
        ``antonym``. None of them is one of the sentences.

    Example:
        >>> for text, (_, change) in make_negatives(["Prices are not lower now."]).items():
        ...     print(change, text)
        antonym Prices are not higher now.
        negation Prices are lower now.
    """
    entities = sorted({found for text in sentences for found in _ENTITY.findall(text)})
    own, made = set(sentences), dict[str, tuple[str, str]]()
    for text in dict.fromkeys(sentences):
        draw = random.Random(f"{seed}\0{text}")
        counts: dict[str, int] = {}
        for change, negative in _change(text, entities, draw):
            if negative not in own and negative not in made and counts.get(change, 0) < _MOST:
                counts[change] = counts.get(change, 0) + 1
                made[negative] = text, change
    return made


def _change(text: str, entities: Sequence[str], draw: random.Random) -> Iterator[tuple[str, str]]:
    def put(found: re.Match[str], new: str) -> str:
        return text[: found.start()] + new + text[found.end() :]

    for found in _NUMBER.finditer(text):
        yield "number", put(found, _other_number(found[0], draw))
    for found in _WORD.finditer(text):
        if found[0].lower() in _NUMBER_WORDS:
            other = draw.choice([word for word in _NUMBER_WORDS if word != found[0].lower()])
            yield "number", put(found, _like(found[0], other))
        elif found[0].lower() in _OPPOSITE:
            yield "antonym", put(found, _like(found[0], _OPPOSITE[found[0].lower()]))
    for found in _ENTITY.finditer(text):
        if others := [entity for entity in entities if entity not in text]:
            yield "entity", put(found, draw.choice(others))
    for found in _AUXILIARY.finditer(text):
        yield "negation", put(found, found[1] if found[2] else f"{found[1]} not")


def _other_number(number: str, draw: random.Random) -> str:
    """Draw another number of as many figures, which does not begin with 0 unless this one does."""
    first = 0 if len(number) == 1 or number.startswith("0") else 10 ** (len(number) - 1)
    other = draw.randrange(first, 10 ** len(number) - 1)
    return str(other + (other >= int(number))).zfill(len(number))


def _like(old: str, new: str) -> str:
    return new.capitalize() if old[:1].isupper() else new

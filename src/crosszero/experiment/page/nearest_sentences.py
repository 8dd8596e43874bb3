"""Nearest-neighbour examples: what each encoder finds for a sentence in another language.

The queries are drawn at random by a seed, never picked by hand: examples chosen for their looks
prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from crosszero.experiment.page.blocks import Block, Example, Neighbour, Phrase, Section
from crosszero.experiment.page.inputs import Encoders, Lines
from crosszero.model.encoder import Encoder
from crosszero.search.neighbours import find_neighbours

Nearest = list[list[list[tuple[float, ...]]]]  # search, query, neighbour: number and cosine
_HEADING = "Nearest neighbours"
_MOST = 1000  # candidates of a query
_NEIGHBOURS = 3
_NOTE = (
    "Queries are drawn at random from the sentences of {}. Below each is the nearest of {} "
    "sentences in the other language. The number is the cosine with the query; ✓ marks the "
    "correct translation, ✗ another sentence."
)


class Search(NamedTuple):
    """Queries in one of two languages; candidates, each once, in the other, with the golds."""

    languages: tuple[str, str]
    queries: list[str]
    golds: list[str]
    candidates: list[str]


def show_neighbours(source: str, lines: Lines, encoders: Encoders, *, seed: int) -> Section:
    """A few of `lines`, the fewer the more encoders, and what each finds nearest."""
    count = min(10, max(4, 20 // max(len(encoders), 1)))
    searches = draw_searches(lines, count, seed=seed)
    if not searches:
        return Section(_HEADING, ["No translated sentences were given, or none were found."])
    found = encoders.run(
        "nearest", Nearest, {"searches": searches}, lambda encoder: find_nearest(encoder, searches)
    )
    if not found:
        return Section(_HEADING, ["None of the encoders could be run."])
    return Section(_HEADING, make_examples(source, searches, found))


def draw_searches(lines: Lines, count: int, *, seed: int) -> list[Search]:
    """Draw `count` queries, spread over the languages that stand beside English, or the first.

    A search has at least two candidates.
    """
    codes = sorted({code for line in lines for code in line})
    if not codes:
        return []
    random = np.random.default_rng(seed)
    first = "en" if "en" in codes else codes[0]
    rows = {
        code: {line[first]: line[code] for line in lines if first in line and code in line}
        for code in codes
        if code != first
    }
    usable = [code for code in rows if len(set(rows[code].values())) > 1]
    chosen = sorted(random.permutation(usable)[:count].tolist())
    searches = []
    for number, code in enumerate(chosen):
        share = count // len(chosen) + (number < count % len(chosen))
        pairs = list(rows[code].items())
        drawn = [pairs[i] for i in random.permutation(len(pairs))[:_MOST]]
        queries, golds = zip(*drawn[:share], strict=True)
        candidates = list(dict.fromkeys(text for _, text in drawn))
        searches.append(Search((first, code), list(queries), list(golds), candidates))
    return searches


def find_nearest(encoder: Encoder, searches: list[Search]) -> Nearest:
    """Find the nearest candidates of each query of each search: number and cosine."""
    found = []
    for search in searches:
        vectors = encoder.encode(search.queries), encoder.encode(search.candidates)
        near = find_neighbours(*vectors, k=_NEIGHBOURS)
        found.append(np.stack([near.index, near.similarity], axis=-1).tolist())
    return found


def make_examples(source: str, searches: list[Search], found: Mapping[str, Nearest]) -> list[Block]:
    """Put queries and what each system found for them together."""
    sizes = sorted({len(search.candidates) for search in searches})
    note = _NOTE.format(source, " to ".join(map(str, dict.fromkeys((sizes[0], sizes[-1])))))
    examples: list[Block] = [note]
    for n, search in enumerate(searches):
        first, second = search.languages
        for i, (query, gold) in enumerate(zip(search.queries, search.golds, strict=True)):
            answers: dict[str, list[Neighbour]] = {}
            for name, nearest in found.items():
                texts = [(search.candidates[int(place)], cosine) for place, cosine in nearest[n][i]]
                near = [Neighbour(Phrase(text, second), cos, text == gold) for text, cos in texts]
                answers[name] = near
            phrases = {"query": Phrase(query, first), "gold": Phrase(gold, second)}
            examples.append(Example(found=answers, **phrases))
    return examples

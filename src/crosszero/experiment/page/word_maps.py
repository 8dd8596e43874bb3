"""The paper's picture for each encoder: words in their sentences by t-SNE, and measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosszero.align.word_boundaries import word_spans
from crosszero.errors import CrosszeroError
from crosszero.experiment.clusters import ClusterScore, measure_clusters
from crosszero.experiment.page.blocks import Gallery, Meanings, Phrase, Section
from crosszero.experiment.page.inputs import Encoders, Lines
from crosszero.experiment.page.maps import MAP_NOTE, Point, draw_map, reduce_tsne
from crosszero.experiment.table import Table
from crosszero.model.encoder import Encoder
from crosszero.search.top_k import Floats

_HEADING = "Maps of token embeddings"
_MEANINGS = 12  # more colours than that can't be told apart
_LEAST, _MOST = 3, 12  # words
_CLUSTERS = {
    "purity_meaning": "same meaning",
    "purity_across": "across languages",
    "purity_language": "same language",
    "silhouette_meaning": "silhouette, meaning",
    "silhouette_language": "silhouette, language",
}


def show_maps(source: str, lines: Lines, encoders: Encoders, *, seed: int, hover: bool) -> Section:
    """Draw a map of each encoder by t-SNE of words of `lines`, and measure the vectors."""
    meanings = choose_meanings(lines, seed=seed)
    if len(meanings) < 2:
        lack = "No held-out samples, Tatoeba or gold alignments with translated short sentences"
        return Section(_HEADING, [f"{lack} were given or found."])
    found = encoders.run(
        "map",
        Layout,
        {"meanings": meanings, "seed": seed},
        lambda encoder: lay_out(encoder, meanings, seed=seed),
    )
    if not found:
        return Section(_HEADING, ["None of the encoders could be run."])
    words, maps, clusters = list_words(meanings), [], {}
    for name, one in found.items():
        places = zip(one.words, one.places, strict=True)
        points = [Point(x, y, *words[i]) for i, (x, y) in places]
        caption = (
            f"{name}: t-SNE of {len(points)} words of {len(meanings)} meanings from {source} in "
            f"{len({point.language for point in points})} languages."
        )
        maps.append(draw_map(points, caption=caption, hover=hover))
        clusters[name] = one.clusters
    named = (min(line.items(), key=lambda item: (item[0] != "en", item)) for line in meanings)
    phrases = [Phrase(text, code) for code, text in named]
    table = _make_table(clusters)
    return Section(_HEADING, [Gallery(maps), MAP_NOTE, Meanings(phrases), table])


def choose_meanings(lines: Lines, *, seed: int) -> Lines:
    """Draw at most twelve lines of 3 to 12 words a language, so that all languages are shown.

    One after the other the line is taken that has the most languages, each of which counts the less
    the more often it was taken.
    """

    def fits(language: str, text: str) -> bool:
        # a script without spaces has more words in the same sentence: each letter is one
        return _LEAST <= len(word_spans(text, language)) <= 2 * _MOST and len(text.split()) <= _MOST

    usable = [line for line in lines if len(line) > 1 and all(map(fits, line, line.values()))]
    left = [usable[i] for i in np.random.default_rng(seed).permutation(len(usable))]
    seen: Counter[str] = Counter()
    chosen: Lines = []
    while left and len(chosen) < _MEANINGS:
        weights = [sum(1 / (1 + seen[code]) for code in line) for line in left]
        chosen.append(left.pop(int(np.argmax(weights))))
        seen.update(chosen[-1].keys())
    return chosen


def list_words(meanings: Lines) -> list[tuple[int, str, str, str]]:
    """List meaning, language, word and sentence of each word of the map."""
    return [
        (number, code, text[start:end], text)
        for number, line in enumerate(meanings)
        for code, text in line.items()
        for start, end in word_spans(text, code)
    ]


@dataclass(frozen=True)
class Layout:
    """The words (their numbers in :func:`list_words`), their places, how the vectors gather."""

    words: list[int]
    places: list[tuple[float, ...]]
    clusters: ClusterScore


def lay_out(encoder: Encoder, meanings: Lines, *, seed: int) -> Layout:
    """Give every word that the encoder has a vector for a place; CrosszeroError for too few."""
    kept, vectors, clusters = measure_words(encoder, meanings)
    places = np.round(reduce_tsne(vectors, seed=seed), 3)
    return Layout(kept, places.tolist(), clusters)


def measure_words(encoder: Encoder, meanings: Lines) -> tuple[list[int], Floats, ClusterScore]:
    """Measure how the words of lines gather that an encoder has vectors for.

    Gives their numbers in :func:`list_words` and their vectors, too; CrosszeroError for too few.
    """
    rows = [(code, text) for line in meanings for code, text in line.items()]
    spans = [word_spans(text, code) for code, text in rows]
    vectors = np.concatenate(encoder.encode_words([text for _, text in rows], spans))
    kept = np.flatnonzero(vectors.any(axis=1)).tolist()  # words beyond the length have no vector
    if len(kept) < 6:  # five neighbours are asked
        raise CrosszeroError(f"{len(kept)} words are too few for a map")
    words = list_words(meanings)
    numbers, codes = [words[i][0] for i in kept], [words[i][1] for i in kept]
    return kept, vectors[kept], measure_clusters(vectors[kept], numbers, codes)


def _make_table(found: Mapping[str, ClusterScore]) -> Table:
    neighbours = next(iter(found.values())).neighbours
    return Table(
        title="The same groups, measured on the vectors themselves",
        columns=("system", *_CLUSTERS.values()),
        rows=tuple(
            (name, *(float(getattr(one, key)) for key in _CLUSTERS)) for name, one in found.items()
        ),
        number=".3f",
        note=f"Share of the {neighbours} nearest neighbours by cosine with the same meaning, with "
        "the same meaning among words of other languages, and with the same language; "
        "silhouettes. By meaning, higher is better; by language, lower. Measured on these "
        "few words and one seed.",
    )

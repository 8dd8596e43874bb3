"""The paper's picture for each encoder: words in their sentences by t-SNE, and measured."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosszero.align.gold import read_alignment_set, split_base
from crosszero.align.word_boundaries import word_spans
from crosszero.errors import CrosszeroError
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.clusters import ClusterScore, measure_clusters
from crosszero.experiment.meanings import MOST_MEANINGS, choose_meanings
from crosszero.experiment.overview.runs import Runs
from crosszero.experiment.page.link_matrices import list_pairs
from crosszero.experiment.report.maps import Point, reduce_tsne
from crosszero.files import atomic_file, make_key
from crosszero.model.encoder import Encoder
from crosszero.samples.store import SampleStore
from crosszero.tasks.tatoeba_data import list_languages, read_tatoeba
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.tasks.word_retrieval import find_store

Meanings = list[dict[str, str]]  # for each meaning its texts by language
_log = logging.getLogger("crosszero")
_LEAST, _MOST = 3, 12


@dataclass(frozen=True, kw_only=True)
class TokenMap:
    """One encoder's words on a plane.

    Attributes:
        points: words with their places.
        clusters: measures of the vectors themselves.
    """

    points: tuple[Point, ...]
    clusters: ClusterScore


def find_meanings(runs: Runs, *, seed: int) -> tuple[str, Meanings]:
    """Choose sentences that stand in several languages, from the first of three sources there is.

    Those are held-out samples, Tatoeba (its languages meet where they translate the same English
    sentence), gold alignments.

    Returns:
        Name of the source, and at most twelve meanings; none where there is no source.

    Raises:
        CrosszeroError: a source is there but can't be read.
    """
    if runs.held_out and find_store(runs.held_out).is_dir():
        store = SampleStore.open(find_store(runs.held_out))
        return "held-out samples", choose_meanings(list(store))
    lines: Meanings = []
    source = ""
    if runs.data and (runs.data / "tatoeba").is_dir():
        source, lines = "Tatoeba", _read_tatoeba(runs.data, runs.languages)
    elif pairs := list_pairs(runs):
        source, lines = "the gold alignments", _read_gold(Path(str(runs.alignment)), pairs)
    usable = [texts for texts in lines if len(texts) > 1 and all(map(_fits, texts.items()))]
    order = np.random.default_rng(seed).permutation(len(usable))
    return source, _spread([usable[i] for i in order])


def _spread(lines: Meanings) -> Meanings:
    """Take one after the other the line with the most languages, each the less the more it has."""
    seen: Counter[str] = Counter()
    chosen: Meanings = []
    while lines and len(chosen) < MOST_MEANINGS:
        best = max(range(len(lines)), key=lambda i: sum(1 / (1 + seen[code]) for code in lines[i]))
        chosen.append(lines[best])
        seen.update(lines[best].keys())
        lines = lines[:best] + lines[best + 1 :]
    return chosen


def _fits(item: tuple[str, str]) -> bool:
    language, text = item
    # a script without spaces has more words in the same sentence: each letter is one
    return _LEAST <= len(word_spans(text, language)) <= 2 * _MOST and len(text.split()) <= _MOST


def _read_tatoeba(data: Path, languages: Sequence[str] | None) -> Meanings:
    lines: dict[str, dict[str, str]] = {}
    for language in list_languages(data):
        if languages is None or language in languages:
            found = read_tatoeba(data, language)
            for english, row in zip(found.english, found.gold, strict=True):
                lines.setdefault(english, {"en": english}).setdefault(language, found.foreign[row])
    return list(lines.values())


def _read_gold(folder: Path, pairs: Sequence[str]) -> Meanings:
    lines = []
    for asked in pairs:
        first, _, second = split_base(asked)[0].partition("-")
        found = read_alignment_set(folder / WordAlignment.name / asked)
        for source, target in zip(found.source, found.target, strict=True):
            lines.append({first: " ".join(source), second or "?": " ".join(target)})
    return lines


def lay_out(encoder: str, meanings: Meanings, runs: Runs, *, seed: int) -> TokenMap:
    """Give every word a place, unless that was computed before.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        meanings: for each meaning its texts by language.
        runs: says the length of texts, and where results are kept.
        seed: of the layout.

    Raises:
        CrosszeroError: the encoder can't be used, or there are too few words.
        MissingExtraError: scikit-learn is not installed.
    """
    rows = [(n, code, text) for n, texts in enumerate(meanings) for code, text in texts.items()]
    words = [
        (number, code, text, span) for number, code, text in rows for span in word_spans(text, code)
    ]
    settings = {"encoder": hash_encoder(encoder), "length": runs.max_length, "seed": seed}
    key = make_key({**settings, "meanings": meanings})
    path = runs.folder / "report" / f"map-{key[:16]}.json"
    if not path.is_file():
        _log.info("laying out words of %s", encoder)
        loaded = Encoder.load(encoder, max_length=runs.max_length)
        spans = [word_spans(text, code) for _, code, text in rows]
        vectors = np.concatenate(loaded.encode_words([text for *_, text in rows], spans))
        kept = np.flatnonzero(vectors.any(axis=1))  # words beyond the length have no vector
        if len(kept) < 6:  # five neighbours are asked
            raise CrosszeroError(f"{len(kept)} words are too few for a map")
        labels = [words[i][:2] for i in kept]
        clusters = measure_clusters(
            vectors[kept], [number for number, _ in labels], [code for _, code in labels]
        )
        content = {
            "words": kept.tolist(),
            "places": np.round(reduce_tsne(vectors[kept], seed=seed), 3).tolist(),
            "clusters": dataclasses.asdict(clusters),
        }
        with atomic_file(path) as file:
            json.dump(content, file)
    content = json.loads(path.read_text(encoding="utf-8"))
    points = []
    for i, (x, y) in zip(content["words"], content["places"], strict=True):
        number, code, text, span = words[i]
        word = text[span.start : span.end]
        points.append(Point(x=x, y=y, meaning=number, language=code, word=word, text=text))
    return TokenMap(points=tuple(points), clusters=ClusterScore(**content["clusters"]))

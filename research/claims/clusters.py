"""Claim 8: the picture of token embeddings, measured instead of looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crosszero.align.word_boundaries import word_spans
from crosszero.experiment.clusters import ClusterScore, measure_clusters
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import find_run
from crosszero.experiment.table import measure_interval
from crosszero.model.encoder import Encoder
from crosszero.samples.store import SampleStore
from crosszero.tasks.word_retrieval import WordRetrieval
from research.claims.claim import Outcome
from research.claims.meanings import choose_meanings
from research.claims.orders import LEAST_SEEDS, describe

_MEANINGS = 50
_MEASURES = {"purity_across": "purity", "silhouette_meaning": "silhouette"}


def judge_clusters(config: ExperimentConfig, *systems: str) -> tuple[Outcome, str]:
    """Hold the last system's clusters against those of the others, over the suite's seeds.

    It holds where the last one's purity and silhouette by meaning are higher than each other
    system's, with the 95 % interval of the paired differences above 0.
    """
    held_out = config.folder_of("held_out")
    if held_out is None or len(config.seeds) < LEAST_SEEDS:
        return (
            "not testable here",
            f"Held-out samples and at least {LEAST_SEEDS} seeds are needed: the suite names "
            f"{held_out or 'no samples'} and has {len(config.seeds)} seeds.",
        )
    if systems[-1] in config.systems and not config.systems[systems[-1]].has_seeds:
        return "not testable here", f"{systems[-1]} is not trained with several seeds."
    store = SampleStore.open(WordRetrieval().locate(held_out))
    meanings = choose_meanings(list(store), _MEANINGS)
    scores = {}
    for system in systems:
        if system not in config.systems:
            return "not testable here", f"The suite has no system {system}."
        scores[system] = list(_measure(config, system, meanings))
        if not scores[system]:
            return "not testable here", f"{system} has not been trained with all seeds."
    parts, holds = [], True
    last = scores[systems[-1]]
    for system in systems[:-1]:
        others = scores[system] if config.systems[system].has_seeds else scores[system] * len(last)
        for name, label in _MEASURES.items():
            interval = measure_interval(
                [getattr(b, name) - getattr(a, name) for a, b in zip(others, last, strict=True)]
            )
            holds &= interval.low > 0
            level = np.mean([getattr(score, name) for score in others])
            parts.append(f"{label} {describe(interval)} over {system} ({level:.3f})")
    return "holds" if holds else "does not hold", f"{systems[-1]}: " + "; ".join(parts) + "."


def _measure(
    config: ExperimentConfig, system: str, meanings: list[dict[str, str]]
) -> Iterator[ClusterScore]:
    if not config.systems[system].has_seeds:
        yield measure_words(config.start_of(system, config.seeds[0]), meanings)
        return
    runs = [find_run(config, system, seed) for seed in config.seeds]
    for run in runs if all(runs) else ():
        yield measure_words(str(run), meanings)


def measure_words(encoder: str | Path, meanings: list[dict[str, str]]) -> ClusterScore:
    """Measure the word vectors of lines that stand in several languages.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        meanings: for each line its texts by language.
    """
    loaded = Encoder.load(encoder, max_length=64, precision="fp32")
    rows = [(n, code, text) for n, texts in enumerate(meanings) for code, text in texts.items()]
    spans = [word_spans(text, code) for _, code, text in rows]
    vectors = np.concatenate(loaded.encode_words([text for *_, text in rows], spans))
    labels = [(n, code) for (n, code, _), words in zip(rows, spans, strict=True) for _ in words]
    kept = np.flatnonzero(vectors.any(axis=1))  # words beyond the length have no vector
    chosen = [labels[i] for i in kept]
    return measure_clusters(vectors[kept], [n for n, _ in chosen], [code for _, code in chosen])

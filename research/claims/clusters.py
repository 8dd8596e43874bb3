"""Claim 8: the picture of token embeddings, measured instead of looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from crosszero.align.word_boundaries import word_spans
from crosszero.errors import CrosszeroError
from crosszero.experiment.clusters import ClusterScore
from crosszero.experiment.page.inputs import Lines, read_lines
from crosszero.experiment.page.word_maps import measure_words
from crosszero.experiment.reading import Reading
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import find_run
from crosszero.experiment.table import measure_interval
from crosszero.tasks.word_retrieval import WordRetrieval
from research.claims.claim import Outcome
from research.claims.orders import LEAST_SEEDS, describe

Measures = dict[str, dict[str, list[float]]]
"""By system and measure: a number for each seed, or a single one of an encoder without seeds."""
_MEANINGS, _SEED = 50, 1
_LEAST_WORDS, _MOST_WORDS = 3, 24
_MEASURES = {"purity_across": "purity", "silhouette_meaning": "silhouette"}


def judge_clusters(config: ExperimentConfig, *systems: str) -> tuple[Outcome, str]:
    """Hold the last system's clusters against those of the others, over the suite's seeds."""
    try:
        return judge_measures(measure_systems(config, systems))
    except CrosszeroError as error:
        return "not testable here", str(error)


def judge_measures(measured: Measures) -> tuple[Outcome, str]:
    """Judge what was measured of some systems.

    It holds where the last one's purity and silhouette by meaning are higher than each other
    system's, with the 95 % interval of the paired differences above 0.
    """
    *others, last = measured
    parts, holds = [], True
    for other in others:
        for name, values in measured[other].items():
            ours = measured[last][name]
            theirs = values * len(ours) if len(values) == 1 else values
            interval = measure_interval([b - a for a, b in zip(theirs, ours, strict=True)])
            holds &= interval.low > 0
            parts.append(f"{name} {describe(interval)} over {other} ({np.mean(values):.3f})")
    return "holds" if holds else "does not hold", f"{last}: " + "; ".join(parts) + "."


def measure_systems(config: ExperimentConfig, systems: Sequence[str]) -> Measures:
    """Measure the encoders of some systems on words of held-out lines.

    Raises:
        CrosszeroError: there are no held-out lines, or an encoder is not trained.
    """
    held_out = config.folder_of("held_out")
    if held_out is None or len(config.seeds) < LEAST_SEEDS:
        raise CrosszeroError(
            f"Held-out samples and at least {LEAST_SEEDS} seeds are needed: the suite names "
            f"{held_out or 'no samples'} and has {len(config.seeds)} seeds."
        )
    if systems[-1] in config.systems and not config.systems[systems[-1]].has_seeds:
        raise CrosszeroError(f"{systems[-1]} is not trained with several seeds.")
    meanings = choose_meanings(read_lines(WordRetrieval().locate(held_out)))
    found: Measures = {}
    for system in systems:
        if system not in config.systems:
            raise CrosszeroError(f"The suite has no system {system}.")
        scores = list(_measure(config, system, meanings))
        if not scores:
            raise CrosszeroError(f"{system} has not been trained with all seeds.")
        found[system] = {
            label: [float(getattr(score, name)) for score in scores]
            for name, label in _MEASURES.items()
        }
    return found


def choose_meanings(lines: Lines) -> Lines:
    """Choose 50 lines that stand in all languages and are neither very short nor long.

    Which ones is drawn, always alike.
    """
    most = max(map(len, lines), default=0)

    def fits(language: str, text: str) -> bool:
        return _LEAST_WORDS <= len(word_spans(text, language)) <= _MOST_WORDS

    usable = [line for line in lines if len(line) == most and all(map(fits, line, line.values()))]
    order = np.random.default_rng(_SEED).permutation(len(usable))[:_MEANINGS]
    return [usable[i] for i in order]


def _measure(config: ExperimentConfig, system: str, meanings: Lines) -> Iterator[ClusterScore]:
    if config.systems[system].has_seeds:
        runs = [find_run(config, system, seed) for seed in config.seeds]
        names = list(map(str, runs)) if all(runs) else []
    else:
        names = [config.start_of(system, config.seeds[0])]
    reading = Reading.of(config, system)._replace(max_length=64, precision="fp32")
    for name in names:
        yield measure_words(reading.load(name), meanings)[2]

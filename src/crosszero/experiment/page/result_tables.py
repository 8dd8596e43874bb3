"""The sections of the page, each of which says in a sentence what the runs lack for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from crosszero.errors import CrosszeroError
from crosszero.experiment.overview.runs import Runs, System
from crosszero.experiment.page.link_matrices import choose_sentences, list_pairs, measure_layers
from crosszero.experiment.page.word_maps import TokenMap, find_meanings, lay_out
from crosszero.experiment.report.blocks import (
    Block,
    Gallery,
    HeatMap,
    Meanings,
    Phrase,
    Picture,
    Section,
)
from crosszero.experiment.report.curves import Curve, average_curves, draw_curves, pick_curve
from crosszero.experiment.report.maps import MAP_NOTE, draw_map
from crosszero.experiment.report.tables import Table
from crosszero.experiment.table import (
    COLUMNS,
    average,
    make_languages,
    make_measured,
    make_published,
    make_scores,
)
from crosszero.training.metrics import METRICS, read_metrics

MATRIX_NOTE = (
    "Rows are source words, columns target words. A full frame is a sure link of the gold standard "
    "and a dashed one a possible link; ● is a link that the encoder gives and the gold standard "
    "allows, ✕ one that it does not; a frame that is empty was missed."
)
T = TypeVar("T")
_LOSSES = {"cz-nce": "CZ-NCE", "info-nce": "InfoNCE"}
_CLUSTERS = {
    "purity_meaning": "same meaning",
    "purity_across": "across languages",
    "purity_language": "same language",
    "silhouette_meaning": "silhouette, meaning",
    "silhouette_language": "silhouette, language",
}


class Run(Protocol):
    """Does some work with each encoder; gives results by the name of the system."""

    def __call__(self, work: Callable[[str], T]) -> dict[str, T]: ...


def show_results(runs: Runs) -> list[Section]:
    """The table of the suite, heat maps by language, and the published rows, apart."""
    columns = [c for c, metric in COLUMNS.items() if average(runs.records, metric)]
    tables: list[Block] = [make_measured(runs.records, runs.title)] if columns else []
    if runs.planned is None and len(runs.records) == 1:
        tables.append(make_scores(runs.records[0].scores, "All scores"))
    heats: list[Block] = [
        "The stronger the ground, the better the number among those of its table. Mean and "
        "half-width of the 95 % interval over seeds, where there are several."
    ]
    for column in columns:
        table = make_languages(runs.records, column)
        heats.append(HeatMap(table=table, lower_is_better=column == "AER"))
    return [
        Section("Measured", tuple(tables) or ("There are no scores.",)),
        Section("By language", tuple(heats) if columns else ("There are no scores by language.",)),
        Section("Published", (make_published(),)),
    ]


def show_training(runs: Runs) -> Section:
    """Losses: one picture with the mean of each system, then one for each system's seeds."""
    means, accuracies, pictures = [], [], []
    for system in runs.systems:
        logs = {seed: read_metrics(run / METRICS) for seed, run in system.trainings.items()}
        curves = [pick_curve(log, "contrastive", name=f"seed {seed}") for seed, log in logs.items()]
        curves = [curve for curve in curves if curve.steps]
        if not curves:
            continue
        name = f"{system.name} ({_name_loss(system)})"
        means.append(average_curves(curves, name=name))
        accuracy = [pick_curve(log, "accuracy") for log in logs.values()]
        accuracies.append(average_curves(accuracy, name=system.name))
        if len(curves) > 1:
            caption = f"{name}: contrastive loss, one line a seed."
            pictures.append(draw_curves(curves, label="nats", caption=caption))
    if not any(curve.steps for curve in means):
        return Section("Training", ("No training with logged steps lies in the folder.",))
    names = ", ".join(curve.name for curve in means)
    overall = [
        _draw(
            means,
            label="nats",
            caption=f"Contrastive loss of {names}, mean over seeds. CZ-NCE crosses zero by design, "
            "InfoNCE can't.",
        ),
        _draw(
            accuracies,
            label="share",
            caption="Share of anchors that find their positive in the batch, mean over seeds, of "
            f"{names}.",
        ),
    ]
    return Section("Training", (Gallery((*(p for p in overall if p), *pictures)),))


def _draw(curves: list[Curve], *, label: str, caption: str) -> Picture | None:
    if not any(curve.steps for curve in curves):
        return None
    return draw_curves(curves, label=label, caption=caption)


def _name_loss(system: System) -> str:
    run = next(iter(system.trainings.values()))
    try:
        settings: dict[str, Any] = json.loads((run / "training.json").read_text(encoding="utf-8"))
        loss = str(settings["loss"])
    except (OSError, ValueError, KeyError, TypeError):
        return "loss unknown"
    return _LOSSES.get(loss, loss)


def show_alignments(runs: Runs, run: Run, *, seed: int) -> Section:
    """Alignment error by layer, and matrices of a few sentences."""
    heading = "Word alignment"
    pairs = list_pairs(runs)
    if not pairs:
        return Section(heading, ("No gold alignments are named by these runs, or none are there.",))
    found = run(lambda encoder: measure_layers(encoder, runs))
    if not found:
        return Section(heading, ("No encoder of these runs could be run.",))
    curves = [
        Curve(name=name, steps=tuple(range(1, len(one.layers) + 1)), values=one.layers)
        for name, one in found.items()
    ]
    rows = []
    for name, one in found.items():
        best = min(range(len(one.layers)), key=one.layers.__getitem__)
        rows.append((name, one.error, one.layers[best], best + 1))
    table = Table(
        title="Alignment error rate of the first seed's encoders",
        columns=("system", "first + last layer", "best single layer", "which"),
        rows=tuple(rows),
        note=f"Per cent, mean over {', '.join(pairs)}; lower is better. The best layer is chosen "
        "on these very sentences, so it flatters.",
    )
    picture = draw_curves(
        curves,
        label="alignment error rate, %",
        axis="layer",
        caption="Alignment error rate by layer (words linked by mutual argmax), mean over pairs. "
        "Lower is better.",
    )
    sentences = choose_sentences(runs, found, seed=seed)
    note = f"{MATRIX_NOTE} Drawn at random among sentences of 3 to 12 words, one for each pair."
    if not sentences:
        note = "No sentence of the gold alignments has 3 to 12 words, so no matrix is shown."
    return Section(heading, (picture, table, note, *sentences))


def show_maps(runs: Runs, run: Run, *, seed: int, hover: bool) -> Section:
    """t-SNE of words in their sentences, one map for each encoder, and what can be measured."""
    heading = "Maps of token embeddings"
    try:
        source, meanings = find_meanings(runs, seed=seed)
    except CrosszeroError as error:
        return Section(heading, (f"The sentences of the maps can't be read: {error}.",))
    if len(meanings) < 2:
        lack = "No held-out samples, Tatoeba or gold alignments with translated short sentences"
        return Section(heading, (f"{lack} are named by these runs, or none are there.",))
    found = run(lambda encoder: lay_out(encoder, meanings, runs, seed=seed))
    if not found:
        return Section(heading, ("No encoder of these runs could be run.",))
    legend = tuple(Phrase(text, code) for code, text in map(_choose_text, meanings))
    maps = [_draw_map(name, one, len(meanings), source, hover) for name, one in found.items()]
    return Section(
        heading, (MAP_NOTE, Gallery(tuple(maps)), Meanings(legend), _make_clusters(found))
    )


def _choose_text(texts: dict[str, str]) -> tuple[str, str]:
    return min(texts.items(), key=lambda item: (item[0] != "en", item[0]))


def _draw_map(name: str, one: TokenMap, meanings: int, source: str, hover: bool) -> Picture:
    languages = {point.language for point in one.points}
    caption = (
        f"{name}: t-SNE of {len(one.points)} words of {meanings} meanings from {source} in "
        f"{len(languages)} languages."
    )
    return draw_map(one.points, caption=caption, hover=hover)


def _make_clusters(found: dict[str, TokenMap]) -> Table:
    neighbours = next(iter(found.values())).clusters.neighbours
    return Table(
        title="What the eye sees, measured on the vectors themselves",
        columns=("system", *_CLUSTERS.values()),
        rows=tuple(
            (name, *(float(getattr(one.clusters, key)) for key in _CLUSTERS))
            for name, one in found.items()
        ),
        number=".3f",
        note=f"Share of the {neighbours} nearest neighbours by cosine that have the same meaning, "
        "that have it when only other languages are asked, that have the same language; "
        "silhouettes. By meaning higher is better, by language lower. Words of the maps only: few, "
        "and of one seed.",
    )

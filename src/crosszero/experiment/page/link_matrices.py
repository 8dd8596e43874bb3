"""Word alignment: the error of each layer, and matrices of the links of single sentences."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from crosszero.align.gold import AlignmentSet
from crosszero.errors import CrosszeroError
from crosszero.experiment.page.blocks import AlignedSentence, Section, is_rtl
from crosszero.experiment.page.curves import Curve, draw_curves
from crosszero.experiment.page.inputs import Encoders, list_pairs
from crosszero.experiment.results import Results
from crosszero.experiment.table import Table
from crosszero.files import hash_files
from crosszero.model.encoder import Encoder
from crosszero.model.options import WordLayer
from crosszero.tasks.word_alignment import WordAlignment

_HEADING = "Word alignment"
_LEAST, _MOST = 3, 12  # words of a sentence whose matrix fits onto a phone
_EXAMPLES = 3
_NOTE = (
    "Rows are source words, columns are target words. A solid frame marks a sure gold link, a "
    "dashed frame a possible one. ● is a link of the encoder that the gold standard allows, ✕ "
    "one that it does not. An empty frame is a missed link. For each pair of languages one "
    "sentence of 3 to 12 words is drawn at random."
)


def show_alignments(results: Results, encoders: Encoders, *, seed: int) -> Section:
    """Alignment error by layer, and matrices of a few sentences, which `seed` draws."""
    pairs = list_pairs(results)
    if not pairs:
        return Section(_HEADING, ["No gold alignments were given, or none were found."])
    data = Path(str(results.locate_data("alignment")))
    try:
        golds = dict(WordAlignment().load(data, pairs))
    except CrosszeroError as error:
        return Section(_HEADING, [f"The gold alignments can't be read: {error}."])
    drawn = draw_sentences(golds, seed=seed)
    found = encoders.run(
        "alignment",
        Alignment,
        {"pairs": pairs, "data": hash_files(data / WordAlignment.name), "sentences": drawn},
        lambda encoder: align_gold(encoder, data, pairs, drawn),
    )
    if not found:
        return Section(_HEADING, ["None of the encoders could be run."])
    rows, curves = [], []
    for name, one in found.items():
        errors, best = one.layers, int(np.argmin(one.layers))
        rows.append((name, one.error, one.layer, errors[best], best + 1))
        steps = tuple(range(1, len(errors) + 1))
        curves.append(Curve(name=name, steps=steps, values=tuple(errors)))
    table = Table(
        title="Alignment error rate of the first seed's encoders",
        columns=("system", "as the encoder links", "at layer", "at its best layer", "best layer"),
        rows=tuple(rows),
        note=f"Per cent, mean over {', '.join(pairs)}; lower is better. The best layer is chosen "
        "on the same sentences, so its number is optimistic.",
    )
    caption = "Alignment error rate by layer, mean over pairs. "
    label = "alignment error rate, %"
    picture = draw_curves(curves, label=label, axis="layer", caption=f"{caption}Lower is better.")
    sentences = []
    for i, (pair, n) in enumerate(drawn):
        (first, _, second), gold = pair.partition("-"), golds[pair]
        links = {name: frozenset((a, b) for a, b in one.links[i]) for name, one in found.items()}
        sentences.append(AlignedSentence(
            source=gold.source[n], target=gold.target[n], languages=(first, second),
            gold=gold.gold[n], links=links, origin=f"{pair}, line {n + 1}",
        ))  # fmt: skip
    none = "No sentence of the gold alignments has 3 to 12 words, so no matrix is shown."
    return Section(_HEADING, [picture, table, _NOTE if sentences else none, *sentences])


@dataclass(frozen=True)
class Alignment:
    """An encoder's error rate, and that of each layer from 1, per cent, means over pairs.

    And the `layer` that it links by, and its `links` of the sentences that were drawn.
    """

    error: float
    layer: WordLayer
    layers: list[float]
    links: list[list[tuple[int, ...]]]


def align_gold(
    encoder: Encoder, data: Path, pairs: Sequence[str], drawn: Sequence[tuple[str, int]]
) -> Alignment:
    """Align all gold sentences with every layer of an encoder."""
    task, golds = WordAlignment(), dict(WordAlignment().load(data, pairs))
    errors: dict[int | None, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task.predict(encoder, data, folder, list(golds), layers="all")
        for score in task.score(folder, data, pairs):
            if score.metric == task.metric:
                errors.setdefault(score.layer, []).append(100 * score.value)
        links: list[list[tuple[int, ...]]] = [
            sorted(task.read_predictions(folder, pair, golds[pair])[number])
            for pair, number in drawn
        ]
    first, *layers = map(fmean, errors.values())  # its own, then layer by layer
    return Alignment(first, encoder.alignment_layer, layers, links)


def draw_sentences(golds: Mapping[str, AlignmentSet], *, seed: int) -> list[tuple[str, int]]:
    """Draw sentences of 3 to 12 words, each from another pair of languages: pair and number.

    Pairs that are written from right to left come first, so that a page has one where there is one.
    """
    random = np.random.default_rng(seed)
    drawn: list[tuple[bool, str, int]] = []
    for pair, gold in golds.items():
        sides = list(zip(gold.source, gold.target, strict=True))
        lengths = np.array([[len(side) for side in both] for both in sides]).reshape(-1, 2)
        short = np.flatnonzero(((lengths >= _LEAST) & (lengths <= _MOST)).all(axis=1))
        if len(short):
            number = int(random.choice(short))
            drawn.append((any(is_rtl(" ".join(side)) for side in sides[number]), pair, number))
    drawn.sort(key=lambda one: not one[0])
    return [(pair, number) for _, pair, number in drawn[:_EXAMPLES]]

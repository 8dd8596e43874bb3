"""Word alignment: the error of each layer, and matrices of the links of single sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from crosszero.align.gold import read_alignment_set, split_base
from crosszero.experiment.overview.runs import Runs
from crosszero.experiment.page.encoders import Encoders
from crosszero.experiment.report.blocks import AlignedSentence, Section
from crosszero.experiment.report.curves import Curve, draw_curves
from crosszero.experiment.report.markup import is_rtl
from crosszero.experiment.report.tables import Table
from crosszero.files import hash_files
from crosszero.tasks.word_alignment import WordAlignment, read_links

_HEADING = "Word alignment"
_LEAST, _MOST = 3, 12  # words of a sentence whose matrix fits onto a phone
_EXAMPLES = 3
_NOTE = (
    "Rows are source words, columns target words. A full frame is a sure link of the gold standard "
    "and a dashed one a possible link; ● is a link that the encoder gives and the gold standard "
    "allows, ✕ one that it does not; a frame that is empty was missed. Drawn at random among "
    "sentences of 3 to 12 words, one for each pair."
)


class Alignment(NamedTuple):
    """What one encoder gives.

    Attributes:
        folder: of its predictions.
        error: alignment error rate of what the encoder is read at, mean over pairs, in per cent.
        layers: the same for each layer from 1.
    """

    folder: Path
    error: float
    layers: tuple[float, ...]


def show_alignments(runs: Runs, encoders: Encoders, *, seed: int) -> Section:
    """Alignment error by layer, and matrices of a few sentences.

    Args:
        runs: may name gold alignments.
        encoders: to show.
        seed: of the draw of sentences.
    """
    pairs = list_pairs(runs)
    if not pairs:
        return Section(_HEADING, ["No gold alignments are named here, or none are there."])
    data, task = Path(str(runs.alignment)), WordAlignment()
    names = [split_base(pair)[0] for pair in pairs]
    found = encoders.run(
        "alignment",
        {"pairs": names, "data": hash_files(data / task.name)},
        lambda encoder, folder: task.predict(encoder, data, folder, names, layers="all"),
        lambda folder: _score(folder, data, pairs),
    )
    if not found:
        return Section(_HEADING, ["None of the encoders could be run."])
    rows = []
    for name, one in found.items():
        best = int(np.argmin(one.layers))
        rows.append((name, one.error, one.layers[best], best + 1))
    table = Table(
        title="Alignment error rate of the first seed's encoders",
        columns=("system", "first + last layer", "best single layer", "which"),
        rows=tuple(rows),
        note=f"Per cent, mean over {', '.join(pairs)}; lower is better. The best layer is chosen "
        "on these very sentences, so it flatters.",
    )
    picture = draw_curves(
        [
            Curve(name=name, steps=tuple(range(1, len(one.layers) + 1)), values=one.layers)
            for name, one in found.items()
        ],
        label="alignment error rate, %",
        axis="layer",
        caption="Alignment error rate by layer (words linked by mutual argmax), mean over pairs. "
        "Lower is better.",
    )
    folders = {name: one.folder for name, one in found.items()}
    sentences = draw_sentences(data, pairs, folders, seed=seed)
    note = _NOTE
    if not sentences:
        note = "No sentence of the gold alignments has 3 to 12 words, so no matrix is shown."
    return Section(_HEADING, [picture, table, note, *sentences])


def list_pairs(runs: Runs) -> list[str]:
    """The gold alignments that a page can show; none where the runs name none."""
    folder = runs.alignment / WordAlignment.name if runs.alignment else None
    if folder is None or not any(folder.glob("*.gold")):
        return []
    found = WordAlignment().list_languages(folder.parent)
    asked = {split_base(pair)[0]: pair for pair in runs.pairs or found}
    return [asked[pair] for pair in found if pair in asked]


def _score(folder: Path, data: Path, pairs: Sequence[str]) -> Alignment:
    errors: dict[int | None, list[float]] = {}
    for score in WordAlignment().score(folder, data, pairs):
        if score.metric == "aer":
            errors.setdefault(score.layer, []).append(100 * score.value)
    first, *layers = map(fmean, errors.values())  # its own, then layer by layer
    return Alignment(folder, first, tuple(layers))


def draw_sentences(
    data: Path, pairs: Sequence[str], folders: Mapping[str, Path], *, seed: int
) -> list[AlignedSentence]:
    """Draw sentences of 3 to 12 words, each from another pair, with the links of all systems.

    Pairs that are written from right to left come first, so that a page has one where there is one.

    Args:
        data: folder that holds ``word-alignment/``.
        pairs: gold alignments.
        folders: predictions by the name of the system.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    drawn: list[AlignedSentence] = []
    for asked in pairs:
        pair = split_base(asked)[0]
        gold = read_alignment_set(data / WordAlignment.name / asked)
        sides = list(zip(gold.source, gold.target, strict=True))
        short = [
            number
            for number, both in enumerate(sides)
            if all(_LEAST <= len(side) <= _MOST for side in both)
        ]
        if not short:
            continue
        number = int(random.choice(short))
        source, target = sides[number]
        first, _, second = pair.partition("-")
        links = {
            name: read_links(folder / WordAlignment.name / f"test-{pair}.tsv", gold)[number]
            for name, folder in folders.items()
        }
        drawn.append(
            AlignedSentence(
                source=source,
                target=target,
                languages=(first, second),
                gold=gold.gold[number],
                links=links,
                origin=f"{pair}, line {number + 1}",
            )
        )
    drawn.sort(key=lambda one: not (is_rtl(" ".join(one.source)) or is_rtl(" ".join(one.target))))
    return drawn[:_EXAMPLES]

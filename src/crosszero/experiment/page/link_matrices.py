"""Word alignment for the page: the error of each layer, and the links of single sentences."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from crosszero.align.gold import read_alignment_set, split_base
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.overview.runs import Runs
from crosszero.experiment.report.blocks import AlignedSentence
from crosszero.experiment.report.markup import is_rtl
from crosszero.files import atomic_folder, hash_files, make_key
from crosszero.model.encoder import Encoder
from crosszero.tasks.word_alignment import WordAlignment, read_links

_log = logging.getLogger("crosszero")
_LEAST, _MOST = 3, 12  # words of a sentence whose matrix fits onto a phone
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What one encoder gives.

    Attributes:
        folder: of its predictions.
        error: alignment error rate of what the encoder is read at, mean over pairs, in per cent.
        layers: the same for each layer from 1.
    """

    folder: Path
    error: float
    layers: tuple[float, ...]


def list_pairs(runs: Runs) -> list[str]:
    """The gold alignments that a page can show; none where the runs name none."""
    folder = runs.alignment / WordAlignment.name if runs.alignment else None
    if folder is None or not any(folder.glob("*.gold")):
        return []
    found = WordAlignment().list_languages(folder.parent)
    asked = {split_base(pair)[0]: pair for pair in runs.pairs or found}
    return [asked[pair] for pair in found if pair in asked]


def measure_layers(encoder: str, runs: Runs) -> Alignment:
    """Align all gold sentences with every layer of an encoder, unless that was done before.

    Args:
        encoder: ``crosszero-mini``, a folder or a hub id.
        runs: with gold alignments.

    Raises:
        CrosszeroError: encoder or gold alignments can't be used.
    """
    data, task, pairs = Path(str(runs.alignment)), WordAlignment(), list_pairs(runs)
    settings = {"encoder": hash_encoder(encoder), "length": runs.max_length, "pairs": pairs}
    key = make_key({**settings, "data": hash_files(data / task.name)})
    folder = runs.folder / "report" / f"alignment-{key[:16]}"
    if not folder.is_dir():
        _log.info("aligning words with %s", encoder)
        loaded = Encoder.load(encoder, max_length=runs.max_length)
        with atomic_folder(folder) as made:
            task.predict(loaded, data, made, [split_base(p)[0] for p in pairs], layers="all")
    scores = task.score(folder, data, pairs)
    errors: dict[int | None, list[float]] = {}
    for score in scores:
        if score.metric == "aer":
            errors.setdefault(score.layer, []).append(100 * score.value)
    first, *layers = map(fmean, errors.values())  # its own, then layer by layer
    return Alignment(folder=folder, error=first, layers=tuple(layers))


def choose_sentences(
    runs: Runs, alignments: Mapping[str, Alignment], *, seed: int
) -> list[AlignedSentence]:
    """Draw sentences of 3 to 12 words, each from another pair, with the links of all systems.

    Pairs that are written from right to left come first, so that a page has one where there is one.

    Args:
        runs: with gold alignments.
        alignments: by the name of the system.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    drawn: list[tuple[bool, AlignedSentence]] = []
    for asked in list_pairs(runs):
        pair = split_base(asked)[0]
        gold = read_alignment_set(Path(str(runs.alignment)) / WordAlignment.name / asked)
        sides = list(zip(gold.source, gold.target, strict=True))
        short = [n for n, pair_ in enumerate(sides) if _fits(pair_)]
        if not short:
            continue
        number = int(random.choice(short))
        links = {}
        for name, alignment in alignments.items():
            path = alignment.folder / WordAlignment.name / f"test-{pair}.tsv"
            links[name] = read_links(path, gold)[number]
        source, target = sides[number]
        first, _, second = pair.partition("-")
        sentence = AlignedSentence(
            source=source,
            target=target,
            languages=(first, second),
            gold=gold.gold[number],
            links=links,
            origin=f"{pair}, line {number + 1}",
        )
        drawn.append((any(is_rtl(" ".join(side)) for side in (source, target)), sentence))
    order = np.argsort([not rtl for rtl, _ in drawn], kind="stable")[:_EXAMPLES]
    return [drawn[i][1] for i in order]


def _fits(sides: Sequence[Sequence[str]]) -> bool:
    return all(_LEAST <= len(side) <= _MOST for side in sides)

"""How well words are linked: the tables of docs/alignment.md.

Method, unit and threshold that a pair of languages is measured with are those that are best on the
other pairs. Run with an encoder and a folder of gold alignments::

    python -m research.alignment --encoder ENCODER --data DATA --out docs/alignment-e5.md
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean
from typing import NamedTuple

import numpy as np

from crosszero.align.aer import score_alignment
from crosszero.align.eflomal import TwoWayModel
from crosszero.align.gold import AlignmentSet
from crosszero.align.layer_choice import choose_layer, measure_layers
from crosszero.align.long_texts import link_long
from crosszero.align.methods import LinkConfig, Method, Unit, score_links
from crosszero.align.similarity import Scores
from crosszero.align.spans import CutText, GoldLinks, Link, from_words
from crosszero.align.subtokens import Parts
from crosszero.experiment.table import Cell, Table, render_markdown
from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder
from crosszero.model.loading import locate_encoder
from crosszero.tasks.word_alignment import WordAlignment
from research.calibration import show_reliability

METHODS: tuple[Method, ...] = ("argmax", "itermax", "softmax", "ot", "hmm", "combined")
UNITS: tuple[Unit, ...] = ("subtoken", "word", "both")
THRESHOLDS = tuple(n / 20 for n in range(1, 15))
_UNIT: dict[Method, Unit] = {"argmax": "subtoken", "itermax": "subtoken"}  # of the curves
JOINED = 20  # sentences of a long text
_LOOK = 200  # sentence pairs on which a layer is chosen


class Choice(NamedTuple):
    """A way to link words."""

    method: Method
    unit: Unit
    threshold: float


class Gold(NamedTuple):
    """A gold set, as the encoder sees it.

    Attributes:
        source, target, gold: the texts and what people linked.
        parts: of each pair of texts, at the encoder's layer.
        statistics: trained on these texts.
        layers: alignment error of each layer, per cent.
        auto: the layer that is chosen without gold.
    """

    source: list[CutText]
    target: list[CutText]
    gold: Sequence[GoldLinks]
    parts: list[tuple[Parts, Parts]]
    statistics: TwoWayModel
    layers: dict[str, float]
    auto: int


def main(arguments: Sequence[str] | None = None) -> str:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="crosszero-mini")
    parser.add_argument("--data", required=True, help="folder that holds word-alignment/")
    parser.add_argument("--pairs", nargs="+", help="such as en-fr; by default all")
    parser.add_argument("--out", default="-", help="Markdown file; by default standard output")
    options = parser.parse_args(arguments)
    encoder = Encoder.load(options.encoder, precision="fp32")
    sets = {
        pair: read_gold_set(encoder, data)
        for pair, data in WordAlignment().load(options.data, options.pairs)
    }
    errors = measure_all(sets)
    scored = {
        pair: {method: score_set(gold, method, _UNIT.get(method, "both")) for method in METHODS}
        for pair, gold in sets.items()
    }
    tables = [
        compare_methods(sets, errors, list(measure_simalign(encoder, options.encoder, sets))),
        choose_best(errors),
        show_layers(sets),
        show_reliability(scored, {pair: gold.gold for pair, gold in sets.items()}),
        show_joined(encoder, sets),
    ]
    given = " ".join(sys.argv[1:] if arguments is None else arguments)
    head = f"`python -m research.alignment {given}`, {datetime.date.today().isoformat()}.\n\n"
    text = head + "\n\n".join(map(render_markdown, tables)) + "\n"
    with atomic_file(options.out) as file:
        file.write(text)
    return text


def measure(links: Iterable[Collection[Link]], gold: Sequence[GoldLinks]) -> float:
    """Alignment error, per cent."""
    return 100 * score_alignment([set(found) for found in links], gold).aer


def link(parts: Sequence[tuple[Parts, Parts]]) -> list[set[Link]]:
    """The links that ``crosszero align`` gives."""
    return [{link[:2] for link in found} for found in link_long(parts, LinkConfig())]


def add_mean(name: str, values: Sequence[float], *more: Cell) -> tuple[Cell, ...]:
    """A row: its name, a number for each pair, and their mean."""
    return name, *more, *values, fmean(values)


def read_gold_set(encoder: Encoder, data: AlignmentSet) -> Gold:
    """Encode a gold set, and count its words as if there were no gold."""
    sides = [list(map(from_words, side)) for side in (data.source, data.target)]
    rows = [(a.keys, b.keys) for a, b in zip(*sides, strict=True)]
    statistics = TwoWayModel(lambda: rows, seeds=(2, 3), symmetrisation="grow-diag-final-and")
    layers = range(1, encoder.backbone.layers + 1)
    left, right = (
        encoder.encode_subtoken_layers(
            [t.text for t in side], [t.spans for t in side], [None, *layers]
        )
        for side in sides
    )
    errors = {}
    for place, name in enumerate(("first + last", *map(str, layers))):
        parts = [(a[place], b[place]) for a, b in zip(left, right, strict=True)]
        errors[name] = measure(link(parts), data.gold)
    own = encoder.alignment_layer
    assert isinstance(own, int)
    parts = [(a[own], b[own]) for a, b in zip(left, right, strict=True)]
    some = [side[:_LOOK] for side in sides]
    auto = choose_layer(layers, measure_layers(encoder, *some, layers, statistics))
    return Gold(*sides, data.gold, parts, statistics, errors, auto)


def score_set(gold: Gold, method: Method, unit: Unit) -> list[Scores]:
    """Scores of all possible links of each sentence pair."""
    config = LinkConfig(method=method, unit=unit)
    fits = None
    if method == "combined":
        texts = zip(gold.source, gold.target, strict=True)
        fits = [gold.statistics.fit_words(a.keys, b.keys) for a, b in texts]
    return score_links(gold.parts, config, fits)


def cut_off(scores: Scores, threshold: float) -> set[Link]:
    """The links that are sure enough."""
    return {(i, j) for i, j in np.argwhere((scores > 0) & (scores >= threshold)).tolist()}


def measure_all(sets: Mapping[str, Gold]) -> dict[Choice, dict[str, float]]:
    """The error of each way on each pair, per cent."""
    errors: dict[Choice, dict[str, float]] = {}
    for method in METHODS:
        for unit in UNITS:
            if (method, unit) == ("combined", "subtoken"):
                continue
            for pair, gold in sets.items():
                scores = score_set(gold, method, unit)
                for threshold in (0.0, *THRESHOLDS):
                    links = [cut_off(table, threshold) for table in scores]
                    found = errors.setdefault(Choice(method, unit, threshold), {})
                    found[pair] = measure(links, gold.gold)
    return errors


def leave_out(errors: Mapping[Choice, Mapping[str, float]], pair: str) -> Choice:
    """The way that is best on the other pairs."""
    return min(errors, key=lambda c: fmean([e for name, e in errors[c].items() if name != pair]))


def measure_simalign(
    encoder: Encoder, name: str, sets: Mapping[str, Gold]
) -> Iterator[tuple[Cell, ...]]:
    """A row for each method of the package simalign, if it is installed: sub-tokens, our layer."""
    if importlib.util.find_spec("simalign") is None:
        return
    from simalign import SentenceAligner

    aligner = SentenceAligner(
        model=str(locate_encoder(name)), token_type="bpe", matching_methods="mai", device="cpu",
        layer=encoder.alignment_layer,
    )  # fmt: skip
    found: dict[str, list[float]] = {}
    for gold in sets.values():
        sides = [[t.text.split(" ") for t in side] for side in (gold.source, gold.target)]
        each = [aligner.get_word_aligns(*row) for row in zip(*sides, strict=True)]
        for method in each[0]:
            error = measure([row[method] for row in each], gold.gold)
            found.setdefault(method, []).append(error)
    for method, values in found.items():
        yield add_mean(f"simalign {method}", values, "subtoken")


def compare_methods(
    sets: Mapping[str, Gold],
    errors: Mapping[Choice, Mapping[str, float]],
    others: Sequence[tuple[Cell, ...]],
) -> Table:
    """A row for each method and unit, its threshold chosen on the other pairs; those of others."""
    rows: list[tuple[Cell, ...]] = [*others]
    counted = []
    for gold in sets.values():
        keys = [(a.keys, b.keys) for a, b in zip(gold.source, gold.target, strict=True)]
        counted.append(measure(gold.statistics.align(keys), gold.gold))
    rows.append(add_mean("statistical", counted, "word"))
    for method, unit in dict.fromkeys((choice.method, choice.unit) for choice in errors):
        own = {c: e for c, e in errors.items() if (c.method, c.unit) == (method, unit)}
        rows.append(add_mean(method, [own[leave_out(own, pair)][pair] for pair in sets], unit))
    return Table(
        title="Alignment error by method and unit, threshold chosen on the other pairs",
        columns=("method", "unit", *sets, "mean"),
        rows=tuple(rows),
    )


def choose_best(errors: Mapping[Choice, Mapping[str, float]]) -> Table:
    """What would be chosen for each pair on the others, with statistics and without."""
    rows: list[tuple[Cell, ...]] = []
    for name, known in (
        ("encoder alone", {c: e for c, e in errors.items() if c.method != "combined"}),
        ("encoder and statistics", errors),
    ):
        chosen = {pair: leave_out(known, pair) for pair in next(iter(errors.values()))}
        found = [(pair, choice, known[choice][pair]) for pair, choice in chosen.items()]
        best = leave_out(known, "")
        for pair, choice, error in (*found, ("all", best, fmean(known[best].values()))):
            rows.append((name, pair, choice.method, choice.unit, f"{choice.threshold:.2f}", error))
    return Table(
        title="Chosen on the other pairs",
        columns=("with", "pair", "method", "unit", "threshold", "AER"),
        rows=tuple(rows),
    )


def show_layers(sets: Mapping[str, Gold]) -> Table:
    """The error of each layer, and the layer that would be chosen without gold."""
    names = next(iter(sets.values())).layers
    rows = [add_mean(name, [gold.layers[name] for gold in sets.values()]) for name in names]
    rows.append(add_mean("auto", [gold.layers[str(gold.auto)] for gold in sets.values()]))
    autos = ", ".join(f"{pair} {gold.auto}" for pair, gold in sets.items())
    return Table(
        title="Alignment error by layer, method hmm",
        columns=("layer", *sets, "mean"),
        rows=tuple(rows),
        note=f"auto chooses: {autos}.",
    )


def show_joined(encoder: Encoder, sets: Mapping[str, Gold]) -> Table:
    """Twenty sentences joined to one text, against each by itself."""
    alone, joined = [], []
    for gold in sets.values():
        alone.append(measure(link(gold.parts), gold.gold))
        parts, wanted = [], []
        for source, target, right in join_sentences(gold):
            one, other = (
                encoder.encode_subtokens([text.text], [text.spans])[0] for text in (source, target)
            )
            parts.append((one, other))
            wanted.append(right)
        joined.append(measure(link(parts), wanted))
    return Table(
        title=f"Long texts: {JOINED} sentences joined",
        columns=("text", *sets, "mean"),
        rows=(add_mean("sentences", alone), add_mean("joined", joined)),
    )


def join_sentences(gold: Gold) -> Iterator[tuple[CutText, CutText, GoldLinks]]:
    """Texts of twenty sentences, with their links."""
    for begin in range(0, len(gold.source), JOINED):
        part = slice(begin, begin + JOINED)
        sides = gold.source[part], gold.target[part]
        starts = [[0, *accumulate(len(text.spans) for text in side)] for side in sides]
        sure, possible = (
            frozenset(
                (i + a, j + b)
                for links, a, b in zip(gold.gold[part], *starts, strict=False)
                for i, j in getattr(links, kind)
            )
            for kind in ("sure", "possible")
        )
        one, other = (from_words([t.text[a:b] for t in s for a, b in t.spans]) for s in sides)
        yield one, other, GoldLinks(sure=sure, possible=possible)


if __name__ == "__main__":
    main()

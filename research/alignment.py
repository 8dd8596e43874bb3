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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from crosszero.align.aer import score_alignment
from crosszero.align.eflomal import TwoWayModel
from crosszero.align.gold import AlignmentSet, GoldLinks
from crosszero.align.layer_choice import choose_layer, measure_layers
from crosszero.align.linker import CutText, from_words
from crosszero.align.links import Scores
from crosszero.align.long_texts import link_long
from crosszero.align.methods import LinkConfig, Method, Unit, score_links
from crosszero.align.spans import Link
from crosszero.align.subtokens import Parts
from crosszero.experiment.table import Cell, Table, render_markdown
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
    parser.add_argument("--out", help="Markdown file; by default standard output")
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
    if options.out:
        Path(options.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return text


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
        links = [
            {link[:2] for link in link_long(a[place], b[place], LinkConfig())}
            for a, b in zip(left, right, strict=True)
        ]
        errors[name] = 100 * score_alignment(links, data.gold).aer
    own = encoder.alignment_layer
    assert isinstance(own, int)
    parts = [(a[own], b[own]) for a, b in zip(left, right, strict=True)]
    some = [side[:_LOOK] for side in sides]
    auto = choose_layer(layers, measure_layers(encoder, *some, layers, statistics))
    return Gold(*sides, data.gold, parts, statistics, errors, auto)


def score_set(gold: Gold, method: Method, unit: Unit) -> list[Scores]:
    """Scores of all possible links of each sentence pair."""
    config = LinkConfig(method=method, unit=unit)
    fits = [
        gold.statistics.fit_words(a.keys, b.keys) if method == "combined" else None
        for a, b in zip(gold.source, gold.target, strict=True)
    ]
    return [score_links(*parts, config, fit=f) for parts, f in zip(gold.parts, fits, strict=True)]


def cut_off(scores: Scores, threshold: float) -> set[Link]:
    """The links that are sure enough."""
    kept = np.nonzero((scores > 0) & (scores >= threshold))
    return {(int(i), int(j)) for i, j in zip(*kept, strict=True)}


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
                    error = 100 * score_alignment(links, gold.gold).aer
                    errors.setdefault(Choice(method, unit, threshold), {})[pair] = error
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
            links = [set(row[method]) for row in each]
            found.setdefault(method, []).append(100 * score_alignment(links, gold.gold).aer)
    for method, values in found.items():
        yield f"simalign {method}", "subtoken", *values, fmean(values)


def compare_methods(
    sets: Mapping[str, Gold],
    errors: Mapping[Choice, Mapping[str, float]],
    others: Sequence[tuple[Cell, ...]],
) -> Table:
    """A row for each method and unit, its threshold chosen on the other pairs; those of others."""
    rows: list[tuple[Cell, ...]] = [*others]
    counted = {
        pair: 100 * score_alignment(
            list(gold.statistics.align(
                [(a.keys, b.keys) for a, b in zip(gold.source, gold.target, strict=True)]
            )),
            gold.gold,
        ).aer
        for pair, gold in sets.items()
    }  # fmt: skip
    rows.append(("statistical", "word", *counted.values(), fmean(counted.values())))
    for method, unit in dict.fromkeys((choice.method, choice.unit) for choice in errors):
        own = {c: e for c, e in errors.items() if (c.method, c.unit) == (method, unit)}
        found = [own[leave_out(own, pair)][pair] for pair in sets]
        rows.append((method, unit, *found, fmean(found)))
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
        for pair in next(iter(errors.values())):
            choice = leave_out(known, pair)
            rows.append((name, pair, choice.method, choice.unit, f"{choice.threshold:.2f}",
                         known[choice][pair]))  # fmt: skip
        best = min(known, key=lambda c: fmean(known[c].values()))
        rows.append((name, "all", best.method, best.unit, f"{best.threshold:.2f}",
                     fmean(known[best].values())))  # fmt: skip
    return Table(
        title="Chosen on the other pairs",
        columns=("with", "pair", "method", "unit", "threshold", "AER"),
        rows=tuple(rows),
    )


def show_layers(sets: Mapping[str, Gold]) -> Table:
    """The error of each layer, and the layer that would be chosen without gold."""
    names = next(iter(sets.values())).layers
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        values = [gold.layers[name] for gold in sets.values()]
        rows.append((name, *values, fmean(values)))
    chosen = [gold.layers[str(gold.auto)] for gold in sets.values()]
    rows.append(("auto", *chosen, fmean(chosen)))
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
        links = [{link[:2] for link in link_long(a, b, LinkConfig())} for a, b in gold.parts]
        alone.append(100 * score_alignment(links, gold.gold).aer)
        found, wanted = [], []
        for source, target, right in join_sentences(gold):
            [one], [other] = (encoder.encode_subtokens([t.text], [t.spans])
                              for t in (source, target))  # fmt: skip
            found.append({link[:2] for link in link_long(one, other, LinkConfig())})
            wanted.append(right)
        joined.append(100 * score_alignment(found, wanted).aer)
    return Table(
        title=f"Long texts: {JOINED} sentences joined",
        columns=("text", *sets, "mean"),
        rows=(("sentences", *alone, fmean(alone)), ("joined", *joined, fmean(joined))),
    )


def join_sentences(gold: Gold) -> Iterator[tuple[CutText, CutText, GoldLinks]]:
    """Texts of twenty sentences, with their links."""
    for begin in range(0, len(gold.source), JOINED):
        words: tuple[list[str], list[str]] = ([], [])
        sure: set[Link] = set()
        possible: set[Link] = set()
        for place in range(begin, min(begin + JOINED, len(gold.source))):
            offset = len(words[0]), len(words[1])
            one = gold.gold[place]
            for links, some in ((one.sure, sure), (one.possible, possible)):
                some.update((i + offset[0], j + offset[1]) for i, j in links)
            for side, text in zip(words, (gold.source[place], gold.target[place]), strict=True):
                side += [text.text[a:b] for a, b in text.spans]
        joined = GoldLinks(sure=frozenset(sure), possible=frozenset(possible))
        yield from_words(words[0]), from_words(words[1]), joined


if __name__ == "__main__":
    main()

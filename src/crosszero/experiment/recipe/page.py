"""The page of a recipe: numbers before and after, curves, map of token embeddings, neighbours."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from crosszero.align.word_boundaries import word_spans
from crosszero.experiment.clusters import ClusterScore, measure_clusters
from crosszero.experiment.meanings import choose_meanings
from crosszero.experiment.page.nearest_sentences import collect_examples
from crosszero.experiment.recipe.config import RecipeConfig
from crosszero.experiment.recipe.scores import AER, Score
from crosszero.experiment.report.blocks import (
    Block,
    Example,
    Gallery,
    Meanings,
    Origin,
    Phrase,
    Picture,
    Section,
)
from crosszero.experiment.report.curves import draw_curves, pick_curve
from crosszero.experiment.report.document import render_page
from crosszero.experiment.report.maps import MAP_NOTE, Point, draw_map, reduce_tsne
from crosszero.experiment.report.tables import Table
from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore
from crosszero.training.metrics import METRICS, read_metrics

_EXAMPLES = 10
_SEED = 1
_PACKAGES = ("crosszero", "torch", "transformers", "tokenizers", "sil-thot", "numpy")


def make_tables(scores: dict[str, list[Score]]) -> tuple[Table, ...]:
    """One table for each measure: a row for each language pair, both directions, before and after.

    Args:
        scores: lists ``before`` and ``after`` with the same rows.
    """
    after = {(s.measure, s.source, s.target): s.value for s in scores["after"]}
    tables = []
    for name in dict.fromkeys(s.measure for s in scores["before"]):
        rows = [s for s in scores["before"] if s.measure == name]
        pairs = dict.fromkeys(tuple(sorted((s.source, s.target), key=_order)) for s in rows)
        before = {(s.source, s.target): s.value for s in rows}
        lines: list[tuple[str | float | None, ...]] = []
        for a, b in pairs:
            cells: list[str | float | None] = [f"{a}-{b}"]
            for way in ((a, b), (b, a)):
                then = after.get((name, *way))
                cells += [_percent(before.get(way)), _percent(then)]
            lines.append(tuple(cells))
        means = [_mean([line[i] for line in lines]) for i in range(1, 5)]
        lines.append(("mean", *means))
        sizes = sorted({s.size for s in rows})
        span = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        empty = [i for i in range(1, 5) if all(line[i] is None for line in lines)]
        columns = ("pair", "forward before", "forward after", "backward before", "backward after")
        kept = [i for i in range(5) if i not in empty]
        tables.append(
            Table(
                title=name[0].upper() + name[1:],
                columns=tuple(columns[i] for i in kept),
                rows=tuple(tuple(line[i] for i in kept) for line in lines),
                note=f"Per cent; {span} queries. "
                + ("Lower is better." if name == AER else "Higher is better."),
            )
        )
    return tuple(tables)


def write_recipe_page(
    recipe: RecipeConfig,
    run: Path,
    held_out: Path | None,
    scores: dict[str, list[Score]],
    path: Path,
    *,
    command: str,
) -> None:
    """Write the page.

    Args:
        recipe: what was done.
        run: the trained encoder.
        held_out: store of held-out samples; maps and examples are left out without it.
        scores: numbers before and after.
        path: of the HTML file.
        command: the command line that made it.

    Raises:
        MissingExtraError: matplotlib or scikit-learn is not installed (extra ``report``).
    """
    metrics = read_metrics(run / METRICS)
    maps: list[Block] = []
    examples: list[Block] = []
    if held_out is not None:
        samples = list(SampleStore.open(held_out))
        encoders = [
            Encoder.load(name, max_length=recipe.evaluate.max_length)
            for name in (recipe.encoder, str(run))
        ]
        chosen = choose_meanings(samples)
        if len(chosen) > 1:
            pictures, table = draw_maps(chosen, encoders)
            phrases = tuple(Phrase(*min(m.items(), key=_first)[::-1]) for m in chosen)
            maps = [Gallery(pictures), MAP_NOTE, Meanings(phrases), table]
        examples = [
            "Queries drawn at random. The number is the cosine with the query; ✓ marks the right "
            "translation, ✗ another sentence.",
            *_examples(samples, encoders),
        ]
    training = json.loads((run / "training.json").read_text(encoding="utf-8"))
    facts = {
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Seed": str(recipe.train.seed),
        "Encoder": recipe.encoder,
        "Text": ", ".join(_source(s.path, s.format) for s in recipe.bitext),
        "Training": ", ".join(
            f"{key} {training[key]}"
            for key in ("loss", "level", "batch_size", "learning_rate", "precision")
        ),
        "Machine": f"{platform.machine()}, {platform.system()}",
        "Versions": f"python {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES),
    }
    origin = Origin(command=command or f"crosszero run ({recipe.name})", facts=facts)
    text = render_page(
        f"crosszero: {recipe.name}",
        summarise(scores),
        [
            Section("Results", make_tables(scores)),
            Section("Training", _curves(metrics, recipe.train.loss)),
            Section("Map of token embeddings", maps),
            Section("Nearest neighbours", examples),
            Section("How this was made", [origin]),
        ],
    )
    with atomic_file(path) as file:
        file.write(text)


def summarise(scores: dict[str, list[Score]]) -> list[str]:
    """One sentence for each measure: its mean before and after."""
    sentences = []
    for name in dict.fromkeys(s.measure for s in scores["before"]):
        before, after = (
            100 * float(np.mean([s.value for s in scores[when] if s.measure == name]))
            for when in ("before", "after")
        )
        sentences.append(
            f"{name[0].upper()}{name[1:]}: {before:.1f} % before training, {after:.1f} % after it "
            "(mean over all pairs and directions)."
        )
    return sentences


def draw_maps(
    meanings: Sequence[dict[str, str]], encoders: Sequence[Encoder]
) -> tuple[tuple[Picture, ...], Table]:
    """The paper's picture (its figure of token embeddings), with measures beside it.

    A point is a word in its sentence; colour says the sentence's meaning, marker the language.
    """
    rows = [
        (number, language, text)
        for number, texts in enumerate(meanings)
        for language, text in texts.items()
    ]
    spans = [word_spans(text, language) for _, language, text in rows]
    classes = [number for (number, _, _), words in zip(rows, spans, strict=True) for _ in words]
    languages = [code for (_, code, _), words in zip(rows, spans, strict=True) for _ in words]
    words = [
        text[span.start : span.end]
        for (*_, text), own in zip(rows, spans, strict=True)
        for span in own
    ]
    texts = [text for (*_, text), own in zip(rows, spans, strict=True) for _ in own]
    parts = list(zip(classes, languages, words, texts, strict=True))
    pictures, measured = [], []
    for when, encoder in zip(("Before", "After"), encoders, strict=True):
        vectors = np.concatenate(encoder.encode_words([text for *_, text in rows], spans))
        plane = reduce_tsne(vectors, seed=_SEED)
        points = [
            Point(float(x), float(y), *rest) for (x, y), rest in zip(plane, parts, strict=True)
        ]
        caption = (
            f"{when} training: t-SNE of the words of {len(meanings)} held-out meanings in "
            f"{len(set(languages))} languages."
        )
        pictures.append(draw_map(points, caption=caption))
        measured.append(measure_clusters(vectors, classes, languages))
    return tuple(pictures), _cluster_table(*measured)


def _cluster_table(before: ClusterScore, after: ClusterScore) -> Table:
    names = {
        "purity_meaning": "nearest neighbours of the same meaning",
        "purity_across": "the same among other languages only",
        "purity_language": "nearest neighbours of the same language",
        "silhouette_meaning": "silhouette by meaning",
        "silhouette_language": "silhouette by language",
    }
    return Table(
        title="What the eye sees, measured on the vectors themselves",
        columns=("measure", "before", "after"),
        rows=tuple(
            (label, float(getattr(before, key)), float(getattr(after, key)))
            for key, label in names.items()
        ),
        number=".3f",
        note=f"Cosine; {before.neighbours} neighbours. By meaning higher is better, by language "
        "lower.",
    )


def _curves(metrics: list[dict[str, object]], loss: str) -> tuple[Picture, ...]:
    pictures = [
        draw_curves(
            [pick_curve(metrics, "contrastive", name=loss)],
            label="contrastive loss",
            caption=f"Contrastive loss ({loss}); CZ-NCE crosses zero by design.",
        ),
        draw_curves(
            [pick_curve(metrics, "accuracy"), pick_curve(metrics, "gap", name="similarity gap")],
            label="share, cosine",
            caption="In the batch: share of anchors that find their positive, and mean cosine of "
            "positives minus that of negatives.",
        ),
    ]
    if pick_curve(metrics, "mlm").steps:
        pictures.append(
            draw_curves(
                [pick_curve(metrics, "mlm")],
                label="nats",
                caption="Masked language modelling loss.",
            )
        )
    return tuple(pictures)


def _examples(samples: Sequence[Sample], encoders: Sequence[Encoder]) -> tuple[Example, ...]:
    """Ten queries, spread over the language pairs that start with the first language."""
    pairs: dict[tuple[str, str], dict[str, str]] = {}
    for sample in samples:
        languages = (sample.source_language, sample.target_language)
        pairs.setdefault(languages, {}).setdefault(sample.source, sample.target)
    first = "en" if any("en" in pair for pair in pairs) else next(iter(pairs))[0]
    chosen = [pair for pair in sorted(pairs) if first in pair] or sorted(pairs)
    shares = np.full(len(chosen), _EXAMPLES // len(chosen))
    shares[: _EXAMPLES % len(chosen)] += 1
    found: list[Example] = []
    for languages, share in zip(chosen, shares, strict=True):
        rows = pairs[languages]
        sides = list(rows), list(rows.values())
        if languages[1] == first:
            sides, languages = (sides[1], sides[0]), (languages[1], languages[0])
        before, after = (
            (encoder.encode(sides[0]), encoder.encode(sides[1])) for encoder in encoders
        )
        found += collect_examples(
            *sides,
            languages=languages,
            before=before,
            after=after,
            gold=range(len(sides[0])),
            count=int(share),
            seed=_SEED,
        )
    return tuple(found)


def _order(code: str) -> tuple[bool, str]:
    return code != "en", code


def _first(item: tuple[str, str]) -> tuple[bool, str]:
    return _order(item[0])


def _source(path: str | list[str], kind: str | None) -> str:
    name = path if isinstance(path, str) else path[0]
    return f"{Path(name).name} ({kind})" if kind else Path(name).name


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _mean(cells: Sequence[str | float | None]) -> float | None:
    numbers = [cell for cell in cells if isinstance(cell, float)]
    return float(np.mean(numbers)) if numbers else None

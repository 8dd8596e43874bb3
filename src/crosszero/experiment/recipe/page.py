"""The page of a recipe: numbers before and after, curves, map of token embeddings, neighbours."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from crosszero.experiment.page.nearest_sentences import (
    draw_searches,
    find_nearest,
    make_examples,
)
from crosszero.experiment.page.parallel_texts import read_samples
from crosszero.experiment.page.word_maps import choose_meanings, draw_maps, lay_out
from crosszero.experiment.recipe.config import RecipeConfig
from crosszero.experiment.recipe.scores import AER, Score
from crosszero.experiment.report.blocks import (
    Block,
    Origin,
    Picture,
    Section,
)
from crosszero.experiment.report.curves import draw_curves, pick_curve
from crosszero.experiment.report.document import render_page
from crosszero.experiment.report.tables import Table
from crosszero.files import atomic_file
from crosszero.model.encoder import Encoder
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import read_settings

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
        lines = read_samples(held_out)
        encoders = {
            "before": Encoder.load(recipe.encoder, max_length=recipe.evaluate.max_length),
            "after": Encoder.load(run, max_length=recipe.evaluate.max_length),
        }
        meanings = choose_meanings(lines, seed=_SEED)
        if len(meanings) > 1:
            found = {n: lay_out(one, meanings, seed=_SEED) for n, one in encoders.items()}
            maps = draw_maps("held-out samples", meanings, found, hover=False)
        searches = draw_searches(lines, _EXAMPLES, seed=_SEED)
        examples = make_examples(
            "held-out samples",
            searches,
            {name: find_nearest(one, searches) for name, one in encoders.items()},
        )
    training = read_settings(run)
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


def _curves(metrics: list[dict[str, object]], loss: str) -> tuple[Picture, ...]:
    pictures = [
        draw_curves(
            [pick_curve(metrics, "contrastive_loss", name=loss)],
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
    if pick_curve(metrics, "mlm_loss").steps:
        pictures.append(
            draw_curves(
                [pick_curve(metrics, "mlm_loss")],
                label="nats",
                caption="Masked language modelling loss.",
            )
        )
    return tuple(pictures)


def _order(code: str) -> tuple[bool, str]:
    return code != "en", code


def _source(path: str | list[str], kind: str | None) -> str:
    name = path if isinstance(path, str) else path[0]
    return f"{Path(name).name} ({kind})" if kind else Path(name).name


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _mean(cells: Sequence[str | float | None]) -> float | None:
    numbers = [cell for cell in cells if isinstance(cell, float)]
    return float(np.mean(numbers)) if numbers else None

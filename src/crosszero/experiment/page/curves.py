"""Curves of the trainings: read from a log, averaged, smoothed, thinned, drawn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosszero.errors import CrosszeroError, DataError
from crosszero.experiment.page import svg
from crosszero.experiment.page.blocks import Gallery, Picture, Section
from crosszero.experiment.results import Results, System
from crosszero.experiment.table import Table
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import read_settings

BINS = 500  # as many as a picture of 5 inches can show
_FEW = 30  # points that are shown one by one
_LINES = ("-", "--", "-.", ":")
_SETTINGS = ("loss", "level", "batch_size", "learning_rate", "steps", "precision")
_LOSSES = {"cz-nce": "CZ-NCE", "info-nce": "InfoNCE"}
_QUANTITIES = {  # unit, and what the caption says
    "contrastive_loss": ("nats", "Contrastive loss (CZ-NCE crosses zero by design, InfoNCE can't)"),
    "accuracy": ("share", "Share of anchors that find their positive in the batch"),
    "gap": ("cosine", "Mean cosine of positives minus that of negatives"),
    "mlm_loss": ("nats", "Masked language modelling loss"),
}


def show_training(results: Results) -> Section:
    """For each quantity a picture with the mean of each system, then one of each system's seeds."""
    means: dict[str, list[Curve]] = {key: [] for key in _QUANTITIES}
    seeds = []
    for system in results.systems:
        logs = {seed: read_metrics(run / METRICS) for seed, run in system.trainings.items()}
        name = f"{system.name} ({_read_settings(system)['loss']})"
        for key, curves in means.items():
            found = [pick_curve(log, key, name=f"seed {seed}") for seed, log in logs.items()]
            found = [curve for curve in found if curve.steps]
            mean = average_curves(found, name=name)
            if mean.steps:
                curves.append(mean)
            if key == "contrastive_loss" and len(found) > 1:
                caption = f"{name}: contrastive loss, one line per seed."
                seeds.append(draw_curves(found, label="nats", caption=caption))
    pictures = []
    for key, (unit, text) in _QUANTITIES.items():
        if means[key]:
            names = ", ".join(curve.name for curve in means[key])
            caption = f"{text}: {names}{', mean over seeds' if seeds else ''}."
            pictures.append(draw_curves(means[key], label=unit, caption=caption))
    if not pictures:
        return Section("Training", ["The folder has no training with logged steps."])
    table = Table(
        title="Settings of the trainings",
        columns=("system", *(name.replace("_", " ") for name in _SETTINGS)),
        rows=tuple(
            (system.name, *map(_read_settings(system).get, _SETTINGS))
            for system in results.systems
            if system.trainings
        ),
        formats={"learning rate": ".1e"},
    )
    return Section("Training", [Gallery([*pictures, *seeds]), table])


def _read_settings(system: System) -> dict[str, Any]:
    """The settings of a system's first training; none where they are lost."""
    try:
        settings = read_settings(next(iter(system.trainings.values())))
    except (StopIteration, DataError):
        settings = {}
    loss = str(settings.get("loss", "loss unknown"))
    return settings | {"loss": _LOSSES.get(loss, loss)}


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A named quantity over rising steps, or layers; not-a-number leaves a gap."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def pick_curve(records: Iterable[Mapping[str, object]], key: str, *, name: str = "") -> Curve:
    """Take one quantity out of the records that have it; the last record of a ``step`` counts.

    A run that was resumed repeats steps.
    """
    found: dict[int, float] = {}
    for record in records:
        at, value = record.get("step"), record.get(key)
        if isinstance(at, int | float) and isinstance(value, int | float):
            found[int(at)] = float(value) if math.isfinite(value) else math.nan
    steps = sorted(found)
    return Curve(name=name or key, steps=tuple(steps), values=tuple(found[at] for at in steps))


def average_curves(curves: Sequence[Curve], *, name: str) -> Curve:
    """Average curves of one quantity, such as those of several seeds, over common steps."""
    tables = [dict(zip(curve.steps, curve.values, strict=True)) for curve in curves] or [{}]
    steps = sorted(set(tables[0]).intersection(*tables[1:]))
    means = (sum(table[step] for table in tables) / len(tables) for step in steps)
    return Curve(name=name, steps=tuple(steps), values=tuple(means))


def smooth(curve: Curve, window: int, bins: int = BINS) -> Curve:
    """Average each `window` of finite values, odd, at no more places than a picture can show."""
    size, half, raw = len(curve.values), window // 2, np.asarray(curve.values)
    places = np.linspace(0, size - 1, min(size, bins), dtype=int).tolist()
    means = []
    for place in places:
        near = raw[max(place - half, 0) : place + half + 1]
        near = near[np.isfinite(near)]
        means.append(float(near.mean()) if len(near) else math.nan)
    steps = tuple(curve.steps[place] for place in places)
    return Curve(name=curve.name, steps=steps, values=tuple(means))


def thin(curve: Curve, bins: int = BINS) -> Curve:
    """Leave out points that a picture could not show apart, if there are more than 2 x `bins`.

    Of each of `bins` stretches of equally many points the lowest and the highest value stay, so
    that no peak is lost, and both ends of the curve. A gap narrower than a stretch is closed.
    """
    size, values = len(curve.steps), curve.values
    if size <= 2 * bins:
        return curve
    edges = [size * number // bins for number in range(bins + 1)]
    kept = {0, size - 1}
    for start, end in itertools.pairwise(edges):
        known = [i for i in range(start, end) if not math.isnan(values[i])] or [start]
        kept |= {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}
    order = sorted(kept)
    steps = tuple(curve.steps[i] for i in order)
    return Curve(name=curve.name, steps=steps, values=tuple(values[i] for i in order))


def draw_curves(
    curves: Sequence[Curve], *, label: str, caption: str, axis: str = "step"
) -> Picture:
    """Draw curves. Long ones get a running mean over a 25th of the run, over faint raw values.

    Args:
        curves: at least one that is not empty, or CrosszeroError.
        label: of the vertical axis, with the unit.
        caption: below the picture, and read out instead of it.
        axis: what the horizontal axis counts.
    """
    filled = [curve for curve in curves if curve.steps]
    if not filled:
        names = ", ".join(curve.name for curve in curves)
        raise CrosszeroError(f"no value of {names} to plot: the run logged none")
    with svg.open_figure(5.2, 3.4) as figure:
        axes = figure.add_subplot()
        colours = svg.pick_colours(len(filled))
        for number, (curve, colour) in enumerate(zip(filled, colours, strict=True)):
            if len(curve.values) > 60:
                raw = thin(curve)
                axes.plot(raw.steps, raw.values, color=colour, linewidth=0.6, alpha=0.35)
                curve = smooth(curve, 2 * (len(curve.values) // 50) + 1)
            # few points are shown one by one, which also tells curves apart without colours
            marker = svg.MARKERS[number % len(svg.MARKERS)] if len(curve.values) <= _FEW else ""
            look = {"linestyle": _LINES[number % len(_LINES)], "marker": marker, "color": colour}
            look |= {"label": svg.keep_latin(curve.name)}
            axes.plot(curve.steps, curve.values, linewidth=1.8, **look)
        if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
            axes.axhline(0, color=svg.INK, linewidth=0.6, alpha=0.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel=svg.keep_latin(axis), ylabel=svg.keep_latin(label))
        axes.grid(color=svg.INK, alpha=0.12)
        if len(filled) > 1:
            figure.legend(loc="outside lower left", ncols=2)  # never on top of a curve
        return Picture(svg=svg.write_svg(figure, caption), caption=caption)

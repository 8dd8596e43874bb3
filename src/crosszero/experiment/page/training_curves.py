"""How the systems were trained: curves of what their trainings logged."""

from __future__ import annotations

from typing import Any

from crosszero.errors import DataError
from crosszero.experiment.page.blocks import Gallery, Section
from crosszero.experiment.page.curves import Curve, average_curves, draw_curves, pick_curve
from crosszero.experiment.results import Results, System
from crosszero.experiment.table import Cell, Table
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import read_settings

_SETTINGS = ("loss", "level", "batch_size", "learning_rate", "steps", "precision")
_LOSSES = {"cz-nce": "CZ-NCE", "info-nce": "InfoNCE"}
_QUANTITIES = {  # unit, and what the caption says
    "contrastive_loss": ("nats", "Contrastive loss (CZ-NCE crosses zero by design, InfoNCE can't)"),
    "accuracy": ("share", "Share of anchors that find their positive in the batch"),
    "gap": ("cosine", "Mean cosine of positives minus that of negatives"),
    "mlm_loss": ("nats", "Loss of masked language modelling"),
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
                caption = f"{name}: contrastive loss, one line a seed."
                seeds.append(draw_curves(found, label="nats", caption=caption))
    pictures = []
    for key, (unit, text) in _QUANTITIES.items():
        if means[key]:
            names = ", ".join(curve.name for curve in means[key])
            caption = f"{text}: {names}{', mean over seeds' if seeds else ''}."
            pictures.append(draw_curves(means[key], label=unit, caption=caption))
    if not pictures:
        return Section("Training", ["No training with logged steps lies in the folder."])
    return Section("Training", [Gallery([*pictures, *seeds]), _make_settings(results)])


def _make_settings(results: Results) -> Table:
    """A row for each system that was trained."""
    rows: list[tuple[Cell, ...]] = []
    for system in results.systems:
        if system.trainings:
            settings = _read_settings(system)
            rows.append((system.name, *(settings.get(name) for name in _SETTINGS)))
    return Table(
        title="Settings of the trainings",
        columns=("system", *(name.replace("_", " ") for name in _SETTINGS)),
        rows=tuple(rows),
        formats={"learning rate": ".1e"},
    )


def _read_settings(system: System) -> dict[str, Any]:
    """The settings of a system's first training; none where they are lost."""
    try:
        settings = read_settings(next(iter(system.trainings.values())))
    except (StopIteration, DataError):
        settings = {}
    loss = str(settings.get("loss", "loss unknown"))
    return settings | {"loss": _LOSSES.get(loss, loss)}

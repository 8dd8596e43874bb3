"""How the systems were trained: curves of what their trainings logged."""

from __future__ import annotations

from crosszero.errors import DataError
from crosszero.experiment.report.blocks import Gallery, Section
from crosszero.experiment.report.curves import Curve, average_curves, draw_curves, pick_curve
from crosszero.experiment.results import Results, System
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import read_settings

_LOSSES = {"cz-nce": "CZ-NCE", "info-nce": "InfoNCE"}
_QUANTITIES = {  # unit and caption
    "contrastive_loss": (
        "nats",
        "Contrastive loss of {}, mean over seeds. CZ-NCE crosses zero by design, InfoNCE can't.",
    ),
    "accuracy": (
        "share",
        "Share of anchors that find their positive in the batch, mean over seeds, of {}.",
    ),
    "gap": (
        "cosine",
        "Similarity gap: mean cosine of positives minus that of negatives, mean over seeds, of {}.",
    ),
    "mlm_loss": ("nats", "Masked language modelling loss, mean over seeds, of {}."),
}


def show_training(runs: Results) -> Section:
    """For each quantity a picture with the mean of each system, then one of each system's seeds."""
    means: dict[str, list[Curve]] = {key: [] for key in _QUANTITIES}
    seeds = []
    for system in runs.systems:
        logs = {seed: read_metrics(run / METRICS) for seed, run in system.trainings.items()}
        name = f"{system.name} ({_find_loss(system)})"
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
    for key, (unit, caption) in _QUANTITIES.items():
        if means[key]:
            names = ", ".join(curve.name for curve in means[key])
            pictures.append(draw_curves(means[key], label=unit, caption=caption.format(names)))
    if not pictures:
        return Section("Training", ["No training with logged steps lies in the folder."])
    return Section("Training", [Gallery((*pictures, *seeds))])


def _find_loss(system: System) -> str:
    """The loss that a system was trained with, as papers write it."""
    try:
        run = next(iter(system.trainings.values()))
        loss = str(read_settings(run)["loss"])
    except (StopIteration, DataError, KeyError):
        return "loss unknown"
    return _LOSSES.get(loss, loss)

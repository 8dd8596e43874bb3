"""Whose predictions an evaluation's folder holds: those of one encoder, never of two.

``crosszero evaluate`` writes to the same folder by default, whatever the encoder. Files of another
one would be scored together with the new ones by whoever reads the folder.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.experiment.recipes import find_settings, read_experiment
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import Stamp, locate_training
from crosszero.model.hashing import hash_encoder
from crosszero.samples.store import SampleStore
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.prediction_files import remove_files

_SUMMARIES = ("scores.json", "summary.json", "tables.md")
_log = logging.getLogger("crosszero")


def take_folder(config: ExperimentConfig) -> None:
    """Remove what was measured of another encoder; what is fine-tuned from it stays."""
    out, stamp, owner = Path(config.out), _stamp(config), _identify(config)
    if stamp.is_begun(owner):
        return
    removed = []
    if stamp.is_known:
        for name in [*(task.name for task in list_tasks()), *config.texts]:
            record = out / "records" / f"{name}.json"
            known = record.is_file()
            record.unlink(missing_ok=True)  # before the predictions that it vouches for
            if remove_files(out / "predictions", name) or known:
                removed.append(name)
        for name in _SUMMARIES:  # the new ones are written at the end, which may never come
            (out / name).unlink(missing_ok=True)
    stamp.write(owner, done=True)
    if removed:
        _log.warning(
            "%s: predictions and records of another encoder are removed: %s; to keep those of "
            "several, give each its own folder (--out)",
            out, ", ".join(removed),
        )  # fmt: skip


def read_former(config: ExperimentConfig) -> ExperimentConfig | None:
    """Settings of the evaluation in a folder of which nobody noted the encoder, if there are any.

    Versions until 0.1 did not note it.
    """
    settings = find_settings(config.out)
    if not config.alone or _stamp(config).is_known or settings is None:
        return None
    try:
        former = dataclasses.replace(read_experiment(settings), out=config.out)
    except CrosszeroError:
        return None
    return former if former.alone else None


def note_owner(config: ExperimentConfig) -> None:
    """Note that what is in the folder is of the encoder of these settings."""
    try:
        owner = _identify(config)
    except CrosszeroError:
        owner = ""  # its samples are gone: it is none that could be measured now
    _stamp(config).write(owner, done=True)


def _stamp(config: ExperimentConfig) -> Stamp:
    return Stamp(config.out, "encoder")


def _identify(config: ExperimentConfig) -> str:
    """What the one system of an evaluation is."""
    (system,), (seed,) = config.systems, config.seeds
    if aligner := config.systems[system].aligner:
        return f"{aligner} {SampleStore.open(config.samples_of(system)).fingerprint}"
    training = locate_training(config, system, seed)
    return training.key if training else hash_encoder(config.start_of(system, seed))

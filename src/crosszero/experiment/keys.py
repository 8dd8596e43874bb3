"""Hashes of what trainings and measurements depend on: while they are equal, nothing is redone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.config import to_dict
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.evaluation import hash_data
from crosszero.experiment.plan import Plan, make_bench
from crosszero.experiment.settings import FINE_TUNED, SuiteConfig
from crosszero.files import make_key
from crosszero.samples.store import SampleStore
from crosszero.tasks.catalogue import find_task

DIGITS = 12  # hexadecimal, of the hash in the name of a training's folder


class RecordKey(NamedTuple):
    """What a record is kept by.

    Attributes:
        key: hash of settings, encoder and data.
        data: hash of the data alone.
    """

    key: str
    data: str


def make_record_key(config: SuiteConfig, plan: Plan, encoder: str | Path | None) -> RecordKey:
    """Hash everything that the scores of a measurement depend on.

    Args:
        config: the suite.
        plan: the measurement.
        encoder: of the system, trained; ``None`` for a statistical aligner.

    Raises:
        DataError: the samples that an aligner learns from can't be read.
    """
    bench = make_bench(config, plan)
    if encoder is None:
        settings: dict[str, Any] = {
            "aligner": config.systems[plan.system].aligner,
            "samples": _open_samples(config).fingerprint,
            "seed": plan.seed,
        }
        if bench.languages:
            settings["languages"] = bench.languages
    else:
        settings = dataclasses.asdict(bench)
        for name in ("out", "data", "alignment", "held_out"):
            del settings[name]  # where files lie does not matter: what they hold is in the hash
        if plan.task in FINE_TUNED:  # such a model reads its own layer and length
            del settings["layer"], settings["max_length"]
        if "margin" not in find_task(plan.task).options:
            del settings["margin"]
        settings["encoder"] = hash_encoder(encoder)
    data = hash_data(plan.task, bench)
    return RecordKey(make_key({"data": data, "task": plan.task, **settings}), data)


def locate_training(config: SuiteConfig, system: str, seed: int) -> Path | None:
    """The folder of a training: its name holds a hash of settings, encoder and samples.

    Returns:
        The folder, which may not be there yet; ``None`` where the suite does not train the system.

    Raises:
        DataError: the samples can't be read.
    """
    training = config.training(system, seed)
    if training is None:
        return None
    start = hash_encoder(config.encoder_of(system))
    settings = {"encoder": start, "samples": _open_samples(config).fingerprint}
    key = make_key({**settings, "train": to_dict(training)})
    return Path(config.out) / "encoders" / f"{system}-{seed}-{key[:DIGITS]}"


def _open_samples(config: SuiteConfig) -> SampleStore:
    return SampleStore.open(Path(str(config.samples)))

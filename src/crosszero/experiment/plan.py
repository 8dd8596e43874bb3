"""Which measurements and trainings an experiment has, and where their results belong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crosszero.config import to_dict
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.measurement import Measurement
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.experiment.stamps import Stamp
from crosszero.files import make_key
from crosszero.samples.store import SampleStore

DIGITS = 12  # hexadecimal, of the hash in the name of a training's folder


def list_measurements(config: ExperimentConfig) -> Iterator[Measurement]:
    """All measurements of an experiment, seed by seed.

    An encoder that is not trained gives the same numbers with every seed, but for the tasks that it
    is fine-tuned on: elsewhere it is measured once.
    """
    for seed in config.seeds:
        for system in config.systems:
            for task in config.tasks:
                again = seed == config.seeds[0] or depends_on_seed(config, system, task)
                if again and does_task(config, system, task):
                    yield make_measurement(config, system, task, seed)


def depends_on_seed(config: ExperimentConfig, system: str, task: str) -> bool:
    """Whether a system's scores on a task differ from seed to seed."""
    return config.systems[system].has_seeds or config.find_task(task).fine_tuned


def does_task(config: ExperimentConfig, system: str, task: str) -> bool:
    """Whether a system is measured on a task.

    A statistical aligner aligns words and nothing else. A system that is fine-tuned robustly is
    measured on the tasks for which that is: elsewhere it would be the plain one again.
    """
    own, found = config.systems[system], config.find_task(task)
    if own.aligner is not None:
        return found.data_setting == "alignment"
    return found.robust or not own.is_robust


def make_measurement(config: ExperimentConfig, system: str, task: str, seed: int) -> Measurement:
    """What one measurement reads, and where its results belong."""
    found, own, out = config.find_task(task), config.systems[system], Path(config.out)
    languages = config.languages
    if found.pairs_of_languages:
        languages = config.alignment_pairs if found.data_setting == "alignment" else None
    options = {"margin": config.margin, "layers": config.layers}
    reading: SystemConfig | ExperimentConfig = own if own.layer or own.pooling else config
    run = "." if config.alone else f"runs/{system}-{seed}"
    record = task if config.alone else f"{system}-{task}-{seed}"
    return Measurement(
        system=system,
        task=found,
        seed=seed,
        data=config.locate_data(task) or Path(),
        folder=out / run,
        record=out / "records" / f"{record}.json",
        languages=languages,
        fine_tune={**config.fine_tune.get(task, {}), **own.fine_tune},
        options={name: options[name] for name in found.options if options.get(name)},
        max_length=config.max_length,
        layer=reading.layer,
        pooling=reading.pooling,
        aligner=own.aligner,
        samples=config.samples_folder,
    )


class Training(NamedTuple):
    """Where an encoder that an experiment trains belongs.

    Attributes:
        folder: of the run.
        key: hash of settings, encoder and samples.
        stamp: says from what the folder was made, where its name does not.
    """

    folder: Path
    key: str
    stamp: Stamp | None = None

    @property
    def is_begun(self) -> bool:
        """Whether the folder holds a training from the same inputs, ended or not."""
        return self.folder.is_dir() and (self.stamp is None or self.stamp.is_begun(self.key))

    @property
    def is_done(self) -> bool:
        """Whether that training has ended."""
        return self.is_begun and is_trained(self.folder)


def is_trained(folder: Path) -> bool:
    """Whether a folder holds a training that has ended."""
    return (folder / "config.json").is_file()  # the last file that a training writes


def locate_training(config: ExperimentConfig, system: str, seed: int) -> Training | None:
    """Where the encoder of a system belongs; ``None`` where the experiment does not train it.

    Raises:
        DataError: the samples can't be read.
    """
    training = config.training(system, seed)
    if training is None:
        return None
    samples = SampleStore.open(config.samples_folder).fingerprint
    start = hash_encoder(config.start_of(system, seed))
    key = make_key({"encoder": start, "samples": samples, "train": to_dict(training)})
    out = Path(config.out)
    if config.is_plain and len(config.seeds) == 1:
        return Training(out / "run", key, Stamp(out, "train"))
    return Training(out / "encoders" / f"{system}-{seed}-{key[:DIGITS]}", key)

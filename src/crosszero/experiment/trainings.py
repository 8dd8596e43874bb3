"""The encoders that an experiment trains: where they belong, which are done, what is missing."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import NamedTuple

from crosszero.config import to_dict
from crosszero.errors import CrosszeroError
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.stamps import Stamp
from crosszero.files import make_key
from crosszero.model.loading import locate_encoder
from crosszero.samples.store import SampleStore
from crosszero.training.loop import train

_DIGITS = 12  # hexadecimal, of the hash in the name of a training's folder
_log = logging.getLogger("crosszero")


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
    return Training(out / "encoders" / f"{system}-{seed}-{key[:_DIGITS]}", key)


def train_system(config: ExperimentConfig, system: str, seed: int) -> str:
    """Give the encoder of a system, trained with this seed if it is to be trained.

    A training that was interrupted goes on.

    Raises:
        CrosszeroError: it can't be trained.
    """
    start = config.start_of(system, seed)
    settings, training = config.training(system, seed), locate_training(config, system, seed)
    if settings is None or training is None:
        return start
    folder, begun = training.folder, training.is_begun
    if training.is_done:
        return str(folder)
    if folder.exists() and not begun:
        _set_aside(folder)
    if training.stamp is not None:
        training.stamp.write(training.key, done=False)
    # maybe stopped before its first checkpoint: then from step 1
    _log.info("training%s", ", going on where it was stopped" if begun else "")
    train(start, config.samples_folder, settings, out=folder, resume=begun)
    return str(folder)


def _set_aside(run: Path) -> None:
    """Keep an encoder that was trained from other inputs: hours of work are never thrown away."""
    number = 1
    while (aside := run.with_name(f"{run.name}-{number}")).exists():
        number += 1
    os.replace(run, aside)
    _log.info("%s was trained from other inputs; it is kept as %s", run, aside)


def find_run(config: ExperimentConfig, system: str, seed: int) -> Path | None:
    """The finished training of a system with a seed, with the experiment's settings; or none.

    Where the samples or the encoder that it started from are gone, it is the newest one.
    """
    if system not in config.systems:
        return None
    start = config.start_of(system, seed)
    if config.systems[system].trained is not None:
        return Path(start) if is_trained(Path(start)) else None
    try:
        locate_encoder(start)
        training = locate_training(config, system, seed)
    except CrosszeroError:
        run = Path(config.out) / "run"
        if config.is_plain and is_trained(run):
            return run
        return find_newest(Path(config.out), system, seed)
    return training.folder if training is not None and training.is_done else None


def find_newest(out: Path, system: str, seed: int) -> Path | None:
    """The newest finished training of a system with a seed in a folder, whatever its settings."""
    key = "[0-9a-f]" * _DIGITS  # a bare * would also take the system "CZ-1" for "CZ" with seed 1
    found = [path.parent for path in (out / "encoders").glob(f"{system}-{seed}-{key}/config.json")]
    return max(found, key=lambda run: run.stat().st_mtime, default=None)

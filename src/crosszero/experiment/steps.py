"""The steps before measuring: making samples from text, and training encoders on them.

Results of the same inputs are kept.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from crosszero.bitext import BitextConfig, find_interface_strings
from crosszero.bitext.read import read_sources
from crosszero.config import read_json, to_dict
from crosszero.errors import CrosszeroError, DataError
from crosszero.experiment.settings import INTERFACE_STRINGS, ExperimentConfig
from crosszero.files import atomic_file, make_key
from crosszero.model.hashing import hash_encoder
from crosszero.model.loading import locate_encoder
from crosszero.samples import Sample, Summary, prepare
from crosszero.samples.store import SampleStore, collect
from crosszero.samples.summary import StageLog
from crosszero.training.loop import train
from crosszero.training.train_config import TrainConfig

_DIGITS = 12  # hexadecimal, of the hash in the name of a training's folder
_log = logging.getLogger("crosszero")


STAMPS = ".stamps"  # in the folder of an experiment


class Stamp:
    """Remembers, beside the results of an experiment, from which inputs a step made its output."""

    def __init__(self, out: str | Path, step: str) -> None:
        self._path = Path(out) / STAMPS / f"{step}.json"

    @property
    def is_known(self) -> bool:
        """Whether the step was ever begun, whatever its inputs."""
        return self._path.is_file()

    def is_begun(self, key: str, *, done: bool = False) -> bool:
        """Whether the step was begun (or done) with inputs of this hash."""
        try:
            content = read_json(self._path, dict[str, Any])
        except DataError:
            return False
        return content.get("key") == key and (content.get("done") is True or not done)

    def write(self, key: str, *, done: bool) -> None:
        """Note that the step begins with these inputs, or is done."""
        with atomic_file(self._path) as file:
            json.dump({"key": key, "done": done}, file)


def make_samples(config: ExperimentConfig) -> None:
    """Make the samples of an experiment from its text, and store its further texts.

    CrosszeroError if text can't be read, or the finder of words can't be made.
    """
    out = Path(config.out)
    if config.bitext:
        stores = [config.samples_folder]
        stores += [out / "held-out"] if config.prepare.hold_out else []
        stamp, key = Stamp(out, "prepare"), _hash_text(config)
        if not stamp.is_begun(key, done=True) or not all(store.exists() for store in stores):
            _log.info("prepare ...")
            begun = time.monotonic()
            stamp.write(key, done=False)
            _prepare(config)
            stamp.write(key, done=True)
            _log.info("prepare: done in %.0f s", time.monotonic() - begun)
    for name, source in config.texts.items():
        folder, stamp = out / "texts" / name, Stamp(out, f"text-{name}")
        key = make_key({"text": to_dict(source)}, _list_files(source))
        if not stamp.is_begun(key, done=True) or not folder.exists():
            samples = [Sample.of(pair) for pair in locate_source(source).open()]
            if not samples:
                raise DataError(str(source.path), "has no sentence pairs to measure on")
            stamp.write(key, done=False)  # what stands there is not that of the last key any more
            collect(samples, folder)
            stamp.write(key, done=True)


def _prepare(config: ExperimentConfig) -> None:
    out, settings = Path(config.out), config.prepare
    store = prepare(
        read_sources([locate_source(source) for source in config.bitext], out / "skipped.txt"),
        out=out / "samples", held_out=out / "held-out", words=config.words, encoder=config.encoder,
        max_chars=settings.max_chars, deduplicate=settings.deduplicate, seed=settings.seed,
        hold_out=settings.hold_out, progress=StageLog(),
    )  # fmt: skip
    _log.info("%s", Summary.of(store))


def _hash_text(config: ExperimentConfig) -> str:
    """Hash what the samples come from: sources, settings, lists, the encoder of a finder."""
    settings = {name: to_dict(getattr(config, name)) for name in ("prepare", "words")}
    sources = [to_dict(source) for source in config.bitext]
    files = [path for source in config.bitext for path in _list_files(source)]
    files += [Path(entry.rpartition("=")[2]) for entry in config.words.lexicon]
    more: dict[str, Any] = {}
    if config.words.kind == "encoder":
        more["encoder"] = config.encoder
        files.append(Path(config.encoder))
    return make_key({"bitext": sources, **settings, **more}, files)


def _list_files(source: BitextConfig) -> list[Path]:
    """Files that a source reads: a path, or a prefix such as data/multi for data/multi.en."""
    path = locate_source(source).path
    found: list[Path] = []
    for name in map(Path, [path] if isinstance(path, str) else path):
        beside = sorted(name.parent.glob(f"{name.name}.*")) if name.parent.is_dir() else []
        found += [name] if name.exists() or not beside else beside
    return found


def locate_source(source: BitextConfig) -> BitextConfig:
    """Say where the interface strings of the demonstration are installed."""
    if source.path != INTERFACE_STRINGS:
        return source
    return dataclasses.replace(source, path=str(find_interface_strings()), format="chromium")


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

    Systems that differ only in how they are read or fine-tuned share one training. DataError if the
    samples can't be read.
    """
    if config.training(system, seed) is None:
        return None
    system = find_first(config, system, seed)
    training = config.training(system, seed)
    samples = SampleStore.open(config.samples_of(system)).fingerprint
    start = hash_encoder(config.start_of(system, seed))
    settings = to_dict(training)
    if not settings["compile"]:  # younger than trainings that are to be found again
        del settings["compile"]
    key = make_key({"encoder": start, "samples": samples, "train": settings})
    out = Path(config.out)
    if config.is_plain and len(config.seeds) == 1:
        return Training(out / "run", key, Stamp(out, "train"))
    return Training(out / "encoders" / f"{system}-{seed}-{key[:_DIGITS]}", key)


def find_first(config: ExperimentConfig, system: str, seed: int) -> str:
    """The first system that is trained in the same way, on the same samples, from the same encoder.

    The training bears its name.
    """

    def describe(name: str) -> tuple[TrainConfig | None, Path, str]:
        return config.training(name, seed), config.samples_of(name), config.start_of(name, seed)

    own = describe(system)
    return next(name for name in config.systems if describe(name) == own)


def train_system(config: ExperimentConfig, system: str, seed: int) -> str:
    """Give the encoder of a system, trained with this seed if it is to be trained.

    An interrupted training continues; CrosszeroError if it can't be trained.
    """
    start = config.start_of(system, seed)
    settings, training = config.training(system, seed), locate_training(config, system, seed)
    if settings is None or training is None:
        return start
    folder, begun = training.folder, training.is_begun
    if training.is_done:
        return str(folder)
    if folder.exists() and not begun:  # hours of work are never thrown away
        number = 1
        while (aside := folder.with_name(f"{folder.name}-{number}")).exists():
            number += 1
        os.replace(folder, aside)
        _log.info("%s was trained from other inputs; it is kept as %s", folder, aside)
    if training.stamp is not None:
        training.stamp.write(training.key, done=False)
    # maybe stopped before its first checkpoint: then from step 1
    _log.info("training%s", ", continuing where it stopped" if begun else "")
    train(start, config.samples_of(system), settings, out=folder, resume=begun)
    return str(folder)


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
        return find_newest(Path(config.out), find_first(config, system, seed), seed)
    return training.folder if training is not None and training.is_done else None


def find_newest(out: Path, system: str, seed: int) -> Path | None:
    """The newest finished training of a system with a seed in a folder, whatever its settings."""
    key = "[0-9a-f]" * _DIGITS  # a bare * would also take the system "CZ-1" for "CZ" with seed 1
    found = [path.parent for path in (out / "encoders").glob(f"{system}-{seed}-{key}/config.json")]
    return max(found, key=lambda run: run.stat().st_mtime, default=None)

"""From parallel text to samples: the finder of words, what is told meanwhile, and what is kept."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path

from crosszero.bitext import BitextConfig, find_interface_strings
from crosszero.config import to_dict
from crosszero.errors import DataError
from crosszero.experiment.settings import INTERFACE_STRINGS, ExperimentConfig
from crosszero.experiment.stamps import Stamp
from crosszero.files import make_key
from crosszero.samples import Sample, Summary, prepare
from crosszero.samples.sources import StageLog, describe_summary, read_sources
from crosszero.samples.store import collect

_log = logging.getLogger("crosszero")


def make_samples(config: ExperimentConfig) -> None:
    """Make the samples of an experiment from its text, and store its further texts.

    What was made from the same inputs is kept. CrosszeroError if text can't be read, or the finder
    of words can't be made.
    """
    out = Path(config.out)
    if config.bitext:
        stores = [config.samples_folder]
        stores += [out / "held-out"] if config.prepare.hold_out else []
        stamp, key = Stamp(out, "prepare"), _make_key(config)
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
                raise DataError(str(source.path), "holds no sentence pairs to measure on")
            collect(samples, folder)
            stamp.write(key, done=True)


def _prepare(config: ExperimentConfig) -> None:
    out = Path(config.out)
    store = prepare(
        read_sources([locate_source(source) for source in config.bitext], out / "skipped.txt"),
        out=out / "samples",
        words=config.words,
        encoder=config.encoder,
        max_chars=config.prepare.max_chars,
        deduplicate=config.prepare.deduplicate,
        hold_out=config.prepare.hold_out,
        held_out=out / "held-out",
        seed=config.prepare.seed,
        progress=StageLog(),
    )
    summary = Summary.of(store)
    if summary is not None:
        _log.info(describe_summary(summary))


def _make_key(config: ExperimentConfig) -> str:
    """Hash what the samples come from: sources, settings, lists, the encoder of a finder."""
    settings = {
        "bitext": [to_dict(source) for source in config.bitext],
        "prepare": to_dict(config.prepare),
        "words": to_dict(config.words),
    }
    files = [path for source in config.bitext for path in _list_files(source)]
    files += [Path(entry.rpartition("=")[2]) for entry in config.words.lexicon]
    if config.words.kind == "encoder":
        settings["encoder"] = config.encoder
        files.append(Path(config.encoder))
    return make_key(settings, files)


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

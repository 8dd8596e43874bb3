"""Runs the missing parts of an experiment: samples, trainings, measurements, tables, page.

Finished work is kept as long as settings, encoder and data are the same.
"""

from __future__ import annotations

import datetime
import importlib.util
import logging
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch

from crosszero.config import to_dict
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.experiment import records
from crosszero.experiment.measurement import Measurement, list_measurements
from crosszero.experiment.recipes import SETTINGS, write_experiment
from crosszero.experiment.result_tables import read_published, write_tables
from crosszero.experiment.results import Results, read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import (
    STAMPS,
    Stamp,
    is_trained,
    locate_source,
    make_samples,
    train_system,
)
from crosszero.experiment.workers import run_side_by_side
from crosszero.files import make_key
from crosszero.locks import made_folder
from crosszero.memory import peak_memory, reset_memory
from crosszero.model.loading import check_encoder
from crosszero.samples.store import SampleStore

_log = logging.getLogger("crosszero")


def run_experiment(config: ExperimentConfig, *, command: str = "") -> Results:
    """Do what is missing, and give all results; `command` is the command line, for the page.

    An interrupted training continues from its newest checkpoint.

    Raises:
        CrosszeroError: settings, data or encoders can't be used.

    Example:
        >>> run_experiment(read_experiment("recipes/demo.yaml"))    # doctest: +SKIP
    """
    check_experiment(config)
    with _made_for_results(Path(config.out)):
        write_experiment(config)
        make_samples(config)
        groups: dict[str, list[Measurement]] = {}
        for one in list_measurements(config):
            groups.setdefault(f"{one.system}, seed {one.seed}", []).append(one)
        calls = {name: (config, group) for name, group in groups.items()}
        finished = (run_group(*call) for call in calls.values())
        if config.jobs > 1:
            finished = (name for name, _ in run_side_by_side(run_group, calls, jobs=config.jobs))
        for number, name in enumerate(finished, start=1):
            _log.info("%d of %d done: %s", number, len(groups), name)
        results = read_results(config)
        write_tables(results)
        if config.page:
            _make_page(results, command)
    return results


@contextmanager
def _made_for_results(out: Path) -> Iterator[None]:
    """Make the folder of an experiment; it goes again if the experiment fails before any result."""
    new = not out.exists()
    with made_folder(out):
        try:
            yield
        except BaseException:
            files = [p.relative_to(out).parts[0] for p in out.rglob("*") if p.is_file()]
            if new and {*files} <= {SETTINGS, STAMPS}:
                shutil.rmtree(out)
            raise


def check_experiment(config: ExperimentConfig) -> None:
    """Tell now, as the step itself would, what would fail after hours; or CrosszeroError."""
    first = next(iter(config.systems))
    for task in config.fine_tune:
        Measurement(config, first, config.find_task(task), config.seeds[0]).make_config()
    for source in [*config.bitext, *config.texts.values()]:
        locate_source(source).open()
    learning = [s for s in config.systems.values() if s.train is not None or s.aligner is not None]
    if config.samples and learning:
        SampleStore.open(config.samples)
    if config.published:
        read_published(config.published)
    for name, system in config.systems.items():
        for seed in config.seeds if system.trained else config.seeds[:1]:
            start = config.start_of(name, seed)
            if system.trained and not is_trained(Path(start)):
                state = "its training has not ended" if Path(start).is_dir() else "no such folder"
                raise ConfigError(
                    f"systems: {name}: trained: {start}: {state}; train it first, or give the "
                    "system 'train' instead, so that the experiment trains it"
                )
            if system.aligner is None:
                check_encoder(start)
    made = [Path(config.out) / "held-out", *(Path(config.out) / "texts" / t for t in config.texts)]
    checked = set[str]()
    for one in list_measurements(config):
        if one.task.fine_tuned:
            one.make_config()
        if one.task.name not in checked and one.data not in made:
            one.check()
            checked.add(one.task.name)
    if config.page:
        for package in ("matplotlib", "sklearn"):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package, "report", "the page (page: true)")


def run_group(config: ExperimentConfig, group: Sequence[Measurement]) -> str:
    """Do what is missing of the measurements of one system with one seed, and name them."""
    system, seed = group[0].system, group[0].seed
    if config.jobs == 1:  # else each line of the process has the name before it
        _log.info("%s, seed %d", system, seed)
    encoder = None if group[0].own.aligner else train_system(config, system, seed)
    for one in group:
        _measure(one, encoder)
    return f"{system}, seed {seed}"


def _measure(one: Measurement, encoder: str | None) -> records.Record:
    """The record of a measurement: the one that is there if nothing has changed since."""
    key, data = one.make_key(encoder)
    if one.record.is_file():
        known = records.read_record(one.record)
        if known.key == key:
            return known
        one.record.unlink()  # its predictions are about to be replaced
    begun = time.monotonic()
    _log.info("measuring %s", one.task.name)
    reset_memory()
    found = one.run(encoder)
    if not found.scores:
        raise CrosszeroError(f"{one.system}: {one.task.name}: no scores; check the languages")
    record = records.Record(
        system=one.system, task=one.task.name, seed=one.seed, scores=found.scores, key=key,
        data_hash=data, date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1), peak_memory=round(peak_memory()),
        versions=records.describe_versions(), commit=records.find_commit(), layer=found.layer,
        machine=f"{platform.machine()}, {torch.get_num_threads()} threads", pooling=found.pooling,
    )  # fmt: skip
    records.write_record(record, one.record)
    return record


def _make_page(results: Results, command: str) -> None:
    """Write report.html, unless the one that is there shows these very results."""
    settings = to_dict(cast("ExperimentConfig", results.config))
    key = make_key({"settings": settings, "records": [record.key for record in results.records]})
    stamp = Stamp(results.folder, "page")
    if stamp.is_begun(key, done=True) and (results.folder / "report.html").is_file():
        return
    _log.info("page ...")
    stamp.write(key, done=False)
    from crosszero.experiment.page.contents import write_page

    write_page(results.folder, hover=False, command=command)
    stamp.write(key, done=True)

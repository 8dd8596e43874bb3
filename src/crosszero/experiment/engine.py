"""Runs the missing parts of an experiment: samples, trainings, measurements, tables, page.

Finished work is kept as long as settings, encoder and data are the same.
"""

from __future__ import annotations

import datetime
import importlib.util
import logging
import os
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
from crosszero.experiment.evaluation_folder import note_owner, read_former, take_folder
from crosszero.experiment.measurement import Measurement, list_measurements
from crosszero.experiment.recipes import SETTINGS, write_experiment
from crosszero.experiment.result_tables import read_published, write_tables
from crosszero.experiment.results import Results, is_current, read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import (
    STAMPS,
    Stamp,
    find_first,
    is_trained,
    locate_source,
    locate_training,
    make_samples,
    train_system,
)
from crosszero.experiment.workers import run_side_by_side
from crosszero.files import check_output, make_key
from crosszero.locks import lock_output, made_folder
from crosszero.memory import peak_memory, reset_memory
from crosszero.model.loading import check_encoder
from crosszero.model.options import BUNDLED
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
    # two at once would score each other's predictions
    with _made_for_results(Path(config.out)), lock_output(config.out, inside=True):
        former = read_former(config)
        write_experiment(config)
        make_samples(config)
        planned = list(list_measurements(config))
        missing = [one for one in planned if not _is_done(one)]
        if former is not None:  # a record that counts shows that the encoder is the same
            note_owner(config if len(missing) < len(planned) else former)
        do = _do_in_turn if config.jobs == 1 else _do_side_by_side
        try:
            for part in do(config, missing):
                _log.info("%s", part)
        except Exception:  # what was measured before it counts, and older numbers do not
            if any(map(_is_done, missing)):
                write_tables(read_results(config))
            raise
        results = read_results(config)
        write_tables(results)
        _make_page(results, command)
    return results


@contextmanager
def _made_for_results(out: Path) -> Iterator[None]:
    """Make the folder of an experiment; it is removed if the experiment fails before any result."""
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
    """Check now what would fail hours later; raises CrosszeroError as the step itself would."""
    _check_out(config)
    first = next(iter(config.systems))
    for task in config.fine_tune:
        Measurement(config, first, config.find_task(task), config.seeds[0]).make_config()
    _check_seeds(config)
    for source in [*config.bitext, *config.texts.values()]:
        locate_source(source).open()
    learning = [s for s in config.systems.values() if s.train is not None or s.aligner is not None]
    stores = {own.samples or config.samples for own in learning}
    for store in filter(None, stores):
        SampleStore.open(store)
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
    _check_names(config)
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


def _check_out(config: ExperimentConfig) -> None:
    """Refuse to write into the folder of an encoder, or of data."""
    starts = {config.start_of(name, seed) for name in config.systems for seed in config.seeds}
    own = [x for x in starts if x not in BUNDLED and (Path(x) / "config.json").is_file()]
    check_output(config.out, flag="out:", inputs=own, folder=True)
    for name in ("data", "alignment", "held_out", "samples"):
        place = getattr(config, name)
        if place is not None and os.path.realpath(place) == os.path.realpath(config.out):
            raise ConfigError(f"out: {config.out}: is {name}, too; choose another folder")


def _check_seeds(config: ExperimentConfig) -> None:
    """Refuse a seed that `seeds` would replace, or that would make several seeds one.

    Results that have one can be read.
    """
    trained = {} if config.is_plain else {"train": config.train}
    tuned = {f"fine_tune: {task}": own for task, own in config.fine_tune.items()}
    for name, system in config.systems.items():
        trained[f"systems: {name}: train"] = system.train or {}
        tuned[f"systems: {name}: fine_tune"] = system.fine_tune
    for where, settings in {**trained, **tuned}.items():
        seed = settings.get("seed")
        replaced = where in trained and seed not in config.seeds
        if seed is not None and (replaced or (len(config.seeds) > 1 and where != "train")):
            raise ConfigError(
                f"{where}: seed: {seed} given, but all is done with each of 'seeds', which are "
                f"{', '.join(map(str, config.seeds))}; remove it, and set 'seeds'"
            )


def _check_names(config: ExperimentConfig) -> None:
    """Refuse names that give two measurements one record; results that have them can be read."""
    taken: dict[Path, Measurement] = {}
    for one in list_measurements(config):
        other = taken.setdefault(one.record, one)
        if other is not one:
            texts = [name for name in (other.task.name, one.task.name) if name in config.texts]
            raise ConfigError(
                f"systems, texts: {other.system} on {other.task.name} and {one.system} on "
                f"{one.task.name} would share the record {one.record.name}; rename "
                + " or ".join(["one of these systems", *(f"the text {name}" for name in texts)])
            )


def _is_done(one: Measurement) -> bool:
    return one.record.is_file() and is_current(one, records.read_record(one.record))


def _do_in_turn(config: ExperimentConfig, missing: Sequence[Measurement]) -> Iterator[str]:
    """Train and measure one system after the other; say what is done."""
    groups: dict[str, list[Measurement]] = {}
    for one in missing:
        groups.setdefault(_name(one), []).append(one)
    for number, (name, group) in enumerate(groups.items(), start=1):
        _log.info("%s", name)
        for one in group:
            measure(one)
        yield f"{number} of {len(groups)} done: {name}"


def _do_side_by_side(config: ExperimentConfig, missing: Sequence[Measurement]) -> Iterator[str]:
    """The same with several trainings and measurements at a time."""
    if config.alone and missing:
        take_folder(config)  # now: one process would remove what another has just written
    calls: dict[str, tuple[Measurement, bool]] = {}
    after: dict[str, str] = {}
    last: dict[str, str] = {}
    for seed in config.seeds:
        own = [one for one in missing if one.seed == seed]
        # one task after the other, so that most of the table is there early
        for one in sorted(own, key=lambda one: config.tasks.index(one.task.name)):
            training = f"{find_first(config, one.system, seed)}, seed {seed}"
            if one.own.train is not None:
                calls.setdefault(training, (one, False))
            name, model = f"{_name(one)}, {one.task.name}", f"{_name(one)}, {one.source}"
            # two tasks that share a fine-tuned model must not train it at the same time
            calls[name], after[name] = (one, True), last.get(model, training)
            last[model] = name
    done = run_side_by_side(do_part, calls, jobs=config.jobs, after=after, keep_going=True)
    for number, (name, _) in enumerate(done, start=1):
        yield f"{number} of {len(calls)} done: {name}"


def _name(one: Measurement) -> str:
    return f"{one.system}, seed {one.seed}"


def do_part(one: Measurement, measured: bool) -> None:
    """Do a measurement, or no more than the training that it needs."""
    if measured:
        measure(one)
    else:
        train_system(one.config, one.system, one.seed)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # other processes need what this one holds for its next call


def measure(one: Measurement) -> records.Record:
    """The record of a measurement: the one that is there if nothing has changed since.

    The encoder is trained first if it is to be and is not yet.
    """
    encoder = None if one.own.aligner else train_system(one.config, one.system, one.seed)
    key, data = one.make_key(encoder)
    if one.record.is_file():
        known = records.read_record(one.record)
        if known.key == key:
            return known
    training = locate_training(one.config, one.system, one.seed) if encoder else None
    begun = time.monotonic()
    _log.info("measuring %s", one.task.name)
    reset_memory()
    found = one.run(encoder)
    if not found.scores:
        raise CrosszeroError(f"{one.system}: {one.task.name}: no scores; check the languages")
    record = records.Record(
        system=one.system, task=one.task.name, seed=one.seed, scores=found.scores, key=key,
        origin_key=one.make_key(encoder, training.key)[0] if training else "", data_hash=data,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1), peak_memory=round(peak_memory()),
        versions=records.describe_versions(), commit=records.find_commit(), layer=found.layer,
        machine=records.describe_machine(), pooling=found.pooling,
        languages=None if one.languages is None else tuple(one.languages),
    )  # fmt: skip
    records.write_record(record, one.record)
    return record


def _make_page(results: Results, command: str) -> None:
    """Write report.html, unless the one that is there shows these very results.

    Where no page is wanted, one of other results goes.
    """
    config, page = cast("ExperimentConfig", results.config), results.folder / "report.html"
    settings, published = to_dict(config) | {"page": True}, config.published
    key = make_key(
        {"settings": settings, "records": [record.key for record in results.records]},
        [Path(published)] if published else [],
    )
    stamp = Stamp(results.folder, "page")
    if stamp.is_begun(key, done=True) and page.is_file():
        return
    if not config.page:
        if page.is_file():
            page.unlink()
            _log.warning("%s: showed other results, and is removed (page: false)", page)
        return
    _log.info("page ...")
    stamp.write(key, done=False)
    from crosszero.experiment.page.contents import write_page

    write_page(results.folder, hover=False, command=command)
    stamp.write(key, done=True)

"""Runs what is missing of a suite: trainings, fine-tunings, measurements. Each leaves a record."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from crosszero.config import to_dict
from crosszero.errors import ConfigError, CrosszeroError
from crosszero.files import make_key
from crosszero.samples.store import SampleStore
from crosszero.suite.cache import hash_encoder
from crosszero.suite.config import FINE_TUNED, SuiteConfig, write_suite
from crosszero.suite.evaluation import Bench, hash_data, measure_task, settings_of
from crosszero.suite.records import (
    Record,
    describe_versions,
    find_commit,
    peak_memory,
    read_record,
    write_record,
)
from crosszero.suite.statistical import predict_links
from crosszero.suite.workers import run_side_by_side
from crosszero.tasks.task import TaskScore, check_data
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.training.loop import train

_log = logging.getLogger("crosszero")
_KEY = 12  # hexadecimal digits of the hash in a folder's name


class Plan(NamedTuple):
    """One measurement that belongs to a suite."""

    system: str
    task: str
    seed: int


def list_plans(config: SuiteConfig) -> Iterator[Plan]:
    """All measurements of a suite, seed by seed.

    An encoder that is not trained gives the same numbers with every seed, but for the tasks that it
    is fine-tuned on: elsewhere it is measured once.
    """
    for seed in config.seeds:
        for system in config.systems:
            for task in config.tasks:
                again = config.has_seeds(system) or task in FINE_TUNED
                if config.measures(system, task) and (again or seed == config.seeds[0]):
                    yield Plan(system, task, seed)


def run_suite(config: SuiteConfig) -> list[Record]:
    """Do what is missing, and give all records.

    Whatever was finished is kept and not done again as long as settings, encoder and data are the
    same; a training that was interrupted goes on from its newest checkpoint.

    Args:
        config: what to do.

    Returns:
        A record for each measurement, in the order of :func:`list_plans`.

    Raises:
        CrosszeroError: settings, data or encoders can't be used.

    Example:
        >>> run_suite(read_suite("suites/mini.yaml"))               # doctest: +SKIP
    """
    plans = list(list_plans(config))
    for plan in plans:
        if plan.task in FINE_TUNED:
            settings_of(plan.task, _make_bench(config, plan))
        _check_trained(config, plan)
    write_suite(config)
    groups: dict[str, list[Plan]] = {}
    for plan in plans:
        groups.setdefault(f"{plan.system}, seed {plan.seed}", []).append(plan)
    records = {}
    for number, (name, found) in enumerate(_run_groups(config, groups), start=1):
        records[name] = found
        _log.info("%d of %d done: %s", number, len(groups), name)
    return [record for name in groups for record in records[name]]


def _run_groups(
    config: SuiteConfig, groups: dict[str, list[Plan]]
) -> Iterator[tuple[str, list[Record]]]:
    if config.jobs == 1:
        for name, plans in groups.items():
            _log.info("%s", name)
            yield name, run_plans(config, plans)
    else:
        calls = {name: (config, plans) for name, plans in groups.items()}
        yield from run_side_by_side(run_plans, calls, jobs=config.jobs)


def run_plans(config: SuiteConfig, plans: Sequence[Plan]) -> list[Record]:
    """Do what is missing of the measurements of one system with one seed.

    Args:
        config: the suite.
        plans: all with the same system and the same seed.

    Raises:
        CrosszeroError: settings, data or encoders can't be used.
    """
    system = plans[0].system
    if config.systems[system].aligner is not None:
        return [_measure_aligner(config, plan) for plan in plans]
    encoder = train_system(config, system, plans[0].seed)
    return [_measure_encoder(config, plan, encoder) for plan in plans]


def train_system(config: SuiteConfig, system: str, seed: int) -> str:
    """Give the encoder of a system, trained with this seed if it is to be trained.

    Raises:
        CrosszeroError: it can't be trained.
    """
    training, trained = config.training(system, seed), config.locate_trained(system, seed)
    start = str(trained or config.encoder_of(system))
    if training is None:
        return start
    store = SampleStore.open(Path(str(config.samples)))
    settings = {"encoder": hash_encoder(start), "samples": store.fingerprint}
    key = make_key({**settings, "train": to_dict(training)})
    folder = Path(config.out) / "encoders" / f"{system}-{seed}-{key[:_KEY]}"
    if not _is_trained(folder):
        begun = folder.is_dir()  # maybe stopped before its first checkpoint: then from step 1
        _log.info("training%s", ", going on where it was stopped" if begun else "")
        train(start, store, training, out=folder, resume=begun)
    return str(folder)


def find_runs(config: SuiteConfig, system: str, seed: int) -> list[Path]:
    """The finished training of a system with a seed; none where it has not been done."""
    trained = config.locate_trained(system, seed) if system in config.systems else None
    if trained is not None:
        return [trained] if _is_trained(trained) else []
    return find_trainings(Path(config.out), system, seed)


def find_trainings(out: Path, system: str, seed: int) -> list[Path]:
    """The newest finished training of a system with a seed in the folder of a suite; or none."""
    key = "[0-9a-f]" * _KEY  # a bare * would also take the system "CZ-1" for "CZ" with seed 1
    found = [path.parent for path in (out / "encoders").glob(f"{system}-{seed}-{key}/config.json")]
    return sorted(found, key=lambda run: run.stat().st_mtime)[-1:]


def find_data(config: SuiteConfig, task: str) -> Path:
    """The folder that a task of a suite reads."""
    return _make_bench(config, Plan(next(iter(config.systems)), task, config.seeds[0])).folder(task)


def _is_trained(folder: Path) -> bool:
    return (folder / "config.json").is_file()  # the last file that a training writes


def _check_trained(config: SuiteConfig, plan: Plan) -> None:
    folder = config.locate_trained(plan.system, plan.seed)
    if folder is None or _is_trained(folder):
        return
    state = "its training has not ended" if folder.is_dir() else "there is no such folder"
    raise ConfigError(
        f"systems: {plan.system}: trained: {folder}: {state}; train it first, or give the system "
        "'train' instead, so that the suite does"
    )


def _make_bench(config: SuiteConfig, plan: Plan) -> Bench:
    changes = config.systems[plan.system].fine_tune
    shared = config.fine_tune.get(plan.task, {})
    fine_tune = {plan.task: {**shared, **changes}} if plan.task in FINE_TUNED else {}
    return Bench(
        data=Path(config.data or "."),
        out=Path(config.out) / "runs" / f"{plan.system}-{plan.seed}",
        alignment=Path(config.alignment) if config.alignment else None,
        held_out=Path(config.held_out) if config.held_out else None,
        languages=config.languages if not plan.task.startswith("word-") else None,
        fine_tune=fine_tune,
        max_length=config.max_length,
        layer=None if plan.task in FINE_TUNED else config.layer_of(plan.system),
        seed=plan.seed,
    )


def _measure_encoder(config: SuiteConfig, plan: Plan, encoder: str) -> Record:
    bench = _make_bench(config, plan)
    settings = dataclasses.asdict(bench)
    for name in ("out", "data", "alignment", "held_out"):
        del settings[name]  # where files lie does not matter: what they hold is in the hash
    if plan.task in FINE_TUNED:
        del settings["layer"]  # such a model reads its own
    settings["encoder"] = hash_encoder(encoder)
    return _record(config, plan, settings, lambda: measure_task(encoder, plan.task, bench))


def _measure_aligner(config: SuiteConfig, plan: Plan) -> Record:
    bench = _make_bench(config, plan)
    store = SampleStore.open(Path(str(config.samples)))
    aligner = config.systems[plan.system].aligner
    settings = {"aligner": aligner, "samples": store.fingerprint, "seed": plan.seed}

    def measure() -> list[TaskScore]:
        data, predictions = bench.folder(plan.task), bench.out / "predictions"
        check_data(WordAlignment(), data)
        predict_links(data, predictions, str(config.samples), seed=plan.seed)
        return WordAlignment().score(predictions, data)

    return _record(config, plan, settings, measure)


def _record(
    config: SuiteConfig,
    plan: Plan,
    settings: dict[str, Any],
    measure: Callable[[], list[TaskScore]],
) -> Record:
    """The record of a measurement: the one that is there if nothing has changed since."""
    data = hash_data(plan.task, _make_bench(config, plan))
    key = make_key({"data": data, "task": plan.task, **settings})
    path = Path(config.out) / "records" / f"{plan.system}-{plan.task}-{plan.seed}.json"
    if path.is_file():
        known = read_record(path)
        if known.key == key:
            return known
    begun = time.monotonic()
    _log.info("measuring %s", plan.task)
    scores = measure()
    if not scores:
        raise CrosszeroError(f"{plan.system}: {plan.task}: no scores; check the languages")
    record = Record(
        system=plan.system,
        task=plan.task,
        seed=plan.seed,
        scores=tuple(scores),
        key=key,
        data_hash=data,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1),
        peak_memory=round(peak_memory()),
        versions=describe_versions(),
        machine=f"{platform.machine()}, {torch.get_num_threads()} threads",
        commit=find_commit(),
    )
    write_record(record, path)
    return record

"""Runs what is missing of a suite: trainings, fine-tunings, measurements. Each leaves a record."""

from __future__ import annotations

import datetime
import logging
import platform
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from crosszero.errors import ConfigError, CrosszeroError
from crosszero.experiment.evaluation import measure_task, settings_of
from crosszero.experiment.keys import locate_training, make_record_key
from crosszero.experiment.plan import (
    Plan,
    list_plans,
    locate_record,
    make_bench,
)
from crosszero.experiment.records import (
    Record,
    describe_versions,
    find_commit,
    read_record,
    write_record,
)
from crosszero.experiment.results import is_trained
from crosszero.experiment.settings import FINE_TUNED, SuiteConfig, write_suite
from crosszero.experiment.statistical import predict_links
from crosszero.experiment.workers import run_side_by_side
from crosszero.memory import peak_memory, reset_memory
from crosszero.tasks.task import Score
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.training.loop import train

_log = logging.getLogger("crosszero")


def run_suite(config: SuiteConfig) -> list[Record]:
    """Do what is missing, and give all records.

    Whatever was finished is kept and not done again as long as settings, encoder and data are the
    same; a training that was interrupted goes on from its newest checkpoint.

    Args:
        config: what to do.

    Returns:
        A record for each measurement, in the order of
        :func:`crosszero.experiment.plan.list_plans`.

    Raises:
        CrosszeroError: settings, data or encoders can't be used.

    Example:
        >>> run_suite(read_suite("suites/mini.yaml"))               # doctest: +SKIP
    """
    plans = list(list_plans(config))
    for plan in plans:
        if plan.task in FINE_TUNED:
            settings_of(plan.task, make_bench(config, plan))
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
    start = str(config.locate_trained(system, seed) or config.encoder_of(system))
    training, folder = config.training(system, seed), locate_training(config, system, seed)
    if training is None or folder is None:
        return start
    if not is_trained(folder):
        begun = folder.is_dir()  # maybe stopped before its first checkpoint: then from step 1
        _log.info("training%s", ", going on where it was stopped" if begun else "")
        train(start, str(config.samples), training, out=folder, resume=begun)
    return str(folder)


def _check_trained(config: SuiteConfig, plan: Plan) -> None:
    folder = config.locate_trained(plan.system, plan.seed)
    if folder is None or is_trained(folder):
        return
    state = "its training has not ended" if folder.is_dir() else "there is no such folder"
    raise ConfigError(
        f"systems: {plan.system}: trained: {folder}: {state}; train it first, or give the system "
        "'train' instead, so that the suite does"
    )


def _measure_encoder(config: SuiteConfig, plan: Plan, encoder: str) -> Record:
    bench = make_bench(config, plan)
    return _record(config, plan, encoder, lambda: measure_task(encoder, plan.task, bench))


def _measure_aligner(config: SuiteConfig, plan: Plan) -> Record:
    bench = make_bench(config, plan)

    def measure() -> list[Score]:
        data, predictions = bench.folder(plan.task), bench.out / "predictions"
        WordAlignment().check(data, bench.languages)
        predict_links(
            data, predictions, str(config.samples), languages=bench.languages, seed=plan.seed
        )
        return WordAlignment().score(predictions, data, bench.languages)

    return _record(config, plan, None, measure)


def _record(
    config: SuiteConfig,
    plan: Plan,
    encoder: str | None,
    measure: Callable[[], list[Score]],
) -> Record:
    """The record of a measurement: the one that is there if nothing has changed since."""
    key, data = make_record_key(config, plan, encoder)
    path = locate_record(config, plan)
    if path.is_file():
        known = read_record(path)
        if known.key == key:
            return known
        path.unlink()  # its predictions are about to be replaced
    begun = time.monotonic()
    _log.info("measuring %s", plan.task)
    reset_memory()
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

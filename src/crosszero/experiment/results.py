"""What a suite has left, as far as it is still the suite's: stale records and runs do not count.

Records and runs stay in their folder when settings, encoders or data change, and when systems,
tasks or seeds are taken out. Whoever reads them reads them here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.experiment.keys import DIGITS, locate_training, make_record_key
from crosszero.experiment.plan import (
    Plan,
    list_plans,
    locate_record,
    make_bench,
)
from crosszero.experiment.records import Record, read_record
from crosszero.experiment.settings import SuiteConfig
from crosszero.model.loading import locate_encoder

_log = logging.getLogger("crosszero")


@dataclass(frozen=True, kw_only=True)
class Results:
    """Records of a suite that count.

    Attributes:
        records: in the order of :func:`crosszero.experiment.plan.list_plans`.
        notes: sentences about records that do not count, or that could not be checked.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...]


def read_results(config: SuiteConfig) -> Results:
    """Read the records of a suite, and leave out those that its settings or files have outlived.

    A record counts if the suite would not measure it again: its key is that of the settings, the
    encoder, the data and this version of crosszero. Where files that the key is made of are gone,
    nobody can tell, and it counts. Both are logged as warnings.

    Args:
        config: of the suite.

    Raises:
        CrosszeroError: a record is damaged.

    Example:
        >>> read_results(read_suite("suites/mini.yaml")).notes      # doctest: +SKIP
        ('CZ-snt: records of other settings, encoders, data or versions of crosszero do not ...',)
    """
    records, stale, unsure = [], list[Plan](), dict[str, int]()
    for plan in list_plans(config):
        path = locate_record(config, plan)
        if not path.is_file():
            continue
        record = read_record(path)
        try:
            current = record.key == _find_key(config, plan)
        except CrosszeroError as error:
            unsure[str(error)] = unsure.get(str(error), 0) + 1
            current = True
        if current:
            records.append(record)
        else:
            stale.append(plan)
    notes = (*_describe_stale(stale), *_describe_unsure(unsure))
    for note in notes:
        _log.warning("%s", note)
    return Results(records=tuple(records), notes=notes)


def find_runs(config: SuiteConfig, system: str, seed: int) -> list[Path]:
    """The finished training of a system with a seed, with the suite's settings; or none.

    Where the samples or the encoder that it started from are gone, it is the newest one.
    """
    if system not in config.systems:
        return []
    trained = config.locate_trained(system, seed)
    if trained is not None:
        return [trained] if is_trained(trained) else []
    try:
        locate_encoder(config.encoder_of(system))
        folder = locate_training(config, system, seed)
    except CrosszeroError:
        return find_trainings(Path(config.out), system, seed)
    return [folder] if folder is not None and is_trained(folder) else []


def find_trainings(out: Path, system: str, seed: int) -> list[Path]:
    """The newest finished training of a system with a seed in the folder of a suite; or none.

    For folders whose settings nobody knows; :func:`find_runs` knows which of them it is.
    """
    key = "[0-9a-f]" * DIGITS  # a bare * would also take the system "CZ-1" for "CZ" with seed 1
    found = [path.parent for path in (out / "encoders").glob(f"{system}-{seed}-{key}/config.json")]
    return sorted(found, key=lambda run: run.stat().st_mtime)[-1:]


def is_trained(folder: Path) -> bool:
    """Whether a training has ended."""
    return (folder / "config.json").is_file()  # the last file that a training writes


def _find_key(config: SuiteConfig, plan: Plan) -> str | None:
    """The key of a measurement with the files as they are; ``None`` while its encoder is missing.

    Raises:
        CrosszeroError: files that it is made of are gone.
    """
    data = make_bench(config, plan).locate(plan.task)
    trained = config.locate_trained(plan.system, plan.seed)
    for path in (data, *([trained] if trained else [])):
        if not path.exists():
            raise CrosszeroError(f"{path}: is not there")
    if config.systems[plan.system].aligner is not None:
        return make_record_key(config, plan, None).key
    if trained is not None:
        return make_record_key(config, plan, trained).key
    start = config.encoder_of(plan.system)
    locate_encoder(start)
    run = locate_training(config, plan.system, plan.seed)
    if run is not None and not is_trained(run):
        return None
    return make_record_key(config, plan, run or start).key


def _describe_stale(plans: Iterable[Plan]) -> list[str]:
    seeds: dict[str, dict[str, list[str]]] = {}
    for plan in plans:
        seeds.setdefault(plan.system, {}).setdefault(plan.task, []).append(str(plan.seed))
    return [
        f"{system}: records of other settings, encoders, data or versions of crosszero do not "
        "count: "
        + ", ".join(f"{task} (seed {', '.join(found)})" for task, found in tasks.items())
        + "; run the suite to measure them again"
        for system, tasks in seeds.items()
    ]


def _describe_unsure(reasons: dict[str, int]) -> list[str]:
    return [
        f"{count} record{'s' if count > 1 else ''} can't be checked against the suite's settings, "
        f"and count{'' if count > 1 else 's'}: {reason}"
        for reason, count in reasons.items()
    ]

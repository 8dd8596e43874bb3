"""The results of an experiment or an evaluation: records, encoders, trainings.

Records and trainings stay in their folder when settings, encoders or data change, and when systems,
tasks or seeds are removed. All readers go through this module, which ignores stale ones.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.experiment.measurement import Measurement, list_measurements
from crosszero.experiment.recipes import find_settings, read_experiment
from crosszero.experiment.records import Record, read_record
from crosszero.experiment.scores import Scores
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import find_newest, find_run, locate_training
from crosszero.model.loading import locate_encoder
from crosszero.tasks.catalogue import list_tasks
from crosszero.tasks.sentence_retrieval import SentenceRetrieval
from crosszero.tasks.task import DataSetting, Task

SCORES = "scores.json"  # of an evaluation
_log = logging.getLogger("crosszero")


@dataclass(frozen=True, kw_only=True)
class System:
    """One row of the table.

    Attributes:
        encoder: of the first seed; none where it is unknown or has not been trained.
        aligner: name of the statistical aligner that stands in place of an encoder.
        trainings: run folders by seed.
    """

    name: str
    encoder: str | None = None
    aligner: str | None = None
    trainings: Mapping[int, Path] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that tables and a page are made of.

    Attributes:
        records: that count, in the order of the systems.
        config: the experiment's settings; ``None`` if unknown.
        planned: how many measurements there are to be; ``None`` if unknown.
        notes: sentences about records that do not count, or could not be checked.
    """

    title: str
    folder: Path
    records: tuple[Record, ...]
    systems: tuple[System, ...]
    config: ExperimentConfig | None = None
    planned: int | None = None
    notes: tuple[str, ...] = ()

    def list_tasks(self) -> list[Task]:
        """All tasks that there may be scores of: those of the catalogue, then further texts."""
        texts = self.config.texts if self.config else ()
        return [*list_tasks(), *(SentenceRetrieval(name) for name in texts)]

    def locate_data(self, setting: DataSetting) -> Path | None:
        """The folder of the data that a setting names; none where nobody knows it."""
        return self.config.folder_of(setting) if self.config else None


def read_results(where: str | Path | ExperimentConfig) -> Results:
    """Read the results of an experiment or of an evaluation: a folder, settings, or a YAML file.

    A record counts if it would not be measured again: its key is that of the settings, the encoder,
    the data and this version of crosszero. Where files that the key is made of are gone, nobody can
    tell, and it counts. Both are logged as warnings.

    Raises:
        CrosszeroError: there are no results, or they can't be read.

    Example:
        >>> [system.name for system in read_results("runs/suite").systems]    # doctest: +SKIP
        ['crosszero-mini', 'info-snt', 'CZ-snt', 'ML-CTL-info', 'ML-CTL-CZ']
    """
    if isinstance(where, ExperimentConfig):
        return _read(where)
    path = Path(where)
    if path.is_file():
        config = read_experiment(path)
    elif settings := find_settings(path):
        config = dataclasses.replace(read_experiment(settings), out=str(path))
    elif any((path / "records").glob("*.json")):
        return _read_records(path)
    elif (path / SCORES).is_file():  # as 'crosszero evaluate' left it until version 0.1
        name, scores = path.resolve().name, tuple(Scores.read(path / SCORES))
        record = Record(system=name, task="all", seed=1, scores=scores)
        return Results(title=name, folder=path, records=(record,), systems=(System(name=name),))
    else:
        raise CrosszeroError(
            f"{path}: holds neither records of an experiment (records/*.json) nor an evaluation "
            f"({SCORES}); run 'crosszero run' or 'crosszero evaluate' first"
        )
    results = _read(config)
    if not results.records:
        raise CrosszeroError(
            f"{config.out}: none of its records belongs to the experiment as it is now; run it "
            "first"
        )
    return results


def _read(config: ExperimentConfig) -> Results:
    """What counts of an experiment, maybe nothing."""
    measurements = list(list_measurements(config))
    records, notes = _read_current(measurements)
    order = list(config.systems)
    records.sort(key=lambda record: order.index(record.system))
    systems = []
    for name, own in config.systems.items():
        trainings = {s: run for s in config.seeds if (run := find_run(config, name, s)) is not None}
        first = trainings.get(config.seeds[0]) if own.has_seeds else config.start_of(name, 0)
        encoder = None if first is None else str(first)
        systems.append(System(name=name, encoder=encoder, aligner=own.aligner, trainings=trainings))
    return Results(
        title=config.name, folder=Path(config.out), records=tuple(records), systems=tuple(systems),
        config=config, planned=len(measurements), notes=tuple(notes),
    )  # fmt: skip


def _read_records(folder: Path) -> Results:
    """Records alone, whose settings nobody knows."""
    records = [read_record(path) for path in sorted((folder / "records").glob("*.json"))]
    seeds = sorted({record.seed for record in records})
    systems = []
    for name in dict.fromkeys(record.system for record in records):
        trainings = {s: run for s in seeds if (run := find_newest(folder, name, s)) is not None}
        systems.append(System(name=name, trainings=trainings))
    return Results(title=folder.name, folder=folder, records=tuple(records), systems=tuple(systems))


def _read_current(measurements: Sequence[Measurement]) -> tuple[list[Record], list[str]]:
    """Records that count, and sentences about the others, which are logged."""
    records: list[Record] = []
    stale: dict[str, dict[str, list[str]]] = {}
    unsure: dict[str, int] = {}
    for one in measurements:
        if not one.record.is_file():
            continue
        record = read_record(one.record)
        try:
            current = is_current(one, record)
        except CrosszeroError as error:
            current = (record.system, record.task) == (one.system, one.task.name)
            if current:
                unsure[str(error)] = unsure.get(str(error), 0) + 1
        if current:  # it may bear another name: that which the encoder's folder had before
            records.append(dataclasses.replace(record, system=one.system))
        else:
            tasks = stale.setdefault(one.system, {})
            tasks.setdefault(one.task.name, []).append(str(one.seed))
    notes = [
        f"{system}: records of other settings, encoders, data or versions of crosszero do not "
        "count: "
        + ", ".join(f"{task} (seed {', '.join(seeds)})" for task, seeds in tasks.items())
        + "; run the experiment to measure them again"
        for system, tasks in stale.items()
    ]
    for reason, count in unsure.items():
        many = ("s", "") if count > 1 else ("", "s")
        notes.append(
            f"{count} record{many[0]} can't be checked against the experiment's settings, and "
            f"count{many[1]}: {reason}"
        )
    for note in notes:
        _log.warning("%s", note)
    return records, notes


def is_current(one: Measurement, record: Record) -> bool:
    """Whether a record is what would be measured now; CrosszeroError if files are gone.

    If a trained encoder is gone or not finished, what it is trained from decides.
    """
    start = one.config.start_of(one.system, one.seed)
    trained = [Path(start)] if one.own.trained else []
    for path in (one.task.locate(one.data), *trained):
        if not path.exists():
            raise CrosszeroError(f"{path}: is not there")
    if one.own.aligner is not None:
        return record.key == one.make_key(None)[0]
    locate_encoder(start)
    training = locate_training(one.config, one.system, one.seed)
    if training is None:
        return record.key == one.make_key(start)[0]
    if training.is_done:
        return record.key == one.make_key(str(training.folder))[0]
    return record.origin_key == one.make_key(start, training.key)[0]

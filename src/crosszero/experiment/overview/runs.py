"""What a folder of results holds: records, encoders, trainings, and where their data lie."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosszero.errors import CrosszeroError
from crosszero.experiment.evaluation import SETUP
from crosszero.experiment.plan import list_plans
from crosszero.experiment.records import Record, read_records
from crosszero.experiment.results import find_runs, find_trainings, read_results
from crosszero.experiment.settings import SETTINGS, SuiteConfig, read_suite
from crosszero.tasks.task import read_score


@dataclass(frozen=True, kw_only=True)
class System:
    """One row of the table.

    Attributes:
        name: of the system.
        encoder: of the first seed; none where it is unknown or has not been trained.
        aligner: name of the statistical aligner that stands in place of an encoder.
        trainings: run folders by seed; none where nothing is trained.
    """

    name: str
    encoder: str | None
    aligner: str | None = None
    trainings: Mapping[int, Path] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Everything that a page is made of.

    Attributes:
        title: of the page.
        folder: where it all lies; what is computed for the page is kept in its ``report``.
        records: what was measured, in the order of the systems.
        systems: rows of the table.
        planned: how many measurements there are to be; none where nobody says.
        data, alignment, held_out: folders of the data, as :class:`SuiteConfig` has them.
        pairs: pairs of languages of the gold alignments; none: all.
        languages: that were tested; none: all.
        max_length: tokens of a text; none: as many as an encoder takes.
        notes: sentences about records that are there and not shown, or that could not be checked.
    """

    title: str
    folder: Path
    records: tuple[Record, ...]
    systems: tuple[System, ...]
    planned: int | None = None
    data: Path | None = None
    alignment: Path | None = None
    held_out: Path | None = None
    pairs: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    max_length: int | None = None
    notes: tuple[str, ...] = ()


def read_runs(path: str | Path) -> Runs:
    """Read the folder of a suite, or of one evaluation.

    Args:
        path: the folder, or the suite's YAML file (needed where the folder has no ``suite.yaml``).

    Raises:
        CrosszeroError: there are no results, or they can't be read.

    Example:
        >>> [system.name for system in read_runs("runs/suite").systems]      # doctest: +SKIP
        ['crosszero-mini', 'info-snt', 'CZ-snt', 'ML-CTL-info', 'ML-CTL-CZ']
    """
    folder, config = Path(path), None
    if folder.is_file():
        config = read_suite(folder)
        folder = Path(config.out)
    elif (folder / SETTINGS).is_file():
        config = dataclasses.replace(read_suite(folder / SETTINGS), out=str(folder))
    if any((folder / "records").glob("*.json")):
        return _read_suite(folder, config)
    if (folder / "scores.json").is_file():
        return _read_evaluation(folder)
    raise CrosszeroError(
        f"{folder}: holds neither records of a suite (records/*.json) nor an evaluation "
        "(scores.json); run 'crosszero suite' or 'crosszero evaluate' first"
    )


def _read_suite(folder: Path, config: SuiteConfig | None) -> Runs:
    if config is None:
        records = read_records(folder / "records")
        systems = [
            System(name=name, encoder=None, trainings=_find_all(folder, name, records))
            for name in dict.fromkeys(record.system for record in records)
        ]
        return Runs(
            title=folder.name, folder=folder, records=tuple(records), systems=tuple(systems)
        )
    results = read_results(config)
    if not results.records:
        raise CrosszeroError(
            f"{folder}: no record there belongs to the suite as it is now; run it first"
        )
    order = list(config.systems)
    systems = []
    for name in order:
        found = {seed: find_runs(config, name, seed) for seed in config.seeds}
        trainings = {seed: runs[0] for seed, runs in found.items() if runs}
        first = trainings.get(config.seeds[0])
        encoder = str(first) if first else None
        if not config.has_seeds(name):
            encoder = config.encoder_of(name)
        aligner = config.systems[name].aligner
        systems.append(System(name=name, encoder=encoder, aligner=aligner, trainings=trainings))
    return Runs(
        title=config.name,
        folder=folder,
        records=tuple(sorted(results.records, key=lambda record: order.index(record.system))),
        systems=tuple(systems),
        planned=len(list(list_plans(config))),
        data=_path(config.data),
        alignment=_path(config.alignment),
        held_out=_path(config.held_out),
        pairs=tuple(config.alignment_pairs) if config.alignment_pairs else None,
        languages=tuple(config.languages) if config.languages else None,
        max_length=config.max_length,
        notes=results.notes,
    )


def _find_all(folder: Path, system: str, records: list[Record]) -> dict[int, Path]:
    known = sorted({record.seed for record in records})
    found = {seed: find_trainings(folder, system, seed) for seed in known}
    return {seed: runs[0] for seed, runs in found.items() if runs}


def _read_evaluation(folder: Path) -> Runs:
    scores = _read_json(folder / "scores.json")
    setup = _read_json(folder / SETUP) if (folder / SETUP).is_file() else {}
    try:
        rows = tuple(map(read_score, scores["scores"]))
        encoder = setup.get("encoder")
        name = Path(encoder).name if encoder else folder.resolve().name
        languages = setup.get("languages")
        data = _path(setup.get("data"))
        record = Record(
            system=name, task="all", seed=setup.get("seed", 1), scores=rows, key="", data_hash="",
            date="", seconds=0.0, peak_memory=0.0, versions={}, machine="", commit="",
        )  # fmt: skip
        return Runs(
            title=f"evaluation of {name}",
            folder=folder,
            records=(record,),
            systems=(System(name=name, encoder=encoder),),
            data=data,
            alignment=_path(setup.get("alignment")) or data,
            held_out=_path(setup.get("held_out")) or data,
            pairs=tuple(pairs) if (pairs := setup.get("pairs")) else None,
            languages=tuple(languages) if languages else None,
            max_length=setup.get("max_length"),
        )
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise CrosszeroError(
            f"{folder}: scores.json or {SETUP} is damaged; evaluate again"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CrosszeroError(f"{path}: can't be read; evaluate again") from error
    if not isinstance(content, dict):
        raise CrosszeroError(f"{path}: a JSON object is needed; evaluate again")
    return content


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None

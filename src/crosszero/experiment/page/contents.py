"""The page of a suite or of an evaluation: ``crosszero report RUNS``."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.cache import hash_encoder
from crosszero.experiment.overview.runs import Runs, System, read_runs
from crosszero.experiment.page.result_tables import (
    show_alignments,
    show_maps,
    show_results,
    show_training,
)
from crosszero.experiment.records import describe_versions
from crosszero.experiment.report.blocks import Origin, Section
from crosszero.experiment.report.document import has_plotly, render_page
from crosszero.files import atomic_file

T = TypeVar("T")


class Encoders:
    """The different encoders of the systems, and what could not be shown of them.

    Systems that only differ in how they are fine-tuned have one encoder, which is run once.

    Args:
        systems: of the runs.
    """

    def __init__(self, systems: tuple[System, ...]) -> None:
        self.notes: list[str] = []
        self.named: dict[str, str] = {}
        names: dict[str, list[str]] = {}
        for system in systems:
            if system.aligner is not None:
                continue
            if system.encoder is None:
                self.notes.append(
                    f"{system.name}: its encoder is not known here, or not trained yet"
                )
                continue
            identity = hash_encoder(system.encoder)
            names.setdefault(identity, []).append(system.name)
            self.named.setdefault(identity, system.encoder)
        self.named = {", ".join(names[key]): encoder for key, encoder in self.named.items()}

    def run(self, work: Callable[[str], T]) -> dict[str, T]:
        """Do something with each encoder; one that can't be used is noted, once."""
        found = {}
        for name, encoder in list(self.named.items()):
            try:
                found[name] = work(encoder)
            except MissingExtraError:
                raise
            except CrosszeroError as error:
                self.notes.append(f"{name}: {error}")
        return found


def write_overview(
    path: str | Path, *, out: Path | None = None, hover: bool | None = None, seed: int = 1
) -> tuple[Path, list[str]]:
    """Make the page.

    Args:
        path: folder of a suite or of an evaluation, or the suite's YAML file.
        out: the page; none: ``report.html`` in the folder.
        hover: whether points of the maps say what they are, which takes plotly; none: if it is
            installed.
        seed: of the draw of examples and of the maps.

    Returns:
        The page, and sentences about what it could not show.

    Raises:
        CrosszeroError: there are no results, or they can't be read.
        MissingExtraError: matplotlib or scikit-learn is not installed, or plotly is asked for.

    Example:
        >>> write_overview("runs/suite")                            # doctest: +SKIP
        (PosixPath('runs/suite/report.html'), [])
    """
    if hover and not has_plotly():
        raise MissingExtraError("plotly", "plotly", "maps with hover texts")
    runs = read_runs(path)
    encoders = Encoders(runs.systems)
    sections = [
        *show_results(runs),
        show_training(runs),
        show_alignments(runs, encoders.run, seed=seed),
        show_maps(runs, encoders.run, seed=seed, hover=has_plotly() if hover is None else hover),
    ]
    notes = list(dict.fromkeys(encoders.notes))
    options = ["--out", str(out)] if out else []
    command = shlex.join(["crosszero", "report", str(path), *options])
    text = render_page(
        f"crosszero: {runs.title}",
        [
            *_summarise(runs),
            *(f"{note}." for note in runs.notes),
            *(f"Not shown: {note}." for note in notes),
        ],
        [*sections, Section("How this was made", [_describe_origin(runs, command, seed)])],
    )
    page = out or runs.folder / "report.html"
    with atomic_file(page) as file:
        file.write(text)
    return page, notes


def _summarise(runs: Runs) -> list[str]:
    tasks = len({score.task for record in runs.records for score in record.scores})
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in runs.records}))
    systems = len({record.system for record in runs.records})
    sentence = (
        f"{systems} {'system' if systems == 1 else 'systems'}, {tasks} "
        f"{'task' if tasks == 1 else 'tasks'}, {'seeds' if ',' in seeds else 'seed'} {seeds}."
    )
    if runs.planned is not None and len(runs.records) < runs.planned:
        sentence += f" {len(runs.records)} of {runs.planned} measurements are done."
    return [sentence]


def _describe_origin(runs: Runs, command: str, seed: int) -> Origin:
    records = [record for record in runs.records if record.date]
    dates = sorted(record.date[:10] for record in records)
    facts = {
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Seeds": ", ".join(str(seed) for seed in sorted({record.seed for record in runs.records})),
        "Draws of this page": f"seed {seed}",
    }
    if records:
        facts |= {
            "Measured": dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
            "Measuring took": f"{sum(record.seconds for record in records) / 60:.1f} minutes, "
            "trainings not counted",
            "Peak memory": f"{max(record.peak_memory for record in records):.0f} MB",
            "Machine": "; ".join(sorted({record.machine for record in records})),
            "Commit": ", ".join(sorted({record.commit for record in records} - {""})),
        }
    versions = records[-1].versions if records else describe_versions()
    facts["Versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Origin(command=command, facts=facts)

"""The commands that measure encoders: one of them, or a whole suite."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from crosszero.experiment.records import Record
    from crosszero.experiment.report.tables import Table
    from crosszero.experiment.settings import SuiteConfig

_Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def evaluate(
    encoder: str,
    /,
    *,
    data: Path,
    alignment: Path | None = None,
    held_out: Path | None = None,
    tasks: _Names = None,
    languages: _Names = None,
    pairs: _Names = None,
    out: Path = Path("evaluation"),
    layers: Literal["all"] | None = None,
    max_length: int | None = None,
    margin: Literal["ratio", "distance", "absolute"] = "ratio",
    layer: int | None = None,
    seed: int = 1,
    settings: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)] = None,
) -> None:
    """Measure an encoder on XTREME's tasks, word alignment and word retrieval.

    Example: crosszero evaluate runs/one --data xtreme --tasks tatoeba bucc2018

    Parameters
    ----------
    encoder
        crosszero-mini, a folder or a hub id.
    data
        Folder in XTREME's layout with gold in labels/; word-alignment/ and word-retrieval/ too.
    alignment
        Folder that holds word-alignment/, if the data folder does not.
    held_out
        Store of samples that word-retrieval asks, or folder that holds it by that name.
    tasks
        'all', or which of tatoeba, bucc2018, xnli, pawsx, udpos, panx, word-alignment,
        word-retrieval; by default all whose data are there.
    languages
        Which; by default all that a task has.
    pairs
        Which of word-alignment: --pairs en-fr. de-en:1 says that a gold file counts words from 1,
        where it does not show it.
    out
        Folder for predictions, fine-tuned models and scores.json.
    layers
        'all' also measures word alignment layer by layer.
    max_length
        Tokens of a text in the tasks without fine-tuning; by default as many as the encoder takes.
    margin
        Of bucc2018.
    layer
        Hidden layer, from 1, that those tasks read (XTREME: 8 of mBERT's 12); by default the mean
        of the first and the last, as in training.
    seed
        Of fine-tuning.
    settings
        Change settings of fine-tuning: --set xnli.epochs=2 udpos.steps=500.
    """
    from crosszero.config import parse_yaml
    from crosszero.errors import ConfigError
    from crosszero.experiment.evaluation import (
        Bench,
        choose_tasks,
        measure_task,
        settings_of,
        write_setup,
    )
    from crosszero.experiment.records import write_scores
    from crosszero.experiment.report.tables import render_text
    from crosszero.experiment.settings import TASKS
    from crosszero.experiment.tables import make_scores
    from crosszero.tasks.catalogue import find_task
    from crosszero.tasks.task import Score

    changes: dict[str, dict[str, object]] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        task, dot, key = name.partition(".")
        if not equals or not dot:
            raise ConfigError(f"--set {setting}: TASK.NAME=VALUE is needed, as in xnli.epochs=2")
        changes.setdefault(task, {})[key] = parse_yaml(value, f"--set {name}")
    bench = Bench(
        data=data,
        out=out,
        alignment=alignment,
        held_out=held_out,
        languages=languages,
        layers=layers,
        fine_tune=changes,
        max_length=max_length,
        margin=margin,
        layer=layer,
        seed=seed,
    )
    chosen = choose_tasks(tasks or [task for task in TASKS if bench.locate(task).is_dir()])
    if not chosen:
        raise ConfigError(f"{data}: holds no folder of a task ({', '.join(TASKS)})")
    own = {"alignment": pairs, "held_out": None}
    settings_ = {task: find_task(task).data_setting for task in chosen}
    if languages and own.keys() >= set(settings_.values()):
        raise ConfigError(f"languages: {', '.join(chosen)} have pairs of languages; use --pairs")
    benches = {
        task: dataclasses.replace(bench, languages=own.get(settings_[task], languages))
        for task in chosen
    }
    for task in changes:
        settings_of(task, bench)
    for task, one in benches.items():  # before hours are spent on the first
        find_task(task).check(one.folder(task), one.languages)
    write_setup(encoder, bench, pairs)
    scores: list[Score] = []
    for task, one in benches.items():
        scores += measure_task(encoder, task, one)
        write_scores(scores, out / "scores.json")
    sys.stdout.write(render_text(make_scores(scores, f"{encoder}, seed {seed}")) + "\n")
    sys.stdout.write(f"scores: {out / 'scores.json'}\n")


def suite(recipe: Path, /, *, out: Path | None = None, jobs: int | None = None) -> None:
    """Train and measure all systems and seeds of a suite; what is done is kept.

    Parameters
    ----------
    recipe
        A YAML file; see recipes/suite.yaml.
    out
        Folder for encoders, predictions, records and tables, instead of the recipe's.
    jobs
        Systems and seeds to train and measure at a time, instead of the recipe's number; each gets
        the cores divided by it as threads.
    """
    from crosszero.experiment.engine import run_suite
    from crosszero.experiment.report.tables import render_markdown, render_text
    from crosszero.experiment.settings import read_suite
    from crosszero.experiment.summary import write_summary
    from crosszero.files import atomic_file

    config = read_suite(recipe)
    if out is not None:
        config = dataclasses.replace(config, out=str(out))
    if jobs is not None:
        config = dataclasses.replace(config, jobs=jobs)
    records = run_suite(config)
    tables = _tables(records, config)
    path = Path(config.out) / "tables.md"
    write_summary(records, path.with_name("summary.json"))
    with atomic_file(path) as file:
        file.write("\n\n".join(map(render_markdown, tables)) + "\n")
    for table in tables:
        sys.stdout.write(render_text(table) + "\n\n")
    sys.stdout.write(f"tables: {path}\nnumbers: {path.with_name('summary.json')}\n")


def report(
    runs: Path, /, *, out: Path | None = None, hover: bool | None = None, seed: int = 1
) -> None:
    """Make one self-contained HTML page of a suite or of an evaluation.

    Encoders are run for the parts about word alignment and the maps; what they give is kept beside.

    Example: crosszero report runs/suite

    Parameters
    ----------
    runs
        Folder of a suite or of an evaluation, or the suite's YAML file.
    out
        The page; by default report.html in the folder.
    hover
        Maps whose points say what they are: 2 MB more. By default where plotly is installed.
    seed
        Of the draw of examples and of the maps.
    """
    from crosszero.experiment.page.contents import write_page

    path, notes = write_page(runs, out=out, hover=hover, seed=seed)
    for note in notes:
        sys.stdout.write(f"not shown: {note}\n")
    sys.stdout.write(f"page: {path} ({path.stat().st_size / 1e6:.1f} MB)\n")


def _tables(records: list[Record], config: SuiteConfig) -> list[Table]:
    from crosszero.experiment.tables import (
        COLUMNS,
        average,
        make_costs,
        make_deviations,
        make_languages,
        make_measured,
        make_published,
    )

    measured = [column for column, metric in COLUMNS.items() if average(records, metric)]
    details = [make_languages(records, column) for column in measured]
    robust = [name for name in config.systems if config.is_robust(name)]
    measured_rows = make_measured(records, config.name, robust=robust)
    deviations, costs = make_deviations(records), make_costs(records)
    spread = [deviations] if deviations else []
    return [measured_rows, *spread, costs, make_published(), *details]

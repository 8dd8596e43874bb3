"""The commands for measuring: evaluate, run, demo, compare, report."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from crosszero.cli.flags import Flat, MeasuredReading, Resamples, Settings
from crosszero.errors import ConfigError
from crosszero.search.margin import Margin

if TYPE_CHECKING:
    from crosszero.experiment.settings import ExperimentConfig


def evaluate(
    *,
    data: Path | None = None,
    alignment: Path | None = None,
    held_out: Path | None = None,
    tasks: list[str] | None = None,
    languages: list[str] | None = None,
    pairs: list[str] | None = None,
    out: Path = Path("evaluation"),
    layers: Literal["all"] | None = None,
    margin: Margin = "ratio",
    seed: int = 1,
    settings: Settings = None,
    reading: Annotated[MeasuredReading, Flat] = MeasuredReading(),  # noqa: B008
) -> None:
    """Measure an encoder on XTREME's tasks, word alignment and word retrieval.

    How texts are read is for the tasks without fine-tuning (XTREME: --layer 8 of mBERT's 12).

    Example: crosszero evaluate --encoder runs/one --data xtreme --tasks tatoeba bucc2018

    Parameters
    ----------
    data
        Folder in XTREME's layout with gold in labels/; may also hold word-alignment/ and
        word-retrieval/.
    alignment
        Folder that holds word-alignment/, if the data folder does not or none is given.
    held_out
        Store written by 'prepare --hold-out N', for word-retrieval and sentence-retrieval, or a
        folder that holds it under the task's name.
    tasks
        'all', or which of tatoeba, bucc2018, xnli, pawsx, udpos, panx, word-alignment,
        word-retrieval, sentence-retrieval, xsim, xsim++, xsim-negatives; by default all whose data
        is there. xnli-mixed and pawsx-mixed are measured only where they are named.
    languages
        Languages to test; by default all that a task has.
    pairs
        Language pairs of word-alignment: --pairs en-fr. de-en:1 says that a gold file counts words
        from 1, if the file itself does not show it.
    out
        Folder for predictions, fine-tuned models and scores.json. It is for one encoder: another
        one removes the predictions and records of the first.
    layers
        'all' also measures word alignment layer by layer.
    margin
        Margin of bucc2018 and of the xsim tasks.
    seed
        Seed of fine-tuning.
    settings
        Change settings of fine-tuning: --set xnli.epochs=2 udpos.steps=500.
    """
    from crosszero.experiment.evaluation import evaluate as measure
    from crosszero.experiment.yaml_text import parse_yaml
    from crosszero.files import check_output

    given = [path for path in (data, alignment, held_out) if path]
    check_output(out, inputs=[*given, *reading.folder], folder=True)
    changes: dict[str, dict[str, object]] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        task, dot, key = name.partition(".")
        if not equals or not dot:
            raise ConfigError(f"--set {setting}: write TASK.NAME=VALUE, such as xnli.epochs=2")
        own = changes.setdefault(task, {})
        if key in own:
            raise ConfigError(f"--set {name}: given twice; give it once")
        own[key] = parse_yaml(value, f"--set {name}")
    scores = measure(
        reading.encoder, tasks=tasks, data=data, alignment=alignment, held_out=held_out,
        languages=languages, pairs=pairs, out=out, layers=layers, margin=margin, seed=seed,
        fine_tune=changes, **reading.list_options(),
    )  # fmt: skip
    sys.stdout.write(f"{scores}\nscores: {out / 'scores.json'}\n")


def run(recipe: Path, /, *, settings: Settings = None) -> None:
    """Run a recipe: prepare, train, measure, and make the tables and the page.

    Finished work is kept: a step whose inputs have not changed is skipped, and an interrupted
    training continues.

    Parameters
    ----------
    recipe
        A YAML file; see recipes/.
    settings
        Change single settings: --set train.steps=100 out=elsewhere jobs=2.
    """
    from crosszero.experiment.recipes import check_recipe, read_experiment

    config = read_experiment(recipe, settings or [])
    check_recipe(recipe, config)
    _run(config, " ".join(["crosszero run", str(recipe), *(f"--set {s}" for s in settings or [])]))


def demo(*, out: Path = Path("demo"), quick: bool = False) -> None:
    """Post-train crosszero-mini on a package's interface strings, in minutes.

    Needs the extra 'demo': pip install 'crosszero[demo]'.

    Parameters
    ----------
    out
        Folder for all results.
    quick
        Only a few steps, to check that everything works; the numbers mean little.
    """
    from crosszero.experiment.recipes import locate_recipe, read_experiment

    small = ["train.steps=6", "prepare.hold_out=50", "train.batch_size=8"] if quick else []
    config = dataclasses.replace(read_experiment(locate_recipe("demo"), small), out=str(out))
    _run(config, f"crosszero demo --out {out}{' --quick' if quick else ''}")


def _run(config: ExperimentConfig, command: str) -> None:
    from crosszero.experiment.engine import run_experiment
    from crosszero.experiment.result_tables import make_tables
    from crosszero.experiment.table import render_text

    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigError(
            "a recipe runs in one process; to train with several, run 'crosszero prepare' and "
            "then start 'crosszero train' with torchrun"
        )
    results = run_experiment(config, command=command)
    for table in make_tables(results):
        sys.stdout.write(render_text(table) + "\n\n")
    sys.stdout.write(f"tables: {results.folder / 'tables.md'}\n")
    sys.stdout.write(f"numbers: {results.folder / 'summary.json'}\n")
    if config.page:
        sys.stdout.write(f"page: {results.folder / 'report.html'}\n")
    if config.is_plain:
        sys.stdout.write(f"encoder: {results.systems[-1].encoder}\n")


def compare(
    where: Path,
    first: str,
    second: str,
    /,
    *,
    tasks: list[str] | None = None,
    languages: list[str] | None = None,
    resamples: Resamples = 10_000,
    out: Path | None = None,
) -> None:
    """Compare two systems on the same items, with bootstrap intervals.

    Examples: crosszero compare recipes/suite.yaml CZ-snt ML-CTL-CZ

    crosszero compare xtreme one/predictions other/predictions --tasks udpos

    Parameters
    ----------
    where
        A recipe, or a folder in XTREME's layout with gold in labels/.
    first
        System A: its name in the recipe, or a folder of predictions.
    second
        System B, given in the same way.
    tasks
        Tasks; by default all that both systems have finished.
    languages
        Languages; by default all that both systems have predictions for.
    out
        Also write the tables to this Markdown file.
    """
    from crosszero.experiment.comparison import compare as compare_pair
    from crosszero.experiment.comparison import pair_folders, pair_systems
    from crosszero.experiment.recipes import read_experiment
    from crosszero.experiment.table import render_markdown, render_text
    from crosszero.files import atomic_file, check_output

    if out is not None:
        check_output(out, inputs=[where, first, second])
    if where.is_dir():
        found = pair_folders(where, Path(first), Path(second))
    else:
        found = pair_systems(read_experiment(where), first, second)
    for task in tasks or ():
        if task not in found:
            raise ConfigError(
                f"{task}: not a task that both have finished; they have: {', '.join(found)}"
            )
    chosen = dict.fromkeys(tasks or found)
    tables = [compare_pair(found[task], languages, resamples=resamples) for task in chosen]
    if out is not None:
        with atomic_file(out) as file:
            file.write("\n\n".join(map(render_markdown, tables)) + "\n")
    for table in tables:
        sys.stdout.write(render_text(table) + "\n\n")


def report(
    results: Path, /, *, out: Path | None = None, hover: bool | None = None, seed: int = 1
) -> None:
    """Make one self-contained HTML page of an experiment or of an evaluation.

    The sections on word alignment and the maps run the encoders; what they compute is kept beside
    the results.

    Example: crosszero report runs/suite

    Parameters
    ----------
    results
        Folder of an experiment or of an evaluation, or the experiment's recipe.
    out
        The page; by default report.html in the folder.
    hover
        Maps with hover text, 2 MB more. By default if plotly is installed.
    seed
        Seed of the drawn examples and of the maps.
    """
    from crosszero.config import require_seed
    from crosszero.experiment.page.contents import write_page
    from crosszero.files import check_output

    require_seed(seed)
    if out is not None:
        inside = [path for path in results.glob("*") if path.suffix != ".html"]
        check_output(out, inputs=[results, *inside] if results.is_file() else inside)
    path, notes = write_page(results, out=out, hover=hover, seed=seed)
    for note in notes:
        sys.stdout.write(f"not shown: {note}\n")
    sys.stdout.write(f"page: {path} ({path.stat().st_size / 1e6:.1f} MB)\n")

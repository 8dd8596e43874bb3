"""The commands that measure one encoder, and that gather what was measured on a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

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
    from crosszero.experiment.evaluation import evaluate as measure

    changes: dict[str, dict[str, object]] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        task, dot, key = name.partition(".")
        if not equals or not dot:
            raise ConfigError(f"--set {setting}: TASK.NAME=VALUE is needed, as in xnli.epochs=2")
        changes.setdefault(task, {})[key] = parse_yaml(value, f"--set {name}")
    scores = measure(
        encoder, tasks=tasks, data=data, alignment=alignment, held_out=held_out,
        languages=languages, pairs=pairs, out=out, layers=layers, max_length=max_length,
        margin=margin, layer=layer, seed=seed, fine_tune=changes,
    )  # fmt: skip
    sys.stdout.write(f"{scores}\nscores: {out / 'scores.json'}\n")


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

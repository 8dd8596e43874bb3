"""Runs that differ in one setting, side by side, on held-out lines only.

    python -m research.choices runs/identity-head runs/random-head --out runs/choices.md

Test sets are left out even where they were measured: settings are not chosen on them.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosszero.experiment.table import Table, render_markdown
from crosszero.files import atomic_file
from crosszero.training.train_config import read_settings

_PLACES = ("seed", "out")
_MEASURES = {
    "held-out sentences": "sentence-retrieval/text-accuracy",
    "held-out words": "word-retrieval/accuracy",
}


def find_differences(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the settings in which runs differ, in the order of the first."""
    names = dict.fromkeys(name for one in settings for name in one)
    return [
        name
        for name in names
        if name not in _PLACES and len({json.dumps(one.get(name)) for one in settings}) > 1
    ]


def compare_runs(runs: Sequence[Path]) -> Table:
    """A row for each run: what it differs in, and its held-out accuracies.

    Raises:
        ValueError: the runs have other encoders or samples, so that they can't be compared.
    """
    settings = [read_settings(run / "run") for run in runs]
    differences = find_differences(settings)
    if mixed := {"encoder", "samples"}.intersection(differences):
        raise ValueError(f"the runs differ in {', '.join(sorted(mixed))}")
    rows: list[tuple[str | float, ...]] = []
    for run, setting in zip(runs, settings, strict=True):
        numbers = json.loads((run / "summary.json").read_text())["after"]
        means = [100 * numbers[measure]["mean"]["mean"] for measure in _MEASURES.values()]
        rows.append((*(str(setting.get(name)) for name in differences), *means))
    return Table(
        title="Held-out lines, mean over language pairs and directions, per cent",
        columns=(*differences, *_MEASURES),
        rows=tuple(rows),
    )


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of crosszero run")
    parser.add_argument("--out", type=Path, default=Path("runs/choices.md"))
    arguments = parser.parse_args()
    table = render_markdown(compare_runs(arguments.runs))
    command = " ".join(map(str, arguments.runs))
    with atomic_file(arguments.out) as file:
        file.write(
            f"Made by `python -m research.choices {command}` on "
            f"{datetime.date.today().isoformat()}.\n\n{table}\n"
        )


if __name__ == "__main__":
    main()

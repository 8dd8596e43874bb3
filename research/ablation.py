"""Four systems, three seeds, one table: makes docs/results.md.

    python -m research.ablation --data DATA --out runs/ablation

Trains info-snt, CZ-snt, ML-CTL-info and ML-CTL-CZ from crosszero-mini on the same samples and
measures Tatoeba, NTREX-128 and word alignment before and after. What is done is not done again, so
that the command can be stopped and started; a training goes on from its last checkpoint. Trainings
run side by side with one thread each, which wastes less of a few cores than threads that wait for
each other.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import logging
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from crosszero.config import build, read_yaml
from crosszero.experiment.recipe.chain import run_recipe
from crosszero.experiment.recipe.config import RecipeConfig, locate_recipe
from crosszero.experiment.recipe.scores import (
    AER,
    HELD_OUT_SENTENCES,
    HELD_OUT_WORDS,
    TATOEBA,
    Score,
)
from crosszero.experiment.report.tables import Table, render_markdown
from crosszero.experiment.tables import summarise
from crosszero.files import atomic_file
from research.baseline import align_statistically

SYSTEMS = {
    "info-snt": ("info-nce", "sentence"),
    "CZ-snt": ("cz-nce", "sentence"),
    "ML-CTL-info": ("info-nce", "multi"),
    "ML-CTL-CZ": ("cz-nce", "multi"),
}
NTREX = "ntrex128 sentence retrieval, accuracy by text"
COLUMNS = {
    "held-out sentences": HELD_OUT_SENTENCES,
    "held-out words": HELD_OUT_WORDS,
    "Tatoeba": TATOEBA,
    "NTREX-128": NTREX,
    "AER": AER,
}
RETRIEVAL = (TATOEBA, NTREX)


def read_ablation(data: Path, out: Path) -> RecipeConfig:
    """The recipe with its placeholder filled in."""
    text = json.dumps(read_yaml(locate_recipe("ablation"))).replace("DATA/", f"{data}/")
    recipe = build(RecipeConfig, json.loads(text), where="ablation.yaml")
    return dataclasses.replace(recipe, out=str(out), page=False)


def run_system(recipe: RecipeConfig, out: Path, system: str, seed: int) -> Path:
    """Train and measure one system; samples and the start's numbers are made once and shared."""
    loss, level = SYSTEMS[system]
    folder = out / f"{system}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "held-out", "before.json"):
        link = folder / name
        if not link.exists():
            link.symlink_to((out / name).resolve())
    (folder / ".stamps").mkdir(exist_ok=True)
    for step in ("prepare", "baseline"):
        stamp = (out / ".stamps" / f"{step}.json").read_text()
        (folder / ".stamps" / f"{step}.json").write_text(stamp)
    train = dataclasses.replace(recipe.train, loss=loss, level=level, seed=seed)
    logging.getLogger("crosszero").info("%s, seed %d", system, seed)
    return run_recipe(dataclasses.replace(recipe, out=str(folder), train=train)).scores


def collect(out: Path, seeds: Sequence[int]) -> dict[str, list[list[Score]]]:
    """For each system the scores of all seeds; ``before`` has one list."""
    found: dict[str, list[list[Score]]] = {}
    for system in SYSTEMS:
        for seed in seeds:
            content = json.loads((out / f"{system}-{seed}" / "scores.json").read_text())
            found.setdefault("before", [[Score(**row) for row in content["before"]]])
            found.setdefault(system, []).append([Score(**row) for row in content["after"]])
    return found


def average(run: Sequence[Score], measure: str) -> float:
    """Mean of a measure over language pairs and directions, per cent."""
    values = [score.value for score in run if score.measure == measure]
    return 100 * sum(values) / len(values)


def make_overview(found: dict[str, list[list[Score]]], statistical: Sequence[float]) -> Table:
    """A row for each system, a column for each measure, mean and 95 % interval over seeds."""
    begun = sum(average(found["before"][0], measure) for measure in RETRIEVAL)
    rows = []
    for system, runs in found.items():
        cells = [summarise([average(run, measure) for run in runs]) for measure in COLUMNS.values()]
        times = [sum(average(run, measure) for measure in RETRIEVAL) / begun for run in runs]
        name = "crosszero-mini" if system == "before" else system
        rows.append((name, *cells, summarise(times)))
    alone = 100 * sum(statistical) / len(statistical)
    rows.append(("statistical (eflomal)", None, None, None, None, alone, None))
    return Table(
        title="Mean over language pairs and directions, per cent",
        columns=("system", *COLUMNS, "times the start"),
        rows=tuple(rows),
        note="Mean and half-width of the 95 % interval (Student t) over the seeds. AER: lower is "
        "better. Times the start: mean of Tatoeba and NTREX-128, divided by crosszero-mini's.",
    )


def make_details(
    found: dict[str, list[list[Score]]], measure: str, statistical: Sequence[float]
) -> Table:
    """A row for each language pair and direction of one measure."""
    keys = [(s.source, s.target) for s in found["before"][0] if s.measure == measure]
    rows = []
    for number, (source, target) in enumerate(keys):
        cells = []
        for runs in found.values():
            values = [
                100 * s.value
                for run in runs
                for s in run
                if (s.measure, s.source, s.target) == (measure, source, target)
            ]
            cells.append(summarise(values))
        if measure == AER:
            cells.append(100 * statistical[number])
        rows.append((f"{source} to {target}", *cells))
    return Table(
        title=measure[0].upper() + measure[1:],
        columns=("pair", "crosszero-mini", *SYSTEMS, *(["eflomal"] if measure == AER else [])),
        rows=tuple(rows),
    )


def start_log() -> None:
    """Say on standard error what is being done, in every process."""
    form = "%(asctime)s %(process)d %(message)s"
    logging.basicConfig(level=logging.WARNING, format=form)
    logging.getLogger("crosszero").setLevel(logging.INFO)


def main() -> None:
    """Run everything that is missing and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with bitext/ and the rest")
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and tables")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings side by side")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    start_log()
    recipe = read_ablation(arguments.data, arguments.out)
    run_recipe(recipe, steps=("prepare", "baseline"))
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes that start now
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.jobs, mp_context=spawn, initializer=start_log) as pool:
        waiting = [
            pool.submit(run_system, recipe, arguments.out, system, seed)
            for seed in arguments.seeds
            for system in SYSTEMS
        ]
        for run in waiting:
            run.result()
    found = collect(arguments.out, arguments.seeds)
    statistical = align_statistically(recipe, arguments.out)
    tables = [make_overview(found, statistical)]
    tables += [make_details(found, measure, statistical) for measure in COLUMNS.values()]
    hours = sum(
        json.loads(line)["seconds"] / 3600
        for path in arguments.out.glob("*/run/metrics.jsonl")
        for line in path.read_text().splitlines()
    )
    text = "\n\n".join(render_markdown(table) for table in tables)
    with atomic_file(arguments.out / "tables.md") as file:
        file.write(
            f"Made by `python -m research.ablation --data DATA --out {arguments.out} --seeds "
            f"{' '.join(map(str, arguments.seeds))}` on {datetime.date.today().isoformat()}; the "
            f"trainings took {hours:.1f} hours of one core.\n\n{text}\n"
        )


if __name__ == "__main__":
    main()

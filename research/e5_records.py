"""The records of the recipes of E5 in one small file.

    python -m research.e5_records /dev/shm/e5/runs --seeds 1 --out research/e5-results.json

Of the run folders ``e5``, ``e5-robust``, ``e5-aligner`` and ``e5-ablation`` (rows of e5-aligner,
small): the main metric of each record, comparisons on the same test sentences (``crosszero
compare``), how losses went. What the file holds of a run folder that is not there stays. The seeds
are those that all systems have; records of further ones are kept, too.
:mod:`research.e5_clusters` adds what it measures. :mod:`research.e5_pages` makes pages of the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosszero.errors import ConfigError
from crosszero.experiment.comparison import compare, pair_systems
from crosszero.experiment.records import Record
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.files import atomic_file
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.score import Score
from research.claims.curves import follow_loss

START, START_FIRST_LAST = "e5-small-q4", "e5-first-last"
RUNS = ("e5", "e5-robust", "e5-aligner", "e5-ablation")
PAPER = ("info-snt", "CZ-snt", "ML-CTL-info", "ML-CTL-CZ")
SYSTEMS = (START, *PAPER, "split")
OWN_POOLING = {START: START, "split": "split"} | {name: f"{name}-last" for name in PAPER}
"""The row of recipes/e5.yaml where a system's sentences are read as its folder says."""
FIRST_LAST = {START: START_FIRST_LAST} | {name: name for name in PAPER}
"""The row where they are read as the paper does."""
QUESTIONS = {name: (START, name) for name in SYSTEMS[1:]} | {
    "CZ-NCE instead of InfoNCE, sentences": ("info-snt", "CZ-snt"),
    "CZ-NCE instead of InfoNCE, sentences and words": ("ML-CTL-info", "ML-CTL-CZ"),
    "words, too, InfoNCE": ("info-snt", "ML-CTL-info"),
    "words, too, CZ-NCE": ("CZ-snt", "ML-CTL-CZ"),
    "words and CZ-NCE": ("info-snt", "ML-CTL-CZ"),
}
ROBUST = (
    (START, "longer"),
    (START, "unfrozen"),
    (START, "synonyms"),
    ("longer", "synonyms"),
    (START, "EAR"),
    ("longer", "EAR"),
    ("unfrozen", "EAR"),
    (START, "ML-CTL-CZ"),
    ("ML-CTL-CZ", "ML-CTL-CZ+longer"),
    ("longer", "ML-CTL-CZ+longer"),
    ("ML-CTL-CZ", "ML-CTL-CZ+unfrozen"),
    ("ML-CTL-CZ", "ML-CTL-CZ+synonyms"),
    ("ML-CTL-CZ+longer", "ML-CTL-CZ+synonyms"),
    ("ML-CTL-CZ+longer", "ML-CTL-CZ+EAR"),
    ("EAR", "ML-CTL-CZ+EAR"),
    ("ML-CTL-CZ+unfrozen", "ML-CTL-CZ+EAR"),
)
"""Rows of recipes/e5-robust.yaml that are compared, and what is to be better behind."""
_KEPT = ("system", "task", "seed", "date", "seconds", "machine", "commit", "key")


def collect(
    runs: Path, seeds: Sequence[int], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give what pages need of the records in the run folders, as JSON can hold it.

    `before` is what an earlier call gave.
    """
    found: dict[str, Any] = {**(before or {}), "seeds": list(seeds), "experiments": {}}
    for name in RUNS:
        if not (runs / name).is_dir():
            if before and name in before["experiments"]:
                found["experiments"][name] = before["experiments"][name]
            continue
        results = read_results(runs / name)
        assert results.config is not None
        config = replace(results.config, seeds=list(seeds))
        found["experiments"][name] = {
            "title": results.title,
            "planned": results.planned,
            "records": [shrink(record) for record in results.records],
            "comparisons": list(compare_systems(config)),
            "losses": [[system, *follow_losses(runs / name, system)] for system in config.systems],
        }
    return found


def follow_losses(run: Path, system: str) -> list[Any]:
    """Seeds of a system's finished trainings, and how their losses went together."""
    folders = sorted(run.glob(f"encoders/{system}-[0-9]-*/crosszero.json"))
    seeds = [int(path.parent.name.rsplit("-", 2)[1]) for path in folders]
    course = follow_loss([path.parent for path in folders]) if folders else ()
    return [seeds, *(round(value, 4) for value in course)]


def shrink(record: Record) -> dict[str, Any]:
    """Keep a record's main metric, and where it comes from."""
    metric = find_task(record.task).metric
    found = {s.language: [round(s.value, 7), s.count] for s in record.scores if s.metric == metric}
    return {name: getattr(record, name) for name in _KEPT} | {"scores": found}


def restore(row: Mapping[str, Any]) -> Record:
    """Make a record again of what was kept of it."""
    task = find_task(row["task"])
    scores = (
        Score(task=task.name, metric=task.metric, language=language, value=value, count=count)
        for language, (value, count) in row["scores"].items()
    )
    return Record(**{**row, "scores": tuple(scores)})


def compare_systems(config: ExperimentConfig) -> Iterator[list[Any]]:
    """Compare pairs of systems in each task that both have finished.

    Yields:
        Names of both, task, languages (all, or English and others), and in points the second's
        mean minus the first's, with its 95 % interval over sentences.
    """
    pairs = [(START, name) for name in config.systems if name not in FIRST_LAST.values()]
    pairs += [pair for pair in ROBUST if {*pair} <= config.systems.keys()]
    questions = [question for question in QUESTIONS.values() if question[1] in config.systems]
    for rows in (OWN_POOLING, FIRST_LAST, {name: name for name in SYSTEMS}):
        pairs += [(rows[a], rows[b]) for a, b in questions if a in rows and b in rows]
    for first, second in dict.fromkeys(pairs):
        try:
            found = pair_systems(config, first, second) if first != second else {}
        except ConfigError:  # no task that both have finished
            continue
        for task, pair in found.items():
            table = compare(pair)
            codes = [str(row[0]) for row in table.rows[:-1]]
            tables = {"all": table}
            if "en" in codes:
                tables["English"] = compare(pair, ["en"])
                tables["others"] = compare(pair, [code for code in codes if code != "en"])
            for part, one in tables.items():
                numbers = [round(float(str(value)), 4) for value in one.rows[-1][3:6]]
                yield [first, second, task, part, *numbers]


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder with the run folders")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="that all systems have")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    before = json.loads(options.out.read_text("utf-8")) if options.out.exists() else None
    found = collect(options.runs, options.seeds, before)
    write_records(found, options.out)


def write_records(found: Mapping[str, Any], path: Path) -> None:
    """Write the file: a line for each record."""
    text = json.dumps(found, separators=(",", ":"))
    with atomic_file(path) as file:
        file.write(text.replace('{"system"', '\n{"system"') + "\n")


if __name__ == "__main__":
    main()

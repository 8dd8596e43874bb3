"""The records of recipes/e5.yaml and recipes/e5-aligner.yaml in one small file, and pages from it.

    python -m research.e5_results collect /dev/shm/e5/runs --seeds 1 --out research/e5-results.json
    python -m research.e5_results fill research/e5-results.json

`collect` reads both run folders (``e5`` and ``e5-aligner``), and compares each system with the
untrained encoder on the same test sentences (``crosszero compare``). The seeds are those that all
systems have; further ones of the untrained encoder are kept, too. `fill` puts tables into
docs/results-e5.md and docs/alignment.md, between the marks that name them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from crosszero.errors import ConfigError
from crosszero.experiment.comparison import compare, pair_systems
from crosszero.experiment.records import Record
from crosszero.experiment.result_tables import make_languages, summarise
from crosszero.experiment.results import Results, read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.table import Cell, Table, render_markdown
from crosszero.files import atomic_file
from crosszero.tasks.catalogue import find_task
from crosszero.tasks.score import Score
from research.results import fill

START, START_FIRST_LAST = "e5-small-q4", "e5-first-last"
PAPER = ("info-snt", "CZ-snt", "ML-CTL-info", "ML-CTL-CZ")
SYSTEMS = (START, *PAPER, "split")
OWN_POOLING = {START: START, "split": "split"} | {name: f"{name}-last" for name in PAPER}
"""The row of recipes/e5.yaml where a system's sentences are read as its folder says."""
FIRST_LAST = {START: START_FIRST_LAST} | {name: name for name in PAPER}
"""The row where they are read as the paper does."""
_QUESTIONS = {name: (START, name) for name in SYSTEMS[1:]} | {
    "CZ-NCE instead of InfoNCE, sentences": ("info-snt", "CZ-snt"),
    "CZ-NCE instead of InfoNCE, sentences and words": ("ML-CTL-info", "ML-CTL-CZ"),
    "words, too, InfoNCE": ("info-snt", "ML-CTL-info"),
    "words, too, CZ-NCE": ("CZ-snt", "ML-CTL-CZ"),
}
_KEPT = ("system", "task", "seed", "date", "seconds", "machine", "commit", "key")


def collect(runs: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Give what pages need of the records in both run folders, as JSON can hold it."""
    found: dict[str, Any] = {"seeds": list(seeds), "experiments": {}}
    for name in ("e5", "e5-aligner"):
        results = read_results(runs / name)
        assert results.config is not None
        config = replace(results.config, seeds=list(seeds))
        found["experiments"][name] = {
            "title": results.title,
            "planned": results.planned,
            "records": [shrink(record) for record in results.records],
            "comparisons": list(compare_systems(config)),
        }
    return found


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
    questions = [question for question in _QUESTIONS.values() if question[1] in config.systems]
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


class Evidence:
    """What was kept of one experiment."""

    def __init__(self, found: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self.seeds, self.title = seeds, found["title"]
        self.records = [restore(row) for row in found["records"]]
        self.compared = {tuple(row[:4]): row[4:] for row in found["comparisons"]}

    def score(self, system: str, task: str, part: str = "all") -> Cell:
        """The mean over languages: of one seed, or with an interval over seeds."""
        records = [r for r in self.records if (r.system, r.task) == (system, task)]
        return summarise([mean(r, part) for r in records if r.seed in self.seeds])

    def change(self, first: str, second: str, task: str, part: str = "all") -> Cell:
        """How far the second system is from the first, and the interval over sentences."""
        found = self.compared.get((first, second, task, part))
        return None if found is None else "{} [{}, {}]".format(*map(sign, found))

    def languages(self, task: str, systems: Sequence[str], how: str = "") -> Table:
        """A row for each language."""
        kept = [r for s in systems for r in self.records if r.system == s and r.task == task]
        kept = [record for record in kept if record.seed in self.seeds]
        results = Results(title=self.title, folder=Path(), records=tuple(kept), systems=())
        table = make_languages(results, find_task(task))
        return replace(table, title=table.title + how)

    @property
    def source(self) -> str:
        """Where and when the records were made."""
        dates = sorted(record.date[:10] for record in self.records)
        cards = sorted({record.machine.rsplit(", ", 1)[-1] for record in self.records})
        span = " to ".join(dict.fromkeys((dates[0], dates[-1])))
        return f"Seed {', '.join(map(str, self.seeds))}; {' and '.join(cards)}, {span}."


def mean(record: Record, part: str = "all") -> float:
    """The mean over languages in per cent: ``all``, ``English``, ``others``, or their ``gap``."""
    if part == "gap":
        return mean(record, "English") - mean(record, "others")
    kept = [
        s.value for s in record.scores if part == "all" or (s.language == "en") == (part[0] == "E")
    ]
    return 100 * fmean(kept)


def sign(points: float) -> str:
    """A number with its sign; nought has none."""
    text = f"{points:+.1f}"
    return "0.0" if text[1:] == "0.0" else text


def make_answers(e5: Evidence) -> Table:
    """The paper's question: a row for each system."""
    parts = ("English", "others", "gap")
    rows = tuple(
        (
            system,
            *(e5.score(system, "xnli", part) for part in parts),
            e5.score(OWN_POOLING[system], "tatoeba"),
            e5.score(FIRST_LAST.get(system, ""), "tatoeba"),
            e5.score(system, "word-alignment"),
        )
        for system in SYSTEMS
    )
    columns = ("XNLI, English", "other languages", "gap", "Tatoeba, own pooling")
    return Table(
        title="Trained how, good for what?",
        columns=("system", *columns, "Tatoeba, first + last", "AER"),
        rows=rows,
        note="Per cent, mean over languages; AER: lower is better, method hmm, at the layer that "
        f"the run's folder names (7; ML-CTL: 10). {e5.source}",
    )


def make_changes(e5: Evidence) -> Table:
    """What a change of the training changes, sentences read in the same way."""
    own, last = OWN_POOLING, FIRST_LAST
    rows = tuple(
        (
            f"{name} - start" if first == START else name,
            e5.change(first, second, "xnli", "English"),
            e5.change(first, second, "xnli", "others"),
            e5.change(own[first], own[second], "tatoeba"),
            e5.change(last[first], last.get(second, ""), "tatoeba"),
            e5.change(first, second, "word-alignment"),
        )
        for name, (first, second) in _QUESTIONS.items()
    )
    columns = ("XNLI, English", "other languages", "Tatoeba, own pooling", "Tatoeba, first + last")
    return Table(
        title="What each change does",
        columns=("change", *columns, "AER"),
        rows=rows,
        note="Points, with the 95 % interval of a paired bootstrap over test sentences. Another "
        f"seed can move a number further than that. {e5.source}",
    )


def make_start(e5: Evidence) -> Table:
    """What the untrained encoder reaches, by task and seed."""
    records = [record for record in e5.records if record.system == START]
    rows: list[tuple[Cell, ...]] = []
    for record in sorted(records, key=lambda r: (find_task(r.task).rank, r.seed)):
        english = any(score.language == "en" for score in record.scores)
        parts = ("English", "others", "gap") if english else ()
        cells = [*(mean(record, part) for part in parts), *[None] * (3 - len(parts))]
        task = find_task(record.task)
        rows.append((task.title, task.metric, record.seed, *cells, mean(record)))
    return Table(
        title="The untrained encoder, by its own pooling",
        columns=("task", "measure", "seed", "English", "other languages", "gap", "all"),
        rows=tuple(rows),
        note="Per cent. Only fine-tuning depends on the seed.",
    )


def make_training(aligner: Evidence) -> Table:
    """Alignment error of the rows that change one setting of the training."""
    table = aligner.languages("word-alignment", list({r.system: 0 for r in aligner.records}))
    turned = zip(*(row[1:] for row in table.rows), strict=True)
    changes = [aligner.change(START, name, "word-alignment") for name in table.columns[1:]]
    return Table(
        title="Alignment error by training",
        columns=("system", *(str(row[0]) for row in table.rows), "mean minus the start's"),
        rows=tuple(
            (name, *cells, change)
            for name, cells, change in zip(table.columns[1:], turned, changes, strict=True)
        ),
        note="Per cent, method hmm, unit both, layer 7; last column: points, with the 95 % "
        f"interval of a paired bootstrap over test sentences. {aligner.source}",
    )


def write_pages(evidence: Path, folder: Path) -> None:
    """Fill both pages in a folder."""
    found = json.loads(evidence.read_text(encoding="utf-8"))
    e5, aligner = (
        Evidence(found["experiments"][name], found["seeds"]) for name in ("e5", "e5-aligner")
    )
    own = [OWN_POOLING[name] for name in SYSTEMS]
    tables = {
        "results-e5.md": {
            "answers": [make_answers(e5), make_changes(e5)],
            "start": [make_start(e5)],
            "languages": [
                e5.languages("xnli", SYSTEMS),
                e5.languages("tatoeba", own, ", own pooling"),
                e5.languages("tatoeba", list(FIRST_LAST.values()), ", first + last"),
                e5.languages("word-alignment", SYSTEMS),
            ],
        },
        "alignment.md": {
            "training": [make_training(aligner), e5.languages("tatoeba", [START, "split"])]
        },
    }
    for name, parts in tables.items():
        page = (folder / name).read_text(encoding="utf-8")
        for mark, some in parts.items():
            page = fill(page, mark, "\n\n".join(map(render_markdown, some)))
        with atomic_file(folder / name) as file:
            file.write(page)


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect records, or fill pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("collect", help="records to JSON")
    one.add_argument("runs", type=Path, help="folder that holds the run folders e5 and e5-aligner")
    one.add_argument("--seeds", type=int, nargs="+", required=True, help="that all systems have")
    one.add_argument("--out", type=Path, required=True)
    other = commands.add_parser("fill", help="JSON to pages")
    other.add_argument("evidence", type=Path)
    other.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args(arguments)
    if options.command == "fill":
        write_pages(options.evidence, options.docs)
    else:
        found = collect(options.runs, options.seeds)
        with atomic_file(options.out) as file:
            file.write(json.dumps(found, separators=(",", ":")).replace('{"system"', '\n{"system"'))
            file.write("\n")


if __name__ == "__main__":
    main()

"""Tables of docs/results.md and docs/alignment.md from the records of E5.

    python -m research.e5_pages

reads research/e5-results.json (:mod:`research.e5_records`), and writes between the marks that name
the tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from crosszero.experiment.table import Cell, Table, render_markdown
from crosszero.files import atomic_file
from crosszero.tasks.catalogue import find_task
from research.e5_evidence import Evidence, mean
from research.e5_records import (
    AT_LAYER_7,
    FIRST_LAST,
    OWN_POOLING,
    QUESTIONS,
    RUNS,
    START,
    SYSTEMS,
)
from research.results import fill

Column = tuple[str, str, Mapping[str, str]]  # its title, task, and each system's row in the suite
PARTS = ("English", "others", "gap")
SAME = {name: name for name in SYSTEMS}
SENTENCES: Sequence[Column] = (("XNLI", "xnli", SAME), ("PAWS-X", "pawsx", SAME))
WORDS: Sequence[Column] = (("POS", "udpos", SAME), ("NER", "panx", SAME))
READ: Sequence[Column] = (
    ("BUCC, own pooling", "bucc2018", OWN_POOLING),
    ("BUCC, first + last", "bucc2018", FIRST_LAST),
    ("Tatoeba, own pooling", "tatoeba", OWN_POOLING),
    ("Tatoeba, first + last", "tatoeba", FIRST_LAST),
    ("AER", "word-alignment", SAME),
)
ANSWERS = (*SENTENCES, *WORDS, *READ)


def make_answers(e5: Evidence) -> Table:
    """The paper's question: a row for each system, a column for each task."""
    return Table(
        title="Trained how, good for what?",
        columns=("system", *(name for name, *_ in ANSWERS)),
        rows=tuple(
            (system, *(e5.score(rows.get(system, ""), task) for _, task, rows in ANSWERS))
            for system in SYSTEMS
        ),
        note="Per cent, mean over languages; AER: lower is better, method hmm, at the layer that "
        f"the run's folder names (7; ML-CTL: 10). {e5.source}",
    )


def make_transfer(e5: Evidence, columns: Sequence[Column]) -> Table:
    """What fine-tuning on English reaches in English and in the other languages."""
    parts = [(*column, part) for column in columns for part in PARTS]
    rows = (
        (system, *(e5.score(read[system], task, part) for _, task, read, part in parts))
        for system in SYSTEMS
    )
    return Table(
        title=f"From English to other languages: {' and '.join(name for name, *_ in columns)}",
        columns=("system", *(f"{name}, {part}" for name, *_, part in parts)),
        rows=drop_empty(rows),
        note=f"Per cent. {e5.source}",
    )


def make_changes(e5: Evidence, columns: Sequence[Column], parts: Sequence[str]) -> Table:
    """What a change of the training changes, sentences read in the same way."""
    cells = [(*column, part) for column in columns for part in parts]
    rows = (
        (
            f"{name} - start" if first == START else name,
            *(e5.change(read[first], read.get(second, ""), task, p) for _, task, read, p in cells),
        )
        for name, (first, second) in QUESTIONS.items()
    )
    return Table(
        title="What each change does",
        columns=("change", *(name if p == "all" else f"{name}, {p}" for name, *_, p in cells)),
        rows=drop_empty(rows),
        note="Points, with the 95 % interval of a paired bootstrap over test sentences. Another "
        f"seed can move a number further than that. {e5.source}",
    )


def drop_empty(rows: Iterable[tuple[Cell, ...]]) -> tuple[tuple[Cell, ...], ...]:
    """Leave out rows of which nothing was measured."""
    return tuple(row for row in rows if any(cell is not None for cell in row[1:]))


def make_losses(e5: Evidence) -> Table:
    """How far the contrastive loss is from zero, where its gradient fades."""
    rows = []
    for name in SYSTEMS:
        if name in e5.losses:
            seeds, near, below, last, steps = e5.losses[name]
            rows.append((name, ", ".join(map(str, seeds)), steps, 100 * near, 100 * below, last))
    return Table(
        title="Contrastive loss while training",
        columns=(
            "system", "seeds", "steps logged", "within 0.5 of zero", "below zero",
            "mean of the last tenth",
        ),
        rows=tuple(rows),
        formats={"mean of the last tenth": ".2f"},
        note="Per cent of the logged steps (every tenth), all seeds together; nats.",
    )  # fmt: skip


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


def make_training(aligner: Evidence, size: str, layers: str = "7") -> Table:
    """Alignment error and Tatoeba of the rows that change one setting of the training."""
    table = aligner.languages("word-alignment", list({r.system: 0 for r in aligner.records}))
    turned = zip(*(row[1:] for row in table.rows), strict=True)
    rows = [
        (
            name,
            *cells,
            aligner.change(START, name, "word-alignment"),
            aligner.score(name, "tatoeba"),
            aligner.change(START, name, "tatoeba"),
        )
        for name, cells in zip(table.columns[1:], turned, strict=True)
    ]
    columns = ("system", *(str(row[0]) for row in table.rows), "mean - start")
    columns += ("Tatoeba", "Tatoeba - start")
    kept = [n for n in range(len(columns)) if any(row[n] is not None for row in rows)]
    return Table(
        title=f"Alignment error by training: {size}",
        columns=tuple(columns[n] for n in kept),
        rows=tuple(tuple(row[n] for n in kept) for row in rows),
        note="Per cent, method hmm, unit both, read at the layer that the run's folder names "
        f"({layers}); differences in points, with the 95 % interval of a paired bootstrap over "
        f"test sentences. {aligner.source}",
    )


def write_pages(evidence: Path, folder: Path) -> None:
    """Fill both pages in a folder."""
    found = json.loads(evidence.read_text(encoding="utf-8"))
    e5, aligner, ablation = (Evidence(found["experiments"][name], found["seeds"]) for name in RUNS)
    own = [OWN_POOLING[name] for name in SYSTEMS]
    tables = {
        "results.md": {
            "answers": [
                make_answers(e5),
                make_changes(e5, READ, ["all"]),
                *(make_transfer(e5, columns) for columns in (SENTENCES, WORDS)),
                *(make_changes(e5, columns, PARTS[:2]) for columns in (SENTENCES, WORDS)),
            ],
            "losses": [make_losses(e5)],
            "start": [make_start(e5)],
            "languages": [
                e5.languages("xnli", SYSTEMS),
                e5.languages("tatoeba", own, ", own pooling"),
                e5.languages("tatoeba", list(FIRST_LAST.values()), ", first + last"),
                e5.languages("udpos", SYSTEMS),
                e5.languages("panx", SYSTEMS),
                e5.languages("word-alignment", [*SYSTEMS, AT_LAYER_7]),
            ],
        },
        "alignment.md": {
            "training": [
                make_training(
                    ablation,
                    "150 steps of 16 pairs",
                    "7; word-layer-8: 8; first-last: 9, by the rule before 2026-11-27",
                ),
                make_training(aligner, "300 steps of 48 pairs"),
                e5.languages("tatoeba", [START, "split"]),
            ]
        },
    }
    for name, parts in tables.items():
        page = (folder / name).read_text(encoding="utf-8")
        for mark, some in parts.items():
            page = fill(page, mark, "\n\n".join(render_markdown(one) for one in some if one.rows))
        with atomic_file(folder / name) as file:
            file.write(page)


def main() -> None:
    """Fill both pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, default=Path("research/e5-results.json"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    write_pages(options.records, options.docs)


if __name__ == "__main__":
    main()

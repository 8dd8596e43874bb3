"""Tables of what was measured on E5, for :mod:`research.e5_pages`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crosszero.experiment.result_tables import read_published
from crosszero.experiment.table import Cell, Table
from crosszero.tasks.catalogue import find_task
from research.claims.ledger import PUBLISHED
from research.e5_evidence import Evidence, mean, sign
from research.e5_records import (
    FIRST_LAST,
    OWN_POOLING,
    QUESTIONS,
    ROBUST,
    START,
    SYSTEMS,
)

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
HELD_OUT: Sequence[Column] = (("words, held out", "word-retrieval", SAME),)
ANSWERS = (*SENTENCES, *WORDS, *READ, *HELD_OUT)
SPREAD = "; ±: half of the 95 % interval over seeds (Student t)"
MIXED = (("XNLI, mixed", "xnli-mixed"), ("PAWS-X, mixed", "pawsx-mixed"))
CHOICE = (
    ("sentences", "sentence-retrieval", "held out"),
    ("words", "word-retrieval", "held out"),
    ("Tatoeba", "tatoeba", "test"),
    ("AER", "word-alignment", "test"),
)
CHOICE_SEEDS = (1, 2, 3)


def make_answers(e5: Evidence) -> Table:
    """The paper's question: a row for each system, a column for each task."""
    return Table(
        title="Trained how, good for what?",
        columns=("system", *(name for name, *_ in ANSWERS)),
        rows=tuple(
            (system, *(e5.score(rows.get(system, ""), task) for _, task, rows in ANSWERS))
            for system in SYSTEMS
        ),
        note=f"Per cent, mean over languages{SPREAD}. AER: lower is better, method hmm; words: "
        "how many words of held-out lines are nearest to their translation; both at the layer that "
        f"the run's folder names (7; CZ-snt, seed 3: 6). {e5.source}",
    )


def make_beside(e5: Evidence) -> Table:
    """What training changes here, and what it changed in the paper."""
    published = read_published(PUBLISHED)
    reported = {row.system: dict(zip(published.columns, row.values, strict=True))
                for row in published.rows}  # fmt: skip
    own = (column for column in READ if column[2] is not FIRST_LAST)
    columns = (*SENTENCES, *WORDS, *own, *HELD_OUT)
    rows: list[tuple[Cell, ...]] = []
    for system in SYSTEMS[1:]:
        if system in reported:
            gains = {
                name: sign(value - reported["mBERT"][name])
                for name, value in reported[system].items()
            }
            cells = (gains.get(name.partition(",")[0]) for name, *_ in columns)
            rows.append((system, "paper, mBERT", *cells))
        changes = (
            e5.compared.get((read[START], read[system], task, "all")) for _, task, read in columns
        )
        rows.append((system, "here, E5", *(change and sign(change[0]) for change in changes)))
    return Table(
        title="What training changes, in the paper and here",
        columns=("system", "where", *(name.partition(",")[0] for name, *_ in columns)),
        rows=tuple(rows),
        note="Points above the untrained encoder, mean over languages; AER: lower is better. The "
        "paper's differences are between its own numbers and those that XTREME reports for mBERT, "
        f"on XTREME's full test sets. Here: sentences read by the encoder's own pooling. "
        f"{e5.source}",
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
        note=f"Per cent{SPREAD}. {e5.source}",
    )


def make_changes(e5: Evidence, what: str, columns: Sequence[Column], parts: Sequence[str]) -> Table:
    """What a change of the training changes, sentences read in the same way.

    `what` names the columns in the title.
    """
    cells = [(*column, part) for column in columns for part in parts]
    rows = (
        (
            f"{name} - start" if first == START else name,
            *(e5.change(read[first], read.get(second, ""), task, p) for _, task, read, p in cells),
        )
        for name, (first, second) in QUESTIONS.items()
    )
    return Table(
        title=f"What each change does ({what})",
        columns=("change", *(name if p == "all" else f"{name}, {p}" for name, *_, p in cells)),
        rows=drop_empty(rows),
        note="Points, with a 95 % interval: that of a paired bootstrap over test sentences and "
        "that over seeds (Student t), combined in quadrature. Seeds that failed to learn "
        f"PAWS-X make its intervals wide. {e5.source}",
    )


def make_seeds(e5: Evidence, name: str, task: str, systems: Sequence[str]) -> Table:
    """What each seed reaches in English and elsewhere: a mean can hide that one learnt nothing."""
    cells = [(seed, part) for seed in e5.seeds for part in PARTS[:2]]
    rows = (
        (system, *(e5.of_seed(system, task, part, seed) for seed, part in cells))
        for system in systems
    )
    return Table(
        title=f"{name}, seed by seed",
        columns=("system", *(f"seed {seed}, {part}" for seed, part in cells)),
        rows=drop_empty(rows),
        note=f"Per cent. {e5.source}",
    )


def make_robust(robust: Evidence) -> Table:
    """Robust fine-tuning beside the usual one: what it reaches, and how far it is from that."""
    cells = [(name, task, part) for name, task, _ in SENTENCES for part in PARTS]
    cells += [(name, task, "all") for name, task in MIXED]
    rows: list[tuple[Cell, ...]] = [
        (system, *(robust.score(system, task, part) for _, task, part in cells))
        for system in dict.fromkeys((START, *(second for _, second in ROBUST)))
    ]
    for first, system in ROBUST:
        changes = (robust.change(first, system, task, part) for _, task, part in cells)
        rows.append((f"{system} - {'start' if first == START else first}", *changes))
    kept = [n for n in range(1, len(cells) + 1) if any(row[n] is not None for row in rows)]
    names = [name if part == "all" else f"{name}, {part}" for name, _, part in cells]
    mixed = "Mixed: two sentences in two languages, mean over all pairs of these. "
    return Table(
        title="Robust fine-tuning beside the usual one",
        columns=("fine-tuning", *(names[n - 1] for n in kept)),
        rows=drop_empty((row[0], *(row[n] for n in kept)) for row in rows),
        note="Per cent; differences in points, with a 95 % interval over test sentences (paired "
        "bootstrap) and the seeds that both have, where there are several. "
        f"{mixed if any('mixed' in names[n - 1] for n in kept) else ''}{robust.source}",
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
        f"({layers}); differences in points, with a 95 % interval over test sentences (paired "
        f"bootstrap), and over seeds in rows with ±; the others have seed 1. {aligner.source}",
    )


def make_choice(found: Mapping[str, Any]) -> Table:
    """Which row the held-out lines prefer, and what it does on the test sets, over three seeds."""
    start, ablation = Evidence(found, [1]), Evidence(found, CHOICE_SEEDS)
    return Table(
        title="Held-out lines and test sets, over three seeds: 150 steps of 16 pairs",
        columns=("system", *(f"{name} ({where})" for name, _, where in CHOICE)),
        rows=tuple(
            (name, *((start if name == START else ablation).score(name, t) for _, t, _ in CHOICE))
            for name in (START, "sentences", "split", "cz-nce")
        ),
        note="Per cent; mean and half-width of the 95 % interval (Student t) over seeds "
        f"{', '.join(map(str, CHOICE_SEEDS))}. {ablation.source.partition('; ')[2]}",
    )

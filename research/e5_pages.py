"""Tables of docs/results.md and docs/alignment.md from the records of E5.

    python -m research.e5_pages

reads research/e5-results.json (:mod:`research.e5_records`), and writes between the marks that name
the tables.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from crosszero.experiment.table import render_markdown
from crosszero.files import atomic_file
from research.e5_evidence import Evidence
from research.e5_records import FIRST_LAST, OWN_POOLING, RUNS, START, SYSTEMS
from research.e5_tables import (
    HELD_OUT,
    PARTS,
    READ,
    SENTENCES,
    WORDS,
    make_answers,
    make_beside,
    make_changes,
    make_choice,
    make_losses,
    make_robust,
    make_seeds,
    make_start,
    make_training,
    make_transfer,
)
from research.results import fill


def write_pages(evidence: Path, folder: Path) -> None:
    """Fill both pages in a folder."""
    found = json.loads(evidence.read_text(encoding="utf-8"))
    e5, robust, aligner, ablation = (
        Evidence(found["experiments"][name], found["seeds"]) for name in RUNS
    )
    own = [OWN_POOLING[name] for name in SYSTEMS]
    tables = {
        "results.md": {
            "answers": [make_beside(e5), make_answers(e5)],
            "changes": [
                make_changes(e5, "retrieval and words", (*READ, *HELD_OUT), ["all"]),
                *(make_transfer(e5, columns) for columns in (SENTENCES, WORDS)),
                make_seeds(e5, "PAWS-X", "pawsx", [*SYSTEMS, "ML-CTL-CZ-longer"]),
                make_changes(e5, "XNLI, PAWS-X", SENTENCES, PARTS[:2]),
                make_changes(e5, "POS, NER", WORDS, PARTS[:2]),
            ],
            "robust": [make_robust(robust)],
            "losses": [make_losses(e5)],
            "start": [make_start(e5)],
            "languages": [
                e5.languages("xnli", SYSTEMS),
                e5.languages("tatoeba", own, ", own pooling"),
                e5.languages("tatoeba", list(FIRST_LAST.values()), ", first + last"),
                e5.languages("udpos", SYSTEMS),
                e5.languages("panx", SYSTEMS),
                e5.languages("word-alignment", [*SYSTEMS, "eflomal"]),
            ],
        },
        "alignment.md": {
            "training": [
                make_training(
                    ablation,
                    "150 steps of 16 pairs",
                    "7; word-layer-8: 8; first-last: 9, by the rule before 2026-11-27",
                ),
                make_choice(found["experiments"]["e5-ablation"]),
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
